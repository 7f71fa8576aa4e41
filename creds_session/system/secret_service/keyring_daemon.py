"""Give a keyring daemon its password, or have a daemon that waits serve this session."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from creds_session.errors import Unavailable
from creds_session.facts.session import DAEMON_NAME
from creds_session.secret import Secret
from creds_session.system.bus.connection import Bus
from creds_session.system.processes.commands import run
from creds_session.system.processes.proc import find_program
from creds_session.system.secret_service.service import NAME

if TYPE_CHECKING:
    from subprocess import Popen


def initialise(bus: Bus, environ: Mapping[str, str], timeout: float) -> None:
    """Let ``--start`` initialise the daemon that GNOME_KEYRING_CONTROL names, and wait for it.

    PAM started that daemon, and it waits for this. A daemon that D-Bus starts does not have this
    session's environment, and finds another daemon or none (gkd-main.c:discover_other_daemon). Its
    output is not used. ``timeout`` is in seconds. Raises Unavailable. The caller must check whether
    the daemon serves this bus or another one.
    """
    program = find_program(DAEMON_NAME)
    if program is None:
        raise Unavailable(f"{DAEMON_NAME} is not installed")
    session = {**environ, "DBUS_SESSION_BUS_ADDRESS": bus.address}
    done = run([program, "--start"], timeout=timeout, environment=session)
    if not done.succeeded:
        raise Unavailable(f"the keyring daemon that waits was not initialised: {done.errors}")
    # The daemon takes the name after it has answered (gkd-main.c, gkr_daemon_initialize_steps).
    patience = time.monotonic() + min(timeout, 2)
    while bus.peer(NAME) is None and time.monotonic() < patience:
        time.sleep(0.01)


def feed(
    argv: Sequence[str], secret: Secret, environment: Mapping[str, str], timeout: float
) -> str:
    """Run a program that reads a password from standard input to the end; return its output.

    This uses pexpect's pipe and not its pty. A terminal would act on control characters in the
    password, cut a line at 4096 bytes, and show the password unless its echo is off
    (docs/decisions/0002). The exceptions of pexpect contain the output of the program, so they are
    not passed on. ``timeout`` is in seconds. Raises Unavailable.
    """
    import pexpect  # slow, and only an unlock without a daemon needs it
    from pexpect.popen_spawn import PopenSpawn

    try:
        child = PopenSpawn(list(argv), timeout=timeout, env=dict(environment))
    except OSError as error:
        raise Unavailable(f"{argv[0]} cannot be run: {error.strerror}") from None
    patience = 0.0  # any failure, also Ctrl-C, ends the program at once
    try:
        child.send(secret.reveal())  # type: ignore[no-untyped-call]
        child.sendeof()
        child.expect(pexpect.EOF)
        patience = timeout
    except pexpect.TIMEOUT:
        raise Unavailable(f"{argv[0]} did not finish within {timeout:g} s") from None
    except OSError as error:
        raise Unavailable(f"{argv[0]} did not take the password: {error.strerror}") from None
    finally:
        _end(child.proc, patience)
    printed: object = child.before
    return printed.decode(errors="replace") if isinstance(printed, bytes) else str(printed)


def _end(process: Popen[str], timeout: float) -> None:
    """Wait until a program that closed its output has ended, or end it; close its pipes."""
    from subprocess import TimeoutExpired  # pexpect has already loaded it

    try:
        with suppress(TimeoutExpired):
            process.wait(timeout)
    finally:
        process.kill()  # this does nothing if the program has ended
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
