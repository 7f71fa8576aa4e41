"""Run a command in the foreground: it gets the terminal and the signals of this process.

The command stays in our process group, so Ctrl-C and Ctrl-Z at the terminal reach it as if this
process did not exist. Signals that other processes send to this process are passed on.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from creds_session.errors import CredsSessionError
from creds_session.records import NamedTuple
from creds_session.system.processes.parent_death import tied_to_us
from creds_session.system.processes.time_limit import TIMED_OUT, TimeLimit

CANNOT_EXECUTE, NOT_FOUND = 126, 127  # env(1)
BY_SIGNAL = 128
PASSED_ON = (
    *(signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM),
)
SI_KERNEL = 0x80  # sigaction(2): the terminal sent the signal, to the whole process group


class NotExecuted(CredsSessionError):
    """The command was not started: it does not exist, or cannot be executed."""

    def __init__(self, name: str, error: OSError) -> None:
        super().__init__(f"{name}: {error.strerror}")
        absent = isinstance(error, (FileNotFoundError, NotADirectoryError))
        self.exit_code = NOT_FOUND if absent else CANNOT_EXECUTE


class Held(NamedTuple):
    """The signals that do not end this process for now, and those that have arrived."""

    signals: frozenset[signal.Signals]
    arrived: list[int]


@contextmanager
def held_signals() -> Iterator[Held]:
    """Record the signals that would end this process. An ignored signal stays ignored.

    SIGCHLD gets its default handler: if a parent left it ignored, there is no exit code (wait(2)).
    """
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    taken = [number for number in PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in taken}
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield Held(frozenset(taken), arrived)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing() -> None:
    pass


def run_in_foreground(
    argv: Sequence[str],
    environ: Mapping[str, str],
    held: Held,
    meanwhile: Callable[[], None] = _nothing,
    limit: TimeLimit = TimeLimit(None),  # noqa: B008 - it is immutable without a limit
) -> int:
    """Run a command to its end and return its exit code, or 128 plus the number of a signal.

    If a signal has already arrived, the command is not started. ``meanwhile`` is called after the
    start: no thread may exist before it (fork(2)). After the time limit the command is ended, and
    the code is ``TIMED_OUT``. A command of another user, which this process may not end, continues.
    Raises NotExecuted, whose exit code is 126 or 127 as in env(1).
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*held.signals, signal.SIGCHLD})
    try:
        if held.arrived:
            return BY_SIGNAL + held.arrived[0]
        try:
            child = _start(argv, environ, before)
        except OSError as error:
            raise NotExecuted(argv[0], error) from None
        meanwhile()
        return _wait(child, held, limit)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(
    argv: Sequence[str], environ: Mapping[str, str], mask: Iterable[int]
) -> subprocess.Popen[bytes]:
    """Start a command. A script whose first line names no shell is run by sh, as in execvp(3).

    The command inherits the descriptors that this process inherited, such as those of the shell's
    ``<(...)``. The descriptors that this process opened itself are closed (PEP 446).
    """
    prepare = tied_to_us(mask)
    try:
        return subprocess.Popen(list(argv), env=environ, close_fds=False, preexec_fn=prepare)  # noqa: PLW1509 - one thread
    except OSError as error:
        script = shutil.which(argv[0], path=environ.get("PATH"))
        if error.errno != errno.ENOEXEC or script is None:
            raise
    by_sh = ["/bin/sh", os.path.abspath(script), *argv[1:]]  # it may look at its own name
    return subprocess.Popen(by_sh, env=environ, close_fds=False, preexec_fn=prepare)  # noqa: PLW1509


def become(argv: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Replace this process by the command (execve(2)).

    The command inherits the descriptors that this process inherited. Raises NotExecuted.
    """
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(argv[0], list(argv), environ)  # noqa: S606 - no shell is needed
    except OSError as error:
        script = shutil.which(argv[0], path=environ.get("PATH"))
        if error.errno != errno.ENOEXEC or script is None:
            raise NotExecuted(argv[0], error) from None
    os.execve("/bin/sh", ["/bin/sh", os.path.abspath(script), *argv[1:]], environ)  # noqa: S606


def _wait(child: subprocess.Popen[bytes], held: Held, limit: TimeLimit) -> int:
    signals = {*held.signals, signal.SIGCHLD}
    while child.poll() is None:
        left = limit.left
        came = signal.sigwaitinfo(signals) if left is None else signal.sigtimedwait(signals, left)
        if came is None:
            try:
                limit.end(child.send_signal)
            except PermissionError:
                limit.is_powerless = True
                return TIMED_OUT
        elif came.si_signo != signal.SIGCHLD and came.si_code != SI_KERNEL:
            with suppress(PermissionError):  # sudo has become root in the meantime
                child.send_signal(came.si_signo)  # Popen never signals a pid that was reused
    code = child.returncode
    if limit.is_over:
        return TIMED_OUT
    return BY_SIGNAL - code if code < 0 else code
