"""The main job from red to green, for a person to watch; ``scripts/demo`` runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.machine.support import rootfs
from tests.machine.support.capability import why_no_machine
from tests.machine.support.login import Login
from tests.machine.support.machine import Machine, booted

USER, PASSWORD, SECRET = "alice", "alice's own password", "MyOhMy!"
ORDINARY_LOGIN = """
set -eu
creds() { "$PYTHON" -m creds_session "$@"; }
show() { printf '\\n$ %s\\n' "$*"; "$@"; }
show creds get emcli sysman || echo "(exit $?)"
printf '\\n$ creds unlock --create      (the password is typed twice; here it comes by a pipe)\\n'
printf '%s\\n%s\\n' "an own password" "an own password" | creds unlock --create --password-stdin
printf '\\n$ creds put emcli sysman\\n'
printf '%s' 'MyOhMy!' | creds put emcli sysman
show creds get emcli sysman
"""


def say(text: str) -> None:
    """Tell what comes next."""
    print(f"\n\033[1m== {text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def typed(session: Login, command: str) -> None:
    """Run a command at the person's terminal and show both."""
    result = session.run(command)
    status = f"\n(exit {result.status})" if result.status else ""
    print(f"{USER}$ {command}\n{result.output}{status}", flush=True)


def as_root(machine: Machine, *command: str) -> None:
    """Run a command as root and show both."""
    done = machine.run(*command, check=False)
    status = f"(exit {done.returncode})\n" if done.returncode else ""
    print(f"root# {' '.join(command)}\n{done.stdout}{done.stderr}{status}", end="", flush=True)


def on_a_machine(release: str) -> None:
    """Boot, show red, apply, log in again, show green, revert."""
    with tempfile.TemporaryDirectory(prefix="creds-demo-") as place:
        say(f"Boot a throwaway Debian {release} with sshd, PAM, systemd, D-Bus and gnome-keyring")
        layers = rootfs.installed(release, Path(place) / "installed")
        with booted(*layers) as machine:
            machine.add_user(USER, PASSWORD)
            say("An ssh login, the password typed: no secret can be read")
            with machine.ssh(USER, PASSWORD) as session:
                typed(session, "secret-tool lookup service emcli username sysman")
                typed(session, "creds get emcli sysman")
                typed(session, "creds-doctor")
            say("As root: what would change, and why; then the change")
            as_root(machine, "creds-setup-pam", "diff")
            as_root(machine, "creds-setup-pam", "apply")
            say("Log in again: a secret is stored and read, nobody is asked for anything")
            with machine.ssh(USER, PASSWORD) as session:
                typed(session, f"printf '%s' '{SECRET}' | creds put emcli sysman")
                typed(session, "creds get emcli sysman")
            with machine.ssh(USER, PASSWORD) as session:
                typed(session, "creds get emcli sysman")
                typed(session, "creds-doctor")
            say("Take it back: the file is as it was, to the byte")
            as_root(machine, "creds-setup-pam", "revert")
            as_root(machine, "creds-setup-pam", "check")
    say("Done; the machine is gone")


def agreed(packages: str) -> bool:
    """Ask at a terminal whether these packages may be installed."""
    if not sys.stdin.isatty():
        return True
    return input(f"Install these Debian packages: {packages}? [y/N] ").lower().startswith("y")


def ordinary_login(reason: str) -> int:
    """Show the recipe's ordinary login: a private bus, a keyring in a home that is thrown away."""
    say(f"No machine can be booted here ({reason}); the ordinary login instead")
    missing = [p for p in ("dbus-run-session", "gnome-keyring-daemon") if shutil.which(p) is None]
    if missing and os.getuid() == 0 and shutil.which("apt-get") and agreed("dbus gnome-keyring"):
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
        subprocess.run([*install, "dbus", "gnome-keyring"], check=True, stdout=subprocess.DEVNULL)
    elif missing:
        print(f"not installed: {', '.join(missing)}; a person with root's rights must do that")
        return 69
    with tempfile.TemporaryDirectory(prefix="creds-demo-") as home:
        environ = {"HOME": home, "PATH": os.environ["PATH"], "PYTHON": sys.executable}
        environ["PYTHONPATH"] = str(rootfs.CHECKOUT)
        done = subprocess.run(
            ["dbus-run-session", "--", "sh", "-c", ORDINARY_LOGIN], check=False, env=environ
        )
    say("Done; the bus, the daemon and the home are gone")
    return done.returncode


def main() -> int:
    """Show it, on a machine where one can be booted."""
    reason = why_no_machine()
    if reason:
        return ordinary_login(reason)
    try:
        on_a_machine(sys.argv[1] if len(sys.argv) > 1 else "trixie")
    except RuntimeError as error:
        return ordinary_login(str(error).splitlines()[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
