"""One combination of the matrix on a booted machine: make the state, the session; look."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from tests.machine.login import Login
from tests.machine.machine import Machine
from tests.machine.unlock_matrix import Cell, Password, Session, State

BOUND = 15  # seconds for one command
SECRET = "s3cret"
OF_USER = {"ann": "correct horse 7!", "uma": "pässwörd ж"}
CAUSES = re.compile(r"creds: [^\r\n]*")
KEYRINGS = "cd {home}/.local/share/keyrings && find . -type f -exec sha256sum {{}} + | sort"
# What D-Bus starts beside a daemon that runs initialises it, and then only watches.
COUNT = (
    "ps -wwo stat=,comm=,args= -u {user} | awk '$1 !~ /^Z/ && $2 ~ /^gnome-keyring-d/ &&"
    " !/--start --foreground/' | wc -l"
)

# What is run in the session: open it, then read by two programs, on the bus that `creds env` names.
CELL = r"""#!/bin/sh
# password file, result file
bound() { timeout -k 1 15 "$@"; }
bound creds unlock --password-stdin <"$1" 2>"$2.told"; code=$?
case $3$code in
start69)
    grep -q 'creds env --start' "$2.told" || echo "no hint of a bus" >>"$2.told"
    eval "$(bound creds env --start)"
    bound creds unlock --password-stdin <"$1" 2>"$2.told"; code=$? ;;
*) eval "$(bound creds env)" ;;
esac
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
# `busctl status` cannot: on Debian 13 it asks for credentials that a container's kernel denies.
OWNED = (
    "for i in $(seq 100); do busctl --user call org.freedesktop.DBus /org/freedesktop/DBus"
    " org.freedesktop.DBus GetNameOwner s org.freedesktop.secrets >/dev/null 2>&1 && break;"
    " sleep 0.05; done; "
)
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


def prepare(machine: Machine) -> None:
    """Make the users, each with a keyring that holds a secret, kept as a template."""
    machine.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key")
    machine.sh("mkdir -m 755 /opt/templates; mkdir -m 1777 /run/cells")
    for user, password in {**OF_USER, "carol": "pw of carol"}.items():
        machine.add_user(user, password)
        machine.sh(
            f"install -d -o {user} -g {user} -m 700 ~{user}/.ssh; install -o {user} -g {user}"
            f" -m 600 /root/key.pub ~{user}/.ssh/authorized_keys;"
            # What `loginctl enable-linger` does, which logind 257 refuses without a device manager.
            f" install -D /dev/null /var/lib/systemd/linger/{user};"
            f" systemctl start user@$(id -u {user})"
        )
    for user, password in OF_USER.items():
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


def as_user(machine: Machine, user: str, script: str, password: str = "") -> int:
    """Run a script on the bus of the user's manager."""
    words = "XDG_RUNTIME_DIR=/run/user/$u DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$u/bus"
    machine.sh("cat >/run/cells/script", stdin=script.encode())
    line = f"u=$(id -u {user}); PW=$(cat); cd ~{user}; exec timeout 30 runuser -u {user} -- env"
    line += f' {words} PW="$PW" HOME=$(pwd) sh /run/cells/script'
    done = machine.sh(line, check=False, stdin=password.encode())
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
    begin = time.monotonic()
    if cell.session.has_hook:
        code, got, tool, told = _at_a_terminal(machine, cell, user, password)
    else:
        code, got, tool, told = _by_script(machine, cell, user, password)
    taken = time.monotonic() - begin
    after = machine.sh(files).stdout, daemons(machine, user)
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
    key = ("-o", "PreferredAuthentications=publickey", "-o", "IdentityFile=/root/key")
    carol = "/run/user/$(id -u carol)"
    preserved = "DBUS_SESSION_BUS_ADDRESS,XDG_RUNTIME_DIR"
    sudo = f"DBUS_SESSION_BUS_ADDRESS=unix:path={carol}/bus XDG_RUNTIME_DIR={carol}"
    sudo += f" exec sudo --preserve-env={preserved} -H -u {user} bash -l"
    answers = [answer]
    if session is Session.SSH_KEY:
        return machine.ssh(user, None, *key, answers=answers, timeout=BOUND)
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


def _tmux(machine: Machine, user: str, line: str) -> None:
    """A server that was started in a session whose bus is gone."""
    inner = "dbus-run-session -- tmux -L mx new-session -d"
    as_user(
        machine, user, f"unset DBUS_SESSION_BUS_ADDRESS PW; {inner} && tmux -L mx neww '{line}'"
    )


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


def _container(machine: Machine, user: str, line: str) -> None:
    """No init, no bus, no runtime directory."""
    clean = f"env -i HOME=/home/{user} LOGNAME={user} PATH=/usr/local/bin:/usr/bin:/bin"
    inside = (
        "mount -t tmpfs tmpfs /run/user; setpriv"
        f" --reuid={user} --regid={user} --init-groups {clean} {line} start; true"
    )
    alone = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    machine.run(*alone, "sh", "-c", inside, check=False)


START: dict[Session, Callable[[Machine, str, str], None]] = {
    Session.TMUX: _tmux,
    Session.CRON: _cron,
    Session.SERVICE: _service,
    Session.NESTED: _nested,
    Session.CONTAINER: _container,
}
