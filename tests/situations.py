"""Situations of a session's keyring, and what every program is to say of each.

The same shell scripts make and ask them on this machine (tests/session) and on booted ones
(tests/machine). ``secret-tool`` and ``keyring get`` are the measure: what they read is readable.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import NamedTuple

SECRET = "s3cret"
PROGRAMS = ("secret-tool", "keyring get", "creds get", "creds status", "creds unlock", "doctor")

# Keyrings are made over the bus, as a desktop would, but without its prompts.
HELPER = """\
import os, sys
from creds_session.secret import Secret
from creds_session.system.bus.address import session_bus_address
from creds_session.system.bus.connection import Bus
from creds_session.system.secret_service.service import secret_service

what, name = sys.argv[1:3]
with Bus(session_bus_address(os.environ, os.getuid()), 10) as bus:
    service = secret_service(bus)
    if what == "create":
        service.create(name, Secret(sys.argv[3].encode()))
    elif what == "unlock":
        service.unlock(service.named(name), Secret(sys.argv[3].encode()))
    elif what == "default":
        service.make_default(service.named(name))
    elif what == "lock" and service.state(service.alias(name)).name == "UNLOCKED":
        service.lock(service.alias(name))
    elif what == "pid":
        print(service.owner.pid if service else "")
"""

# PYTHON and HELPER are set by who runs this, and DIR is where the keyrings are.
SHELL = r"""
k() { "$PYTHON" "$HELPER" "$@"; }
pid() { k pid - 2>/dev/null; }
serve() {
    gnome-keyring-daemon --daemonize --components=secrets </dev/null >/dev/null 2>&1
    i=0; while [ -z "$(pid)" ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
}
quit() {
    p=$(pid); [ -z "$p" ] || kill "$p"
    while [ -n "$p" ] && [ -e "/proc/$p/comm" ] && ! grep -q 'State:.Z' "/proc/$p/status"; do
        sleep 0.05
    done
}
again() { quit; serve; }
store() { printf s3cret | secret-tool store --label=x service app username me; }
"""

# Nothing that opens a keyring is asked before `status` and the doctor; the default keyring is
# locked again before each program, if it was locked at first.
ASK = r"""
out=$1 password=$2 limit=$3 patience=$4
look() {
    name=$1; shift
    timeout -k 1 40 "$@" >"$out/$name" 2>"$out/$name.told" </dev/null
    echo $? >"$out/$name.code"
}
look status creds status --json --timeout $patience
look doctor creds-doctor --json --timeout $((patience + 10))
look still creds status --json --timeout $patience
state=$(sed -n 's/^  "state": "\(.*\)",$/\1/p' "$out/status")
default=$(sed -n 's/^  "default": "\(.*\)",$/\1/p' "$out/status")
relock() { [ "$default/$state" = locked/hung ] || [ "$default" != locked ] || k lock default; }
relock; look get creds get app me --timeout $patience
relock; look tool timeout "$limit" secret-tool lookup service app username me
relock; look keyring timeout "$limit" keyring get app me
relock
printf %s "$password" | timeout -k 1 40 creds unlock --password-stdin --timeout $patience \
    >"$out/unlock" 2>"$out/unlock.told"
echo $? >"$out/unlock.code"
look later creds get app me --timeout $patience
"""

LOGIN = "k create login pw; "
OTHER = f"serve; {LOGIN}k create 'My Work_1' other; k default My_Work_1; store; again; "
STOP = "kill -STOP $(pid)"


class Situation(enum.Enum):
    """What a session's keyring is like; the value is what the table calls it."""

    LOCKED = "login keyring, locked"
    PLAIN_LOGIN = "login keyring without a password"
    PLAIN_OTHER = "default keyring of another name without a password"
    OTHER_LOCKED = "default keyring of another name, locked"
    OTHER_OPEN = "default keyring of another name, unlocked"
    OTHER_KEPT = "default keyring of another name, its password in the unlocked login keyring"
    LOGIN_BY_CASE = "default keyring `Login`, no login keyring"
    DAMAGED = "default keyring of another name, damaged"
    SPOILT = "default keyring without a password, damaged by a secret of two lines"
    NO_DEFAULT = "default keyring that does not exist"
    HUNG = "keyring daemon hangs (SIGSTOP)"


MAKE: Mapping[Situation, str] = {
    Situation.LOCKED: f"serve; {LOGIN}store; again",
    Situation.PLAIN_LOGIN: "serve; k create login ''; store; again",
    Situation.PLAIN_OTHER: "serve; k create Default_keyring ''; k default Default_keyring;"
    " store; again",
    Situation.OTHER_LOCKED: f"{OTHER}k unlock login pw",
    Situation.OTHER_OPEN: f"{OTHER}k unlock login pw; k unlock My_Work_1 other",
    Situation.OTHER_KEPT: f"{OTHER}k unlock login pw; printf other | secret-tool store"
    " --collection=login --label=u keyring LOCAL:/keyrings/My_Work_1.keyring",
    Situation.LOGIN_BY_CASE: "serve; k create Login pw; k default Login; store; again",
    Situation.DAMAGED: f'{OTHER}quit; truncate -s -1 "$DIR/My_Work_1.keyring"; serve;'
    " k unlock login pw",
    Situation.SPOILT: "serve; k create plain ''; k default plain; store; k create login pw; quit;"
    " sed -i '/^secret=/a second line' \"$DIR/plain.keyring\"; serve; k unlock login pw",
    Situation.NO_DEFAULT: f'serve; {LOGIN}store; quit; printf Nowhere >"$DIR/default"; serve;'
    " k unlock login pw",
    Situation.HUNG: f"serve; {LOGIN}store; {STOP}",
}


class Expected(NamedTuple):
    """What is to be said of a situation.

    ``state`` is the word of `creds status`; ``told`` words that `creds unlock` says with this
    ``password``, ``unlock`` its exit code; ``finding`` is the doctor's first finding that is about
    the keyring. ``reads``: every program that reads the default keyring reads it without a
    question; ``promised``: if they do, that is sure beforehand; ``later``: a secret can be read
    after `creds unlock`. ``tool`` is what secret-tool does, which looks into all keyrings, if that
    is something else.
    """

    state: str
    told: str
    finding: str
    reads: bool = False
    unlock: int = 0
    later: bool = True
    password: str = "pw"
    tool: bool | None = None
    promised: bool = True


WITHOUT_PASSWORD = Expected(
    "no-password", "was unlocked: it has no password", "keyring-plaintext", reads=True, password=""
)
UNSERVED = Expected("no-default", "is damaged", "default-keyring-damaged", unlock=69, later=False)
EXPECTED: Mapping[Situation, Expected] = {
    Situation.LOCKED: Expected("locked", "the login keyring is unlocked", "keyring-locked"),
    Situation.PLAIN_LOGIN: WITHOUT_PASSWORD,
    Situation.PLAIN_OTHER: WITHOUT_PASSWORD,
    Situation.OTHER_LOCKED: Expected(
        "locked", "the My_Work_1 keyring is unlocked", "default-keyring-locked", password="other"
    ),
    Situation.OTHER_OPEN: Expected(
        "unlocked", "was unlocked already", "default-elsewhere", reads=True
    ),
    Situation.OTHER_KEPT: Expected(
        "password-kept",
        "the login keyring holds its password",
        "default-keyring-locked",
        reads=True,
        promised=False,
    ),
    Situation.LOGIN_BY_CASE: Expected(
        "locked", "the Login keyring is unlocked", "default-keyring-locked"
    ),
    Situation.DAMAGED: UNSERVED._replace(told="the default keyring, My_Work_1, is damaged"),
    Situation.SPOILT: UNSERVED._replace(told="the default keyring, plain, is damaged"),
    Situation.NO_DEFAULT: UNSERVED._replace(
        told="Nowhere, which does not exist", finding="default-keyring-absent", tool=True
    ),
    Situation.HUNG: UNSERVED._replace(
        state="hung", told="does not answer; the session bus does", finding="daemon-stopped"
    ),
}


class Answers(NamedTuple):
    """What the programs said: their output and their exit codes, by the names in ``ASK``."""

    said: Mapping[str, str]
    codes: Mapping[str, int]

    def require(self, expected: Expected, *, about: tuple[str, ...] = ()) -> None:
        """Fail unless all of them say the same, and what is expected.

        ``about`` are the only findings of the doctor that count: without it, its first one.
        """
        seen = repr(self)
        reads = SECRET if expected.reads else ""
        by_tool = expected.reads if expected.tool is None else expected.tool
        assert self.said["tool"].strip() == (SECRET if by_tool else ""), seen
        assert self.said["keyring"].strip() == reads, seen
        assert self.said["get"].strip() == reads, seen
        assert (self.codes["get"] == 0) is expected.reads, seen
        status = json.loads(self.said["status"])
        assert status["state"] == expected.state, seen
        is_sure = expected.reads and expected.promised
        assert (self.codes["status"] == 0) is is_sure, seen
        assert self.said["still"] == self.said["status"], seen  # neither opened anything
        assert self.codes["unlock"] == expected.unlock, seen
        assert expected.told in self.said["unlock.told"], seen
        assert (self.said["later"].strip() == SECRET) is expected.later, seen
        ours = [text for name, text in self.said.items() if not name.startswith("keyring")]
        assert "Traceback" not in "".join(ours), seen  # as keyring's own errors are
        doctor = json.loads(self.said["doctor"])
        found = [one for check in doctor["checks"] for one in check["findings"]]
        ids = [one["id"] for one in found if not about or one["id"] in about]
        assert ids[:1] == [expected.finding], seen
        level = next(one["severity"] for one in found if one["id"] == expected.finding)
        assert (level == "error") is not is_sure, seen
        if not expected.reads and expected.state in {"locked", "no-default"}:
            assert status["message"].partition(" (gnome")[0] in self.said["get.told"], seen

    @property
    def row(self) -> tuple[str, ...]:
        """Return what each program came to, for the table."""
        return (
            self._read("tool"),
            self._read("keyring"),
            self._read("get"),
            json.loads(self.said["status"])["state"],
            self._unlocked(),
            self._first_finding(),
        )

    def _read(self, name: str) -> str:
        if self.said[name].strip() == SECRET:
            return "reads"
        return "hangs" if self.codes[name] in {124, 137} else f"no, {self.codes[name]}"

    def _unlocked(self) -> str:
        code = self.codes["unlock"]
        if code:
            return f"no, {code}"
        told = self.said["unlock.told"]
        words = ("unlocked already", "no password", "holds its password")
        return next((word for word in words if word in told), "unlocks")

    def _first_finding(self) -> str:
        """Return the first finding about the keyring; PAM may not be set up yet."""
        doctor = json.loads(self.said["doctor"])
        found = [one for check in doctor["checks"] for one in check["findings"]]
        ours = (one for one in found if one["id"] in ABOUT_THE_KEYRING)
        first = next(ours, None)
        return f"{first['id']}, {first['severity']}" if first else "nothing"


ABOUT_THE_KEYRING = (
    *("daemon-stopped", "daemon-hung", "keyring-absent", "keyring-ghost", "keyring-locked"),
    *("login-without-password", "secret-service-unowned", "default-keyring-damaged"),
    *("default-keyring-absent", "default-keyring-locked", "keyring-plaintext", "keyring-broken"),
    *("other-provider-locked", "other-provider", "default-elsewhere"),
    "daemon-not-installed",
)


def limits(situation: Situation | None) -> tuple[str, str]:
    """Return the seconds for a program of others, and the time-out of ours.

    Two of the others wait for a hung daemon without an end.
    """
    return ("4", "2") if situation is Situation.HUNG else ("40", "10")
