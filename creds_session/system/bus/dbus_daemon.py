"""Start a message bus: one that ends with this process, or one for the user's later shells."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from creds_session.errors import Unavailable
from creds_session.facts.bus_address import address_of_path
from creds_session.facts.next_step import STEPS, BusState
from creds_session.system.bus.peer_process import await_end, listener
from creds_session.system.processes.commands import run
from creds_session.system.processes.parent_death import tied_to_us
from creds_session.system.processes.proc import find_program
from creds_session.system.processes.user_ids import own_account

PROGRAM = "dbus-daemon"
OPTIONS = ("--session", "--nopidfile")
PATIENCE = 3.0  # seconds


def _program() -> str:
    if not own_account().name:
        raise Unavailable(
            f"user id {os.getuid()} has no entry in the passwd database, and {PROGRAM} runs for no"
            " such user",
            hint=STEPS[BusState.NO_ACCOUNT].text.partition(": ")[2],
        )
    program = find_program(PROGRAM)
    if program is None:
        from creds_session.facts.distribution import install_command  # seldom
        from creds_session.system.files.os_release import read_os_release
        from creds_session.system.files.root import Root

        raise Unavailable(
            f"{PROGRAM} is not installed",
            hint=f"as root: {install_command('dbus-run-session', read_os_release(Root()))}",
        )
    return program


@contextmanager
def bus_of_ours(
    path: str, environ: Mapping[str, str], *, keyring: str, timeout: float
) -> Iterator[str]:
    """Run a bus at this path; yield its address. It ends with the block or with this process.

    A keyring daemon ends with its bus. The block also waits for the end of the daemon whose control
    socket is at ``keyring``. The bus runs in a new session, so that Ctrl-C does not end it.
    ``timeout`` is in seconds. Raises Unavailable.
    """
    address = address_of_path(path)
    reader, writer = os.pipe()
    argv = [_program(), *OPTIONS, "--nofork", f"--print-address={writer}", f"--address={address}"]
    try:
        bus = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environ,
            pass_fds=(writer,),
            start_new_session=True,
            preexec_fn=tied_to_us(()),  # noqa: PLW1509 - there is one thread
        )
    except OSError as error:
        os.close(reader)
        raise Unavailable(f"{argv[0]} cannot be run: {error.strerror}") from None
    finally:
        os.close(writer)
    try:
        if not (select.select([reader], [], [], timeout)[0] and os.read(reader, 1)):
            raise _failed()
        yield address
    finally:
        os.close(reader)
        with listener(keyring) as daemon:
            _end(bus)
            await_end(daemon)


def _end(bus: subprocess.Popen[bytes]) -> None:
    bus.terminate()
    try:
        bus.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        bus.kill()
        bus.wait()


def start_shared_bus(path: str, environ: Mapping[str, str], timeout: float) -> str:
    """Start a bus that outlives this process; return its address. Raises Unavailable."""
    address = address_of_path(path)
    argv = [_program(), *OPTIONS, "--fork", "--print-address", f"--address={address}"]
    if not run(argv, timeout=timeout, environment=environ).succeeded:
        raise _failed()
    return address


def _failed() -> Unavailable:
    return Unavailable(
        f"{PROGRAM} did not start", hint=f"see what it says: {PROGRAM} --session --print-address"
    )
