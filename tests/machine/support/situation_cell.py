"""One situation of the keyring on a booted machine: make it, ask every program about it."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager

from tests.machine.support.breakages import OTHER_PROVIDER
from tests.machine.support.machine import Machine
from tests.machine.support.unlock_cell import as_user, stop
from tests.situations import (
    ASK,
    EXPECTED,
    HELPER,
    MAKE,
    SHELL,
    Answers,
    Expected,
    Situation,
    limits,
)

USER = "ann"
PYTHON = "/opt/creds-session/current/bin/python"
ANSWERS = "/run/cells/answers"
SET = (
    f"PYTHON={PYTHON} HELPER=/opt/situation.py DIR=$HOME/.local/share/keyrings;"
    " export PYTHON HELPER DIR; PATH=/opt/creds-session/current/bin:$PATH\n"
)
FILES = {
    "/opt/situation.py": HELPER.encode(),
    "/opt/other_provider.py": OTHER_PROVIDER.encode(),
}
SSH = (
    "ssh -i /root/key -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR"
    f" {USER}@127.0.0.1 sh /run/cells/asked"
)
LONGEST = 150  # seconds
HIDE = (
    "for f in /usr/share/dbus-1/services/org.freedesktop.secrets.service"
    " /usr/share/dbus-1/services/org.gnome.keyring.service /usr/bin/gnome-keyring-daemon"
    " $(ls /usr/lib/*/security/pam_gnome_keyring.so); do"
    ' mkdir -p "/root/hidden$(dirname "$f")"; mv "$f" "/root/hidden$f"; done'
)
SHOW = "cd /root/hidden && find usr -type f -exec mv {} /{} \\;"


class Way(enum.Enum):
    """From where the programs are run: all of these have the bus of the user's manager."""

    SERVICE = "a job on the user's bus"
    SSH_KEY = "ssh, key"


OTHER_PROGRAM = Expected(
    "other-provider",
    "another program serves secrets here",
    "other-provider-locked",
    unlock=69,
    later=False,
)
NOT_INSTALLED = "another program serves secrets, gnome-keyring is not installed"


def seen(machine: Machine, situation: Situation, way: Way) -> Answers:
    """Make the situation, and return what every program says of it."""
    _empty(machine)
    made = as_user(machine, USER, f"{SET}{SHELL}{MAKE[situation]}", limit=LONGEST)
    assert made == 0, machine.processes(USER)
    return _asked(machine, EXPECTED[situation].password, situation, way)


def seen_without_gnome_keyring(machine: Machine, way: Way) -> Answers:
    """Have another program serve secrets where gnome-keyring is not installed; ask about that."""
    _empty(machine)
    with _hidden(machine):
        script = (
            f"{SET}{PYTHON} /opt/other_provider.py locked </dev/null >/dev/null 2>&1 &\n"
            f'{SHELL}i=0; while [ -z "$(pid)" ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done'
        )
        assert as_user(machine, USER, script, limit=LONGEST) == 0
        return _asked(machine, "pw", None, way)


@contextmanager
def _hidden(machine: Machine) -> Iterator[None]:
    machine.sh(HIDE)
    try:
        yield
    finally:
        machine.sh(SHOW)
        stop(machine, USER)


def _empty(machine: Machine) -> None:
    stop(machine, USER)
    machine.sh(
        f"rm -rf ~{USER}/.local/share/keyrings ~{USER}/.cache /run/cells/*;"
        f" install -d -o {USER} -g {USER} -m 700 ~{USER}/.local/share/keyrings {ANSWERS}"
    )


def _asked(machine: Machine, password: str, situation: Situation | None, way: Way) -> Answers:
    words = " ".join(limits(situation))
    script = f"{SET}{SHELL}set -- {ANSWERS} '{password}' {words}\n{ASK}"
    if way is Way.SERVICE:
        as_user(machine, USER, script, limit=LONGEST)
    else:
        machine.sh("cat >/run/cells/asked", stdin=script.encode())
        machine.run("timeout", str(LONGEST), *SSH.split(" "), check=False, timeout=LONGEST + 10)
    told = machine.sh(
        f"cd {ANSWERS}; for f in *; do printf '%s\\0' \"$f\"; cat \"$f\"; printf '\\0'; done"
    ).stdout.split("\0")
    files = dict(zip(told[::2], told[1::2]))
    codes = {name[:-5]: int(text) for name, text in files.items() if name.endswith(".code")}
    said = {name: text for name, text in files.items() if not name.endswith(".code")}
    return Answers(said, codes)
