"""systemd, told to run a program later: after a time, or when the machine next comes up."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from creds_session.errors import Busy, Unavailable
from creds_session.system.commands import NOT_FOUND, run
from creds_session.system.files import Attributes, make_directory, remove, replace
from creds_session.system.root import Root

NOT_LOADED = 5  # systemctl(1), as an init script's LSB exit status
BUS_TIMEOUT = 30.0


def start(unit: str, seconds: float, argv: Sequence[str], description: str) -> None:
    """Have systemd run a program once, that many seconds from now. Raises Unavailable.

    The accuracy of a timer is a minute unless it is named (systemd.timer(5)). A program that
    finds a lock held is run again.
    """
    command = ["systemd-run", "--quiet", "--collect", "--no-ask-password", f"--unit={unit}"]
    command += [f"--description={description}", f"--on-active={seconds:g}s"]
    command += ["--timer-property=AccuracySec=100ms"]
    command += [f"--property=RestartForceExitStatus={Busy.exit_code}", "--property=RestartSec=3s"]
    done = run([*command, "--", *argv], timeout=BUS_TIMEOUT)
    if done.code == NOT_FOUND:
        raise Unavailable("systemd-run is not installed, so nothing could revert in time")
    if not done.succeeded:
        said = done.errors.strip().partition("\n")[0] or f"it ended with {done.code}"
        raise Unavailable(f"systemd-run set no timer: {said}")


LONGEST_AT_BOOT = 90  # seconds that sshd waits for it at most; a oneshot has no limit of its own
AT_BOOT = "/etc/systemd/system/{unit}.service"
WANTED = "/etc/systemd/system/multi-user.target.wants/{unit}.service"


def at_boot(root: Root, unit: str, argv: Sequence[str], only_if: str, description: str) -> None:
    """Have systemd run a program at each boot if a file exists, before anyone logs in.

    systemd reads units at boot, so it is not told of this one now. The unit gets the owner of its
    directory, which is root on a system that runs. Raises CannotWrite.
    """
    words = " ".join(word.replace("%", "%%").replace("$", "$$") for word in argv)
    text = f"""\
[Unit]
Description={description}
ConditionPathExists={only_if}
Before=ssh.service sshd.service systemd-user-sessions.service

[Service]
Type=oneshot
TimeoutStartSec={LONGEST_AT_BOOT}
ExecStart={words}
"""
    make_directory(root.place(WANTED.format(unit=unit)).parent, 0o755)
    path = root.place(AT_BOOT.format(unit=unit))
    owner = path.parent.stat()
    replace(path, text.encode(), Attributes(0o644, owner.st_uid, owner.st_gid, ()))
    with suppress(FileExistsError):
        root.place(WANTED.format(unit=unit)).symlink_to(f"../{unit}.service")


def not_at_boot(root: Root, unit: str) -> None:
    """Take back ``at_boot``."""
    remove(root.place(WANTED.format(unit=unit)))
    remove(root.place(AT_BOOT.format(unit=unit)))


def is_waiting(unit: str) -> bool:
    """Tell whether the timer is still to elapse."""
    return run(
        ["systemctl", "is-active", "--quiet", f"{unit}.timer"], timeout=BUS_TIMEOUT
    ).succeeded


def stop(unit: str, *, program: bool) -> bool:
    """Stop the timer, and the program where it waits to be run again; tell whether both are."""
    units = [f"{unit}.timer", *([f"{unit}.service"] if program else [])]
    stopped = run(["systemctl", "stop", *units], timeout=BUS_TIMEOUT)
    return stopped.code in {0, NOT_LOADED}
