"""One combination of the matrix on a booted machine: make the state, the session; look."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from tests.machine.support.login import PROMPT, Login
from tests.machine.support.machine import Machine
from tests.machine.support.unlock_matrix import Cell, Password, Session, State

BOUND = 15  # seconds for one command
SECRET = "s3cret"
OF_USER = {"ann": "correct horse 7!", "uma": "pässwörd ж"}
CAUSES = re.compile(r"creds: [^\r\n]*")
# A daemon that was given the login password writes user.keystore, its store for certificates, some
# time after it has unlocked the keyring (gkd-login.c, init_pin_for_uninitialized_slots).
KEYRINGS = (
    "cd {home}/.local/share/keyrings && find . -type f ! -name user.keystore"
    " -exec sha256sum {{}} + | sort"
)
# What D-Bus starts beside a daemon that runs initialises it, and then only watches.
COUNT = (
    "ps -wwo stat=,comm=,args= -u {user} | awk '$1 !~ /^Z/ && $2 ~ /^gnome-keyring-d/ &&"
    " !/--start --foreground/' | wc -l"
)

# What is run in the session: open it, then read by two programs, on the bus that `creds env` names.
CELL = r"""#!/bin/sh
# password file, result file
bound() { timeout -k 1 ${limit:-15} "$@"; }
bound creds unlock --password-stdin <"$1" 2>"$2.told"; code=$?
# On some buses secret-tool waits for ever for a person who opens a keyring that stayed closed.
[ $code = 0 ] || limit=5
eval "$(bound creds env)"
got=$(bound creds get app me 2>/dev/null) tool=$(bound secret-tool lookup service app username me)
printf '%s\n%s\n%s\n' "$code" "$got" "$tool" >"$2.new"
cat "$2.told" >>"$2.new"
mv "$2.new" "$2"
"""
UNLOCK_BY_SOCKET = """\
import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["XDG_RUNTIME_DIR"] + "/keyring/control")
p = sys.argv[1].encode()
s.sendall(bytes(1) + struct.pack(">III", 12 + len(p), 1, len(p)) + p)
assert s.recv(8)[-1:] == bytes(1)
"""
# `busctl status` cannot: on Debian 13 it wants its own control group, and who is put into a
# machine by nsenter(1) has none there.
OWNED = (
    "for i in $(seq 100); do busctl --user call org.freedesktop.DBus /org/freedesktop/DBus"
    " org.freedesktop.DBus GetNameOwner s org.freedesktop.secrets >/dev/null 2>&1 && break;"
    " sleep 0.05; done; "
)
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x0f")  # of a vt100, as tmux speaks to it
MARKED = re.compile(r"\[([^][]*)\]")
WHERE = "echo $DBUS_SESSION_BUS_ADDRESS $XDG_SESSION_ID"
SESSION_ENDS = (
    "for i in $(seq 100); do loginctl show-session {session} --property=State --value |"
    " grep -qE 'active|online' || exit 0; sleep 0.05; done; exit 1"
)
KEY = ("-o", "PreferredAuthentications=publickey", "-o", "IdentityFile=/root/key")
DAEMON = "gnome-keyring-daemon"
LOGIN = f'printf %s "$PW" | {DAEMON} --daemonize --login >/dev/null 2>&1; '
OPEN = f'printf %s "$PW" | {DAEMON} --daemonize --unlock >/dev/null 2>&1; '
CLOSED = f"{DAEMON} --daemonize </dev/null >/dev/null 2>&1; {OWNED}"
MAKE = {
    State.NONE: "",
    State.WAITING: LOGIN,
    State.READY: f"{LOGIN}{DAEMON} --start >/dev/null 2>&1; {OWNED}",
    State.UNIT: "systemctl --user start gnome-keyring-daemon.socket",
    State.SPLIT: f"{CLOSED}{OPEN}",
    State.GHOST: f'rm ~/.local/share/keyrings/*; {CLOSED}python3 /opt/unlock-by-socket.py "$PW"',
    State.LOCKED: f"{OPEN}{OWNED}creds lock 2>/dev/null",
}
STOP = (
    "systemctl --user stop gnome-keyring-daemon.socket gnome-keyring-daemon.service;"
    " systemctl --user reset-failed;"
    " rm -rf $XDG_RUNTIME_DIR/keyring* $XDG_RUNTIME_DIR/creds-session"
)


class Seen(NamedTuple):
    """What a cell came to; ``code`` is None where the hook keeps it to itself."""

    code: int | None
    got: str
    tool: str
    told: str
    daemons_before: int
    daemons: int
    same_files: bool
    seconds: float


def prepare(machine: Machine, people: Mapping[str, str] = OF_USER) -> None:
    """Make the users, each with a keyring that holds a secret, kept as a template."""
    machine.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key")
    machine.sh("mkdir -m 755 /opt/templates; mkdir -m 1777 /run/cells")
    for user, password in {**people, "carol": "pw of carol"}.items():
        machine.add_user(user, password)
        machine.sh(
            f"install -d -o {user} -g {user} -m 700 ~{user}/.ssh; install -o {user} -g {user}"
            f" -m 600 /root/key.pub ~{user}/.ssh/authorized_keys;"
            # What `loginctl enable-linger` does, which logind 257 refuses without a device manager.
            f" install -D /dev/null /var/lib/systemd/linger/{user};"
            f" systemctl start user@$(id -u {user})"
        )
    for user, password in people.items():
        wait = (
            f"for i in $(seq 100); do [ -S /run/user/$(id -u {user})/bus ] && exit; sleep 0.1; done"
        )
        machine.sh(wait)
        stop(machine, user)
        made = as_user(
            machine,
            user,
            'printf %s "$PW" | creds unlock --create --password-stdin'
            f" && printf %s {SECRET} | creds put app me",
            password,
        )
        assert made == 0
        stop(machine, user)
        machine.sh(f"cp -a ~{user}/.local/share/keyrings /opt/templates/{user}")


def as_user(
    machine: Machine, user: str, script: str, password: str = "", *, limit: int = 30
) -> int:
    """Run a script on the bus of the user's manager, for at most ``limit`` seconds."""
    words = "XDG_RUNTIME_DIR=/run/user/$u DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$u/bus"
    machine.sh("cat >/run/cells/script", stdin=script.encode())
    # No password in an argument: the journal notes those of runuser(1).
    line = f"u=$(id -u {user}); PW=$(cat); export PW; cd ~{user}; exec timeout {limit}"
    line += f" runuser -u {user}"
    line += f" -- env {words} HOME=$(pwd) sh /run/cells/script"
    argv = ("sh", "-c", line)
    done = machine.run(*argv, check=False, stdin=password.encode(), timeout=limit + 30)
    return done.returncode


def stop(machine: Machine, user: str) -> None:
    """End all that runs for the user but his manager and its bus."""
    as_user(machine, user, STOP)
    keep = "systemd|(sd-pam)|dbus-daemon|dbus-broker|dbus-broker-lau"
    machine.sh(
        f"for i in 1 2 3; do ps -o pid=,comm=,args= -u {user} | awk '$2 !~ /^({keep})$/ ||"
        ' ($2 == "dbus-daemon" && !/--systemd-activation/) {print $1}\' |'
        " xargs -r kill -KILL 2>/dev/null; sleep 0.05; done"
    )
    as_user(machine, user, STOP)


def reset(machine: Machine, user: str) -> None:
    stop(machine, user)
    machine.sh(
        f"rm -rf ~{user}/.local/share/keyrings ~{user}/.cache;"
        f" cp -a /opt/templates/{user} ~{user}/.local/share/keyrings; rm -f /run/cells/*"
    )


def run(machine: Machine, cell: Cell) -> Seen:
    """Carry a combination out."""
    user = "uma" if cell.password is Password.UTF8 else "ann"
    password = OF_USER[user]
    reset(machine, user)
    as_user(machine, user, MAKE[cell.state], password)
    files = KEYRINGS.format(home=f"/home/{user}")
    before = machine.sh(files).stdout, daemons(machine, user)
    begin, running = time.monotonic(), 0
    if cell.session.has_hook:
        code, got, tool, told = _at_a_terminal(machine, cell, user, password)
    elif cell.session in PLACES:
        with PLACES[cell.session](machine, user) as shells:
            code, got, tool, told = _typed(shells, _answer(cell, password))
            running = daemons(machine, user)  # those of a container end with it
    else:
        code, got, tool, told = _by_script(machine, cell, user, password)
    taken = time.monotonic() - begin
    after = machine.sh(files).stdout, max(running, daemons(machine, user))
    return Seen(code, got, tool, told, before[1], after[1], before[0] == after[0], taken)


def daemons(machine: Machine, user: str) -> int:
    return int(machine.sh(COUNT.format(user=user)).stdout)


def _answer(cell: Cell, password: str) -> str:
    given = {Password.WRONG: f"not {password}", Password.EMPTY: ""}.get(cell.password, password)
    return f"{given}\n" if cell.password is Password.NEWLINE else given


def _at_a_terminal(
    machine: Machine, cell: Cell, user: str, password: str
) -> tuple[int | None, str, str, str]:
    with _login(machine, cell.session, user, password, _answer(cell, password)) as shell:
        told = " ".join(CAUSES.findall(shell.transcript))
        if "Traceback" in shell.transcript:
            told += " Traceback"
        shell.run('eval "$(timeout 15 creds env)"')
        got = shell.run(f"timeout {BOUND} creds get app me 2>/dev/null").output
        lookup = f"timeout {BOUND} secret-tool lookup service app username me 2>/dev/null"
        return None, got, shell.run(lookup).output, told


def _login(
    machine: Machine, session: Session, user: str, password: str, answer: str
) -> AbstractContextManager[Login]:
    carol = "/run/user/$(id -u carol)"
    preserved = "DBUS_SESSION_BUS_ADDRESS,XDG_RUNTIME_DIR"
    sudo = f"DBUS_SESSION_BUS_ADDRESS=unix:path={carol}/bus XDG_RUNTIME_DIR={carol}"
    sudo += f" exec sudo --preserve-env={preserved} -H -u {user} bash -l"
    answers = [answer]
    if session is Session.SSH_KEY:
        return machine.ssh(user, None, *KEY, answers=answers, timeout=BOUND)
    if session is Session.SU:
        return Login(machine.enter("su", "-", user), None, answers=answers, timeout=BOUND)
    if session is Session.SUDO:
        return Login(machine.enter("sh", "-c", sudo), None, answers=answers, timeout=BOUND)
    if session is Session.CONSOLE:
        return machine.console(user, password, answers=answers, timeout=BOUND)
    return machine.ssh(user, password, answers=answers, timeout=BOUND)


def _by_script(
    machine: Machine, cell: Cell, user: str, password: str
) -> tuple[int | None, str, str, str]:
    machine.sh(
        f"cat >/run/cells/pw; chown {user} /run/cells/pw", stdin=_answer(cell, password).encode()
    )
    START[cell.session](machine, user, "/opt/cell /run/cells/pw /run/cells/out")
    machine.sh("for i in $(seq 900); do [ -e /run/cells/out ] && exit; sleep 0.05; done")
    told = machine.sh("cat /run/cells/out", check=False).stdout.split("\n", 3)
    assert len(told) == 4, f"it hangs: {told} {machine.processes(user)}"
    return int(told[0]), told[1], told[2], told[3]


def _cron(machine: Machine, user: str, line: str) -> None:
    machine.sh(
        f"printf 'PATH=/usr/local/bin:/usr/bin:/bin\n@reboot {user} {line}\n' >/etc/cron.d/cell;"
        " rm -f /run/crond.reboot; systemctl reset-failed cron; systemctl restart cron"
    )


def _service(machine: Machine, user: str, line: str) -> None:
    machine.run("systemd-run", "--quiet", "--wait", f"--uid={user}", "sh", "-c", line, check=False)


def _nested(machine: Machine, user: str, line: str) -> None:
    options = "-i /root/key -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR"
    machine.sh(f"ssh {options} {user}@127.0.0.1 dbus-run-session -- {line}", check=False)


START: dict[Session, Callable[[Machine, str, str], None]] = {
    Session.CRON: _cron,
    Session.SERVICE: _service,
    Session.NESTED: _nested,
}


def _typed(shells: Iterator[Login], answer: str) -> tuple[int, str, str, str]:
    """`creds unlock`, typed in each of the shells: what the first one saw, and all was told."""
    seen, told = [], ""
    for shell in shells:
        code, causes = _unlock(shell, answer)
        if "creds env --start" in causes:  # no bus at all; done as it says
            shell.run('eval "$(creds env --start)"')
            code, causes = _unlock(shell, answer)
        shell.run(f'eval "$(timeout {BOUND} creds env)"')
        got = _printed(shell, f"timeout {BOUND} creds get app me 2>/dev/null")
        tool = f"timeout {BOUND} secret-tool lookup service app username me 2>/dev/null"
        seen.append((code, got, _printed(shell, tool)))
        told += causes
    assert seen[1:] in ([], seen[:1]), f"the panes differ: {seen} {told}"
    return (*seen[0], told)


def _unlock(shell: Login, answer: str) -> tuple[int, str]:
    before = len(shell.transcript)
    shell.type(f"timeout --foreground {BOUND} creds unlock; code=$?; echo en''ded")
    if shell.expect("Password of the login keyring: ", "ended") == 0:
        shell.type_secretly(answer)
        shell.expect("ended")
    shell.expect(PROMPT)
    return int(_printed(shell, "echo $code")), shell.transcript[before:]


def _printed(shell: Login, command: str) -> str:
    """Return what a command prints; between marks, since tmux draws a screen as it likes."""
    drawn = CONTROL.sub("", shell.run(f"printf '[%s]' \"$({command})\"").output)
    between = MARKED.search(drawn)
    assert between, f"{command}: {drawn!r}"
    return between[1]


@contextmanager
def _tmux(machine: Machine, user: str) -> Iterator[Iterator[Login]]:
    """A server of a login that is over, with its bus; attached in another login."""
    no_hook = f"~{user}/.config/creds-session/no-hook"  # each `creds unlock` is to be typed
    machine.sh(f"install -D -o {user} -g {user} /dev/null {no_hook}")
    try:
        with machine.ssh(user, None, *KEY, timeout=BOUND) as first:
            first.enter("dbus-run-session -- bash --norc")
            first.run("export TERM=vt100; tmux new-session -d; tmux set-option -g status off")
            before = first.run(WHERE).output.split()
            first.type("exit")
        machine.sh(SESSION_ENDS.format(session=before[1]))
        with machine.ssh(user, None, *KEY, timeout=BOUND) as second:
            after = second.run(WHERE).output.split()
            assert not set(after) & set(before), (before, after)
            second.type("TERM=vt100 tmux attach")
            yield _panes(second, before)
            second.type("tmux kill-server")
    finally:
        machine.sh(f"rm {no_hook}")


def _panes(attached: Login, before: list[str]) -> Iterator[Login]:
    """The pane that was left, and a new one, which gets the old environment."""
    for keys in ("", "\x02c"):  # Ctrl-B C
        attached.press(keys)
        attached.take_over_shell()
        assert _printed(attached, WHERE).split() == before
        yield attached


@contextmanager
def _container(machine: Machine, user: str) -> Iterator[Iterator[Login]]:
    """A shell in a container: no init, no bus, no runtime directory; the home is the same."""
    machine.sh("mkdir -p /srv/box; mountpoint -q /srv/box || mount --bind / /srv/box")
    nspawn = "systemd-nspawn --quiet --as-pid2 --register=no --link-journal=no --timezone=off"
    nspawn += f" --resolv-conf=off --directory=/srv/box --user={user} --chdir=/home/{user}"
    command = machine.enter(*nspawn.split(), "bash")
    with Login(command, None, timeout=BOUND) as shell:
        yield iter([shell])


PLACES: dict[Session, Callable[[Machine, str], AbstractContextManager[Iterator[Login]]]] = {
    Session.TMUX: _tmux,
    Session.CONTAINER: _container,
}
