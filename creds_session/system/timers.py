"""Timers of systemd that run a program later, whatever becomes of the session that set them."""

from __future__ import annotations

from collections.abc import Sequence

from creds_session.errors import Busy, Unavailable
from creds_session.system.commands import NOT_FOUND, run

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
