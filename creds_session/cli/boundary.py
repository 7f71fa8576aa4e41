"""What every command shares: the one place where errors become messages and exit codes."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, TextIO

from creds_session.errors import CannotWrite, CredsSessionError, UsageError
from creds_session.text import printable

if TYPE_CHECKING:
    from typing_extensions import Buffer

INTERRUPTED = 130
OUR_FAULT = 70
SCHEMA = 1


def run(command: Callable[[], int], program: str) -> int:
    """Run a command; return its exit code, whatever is raised in it. Never a traceback.

    The code stays what it is when the reader of standard output has left.
    """
    _open_what_is_missing()
    _prepare_output()
    try:
        code = command()
        sys.stdout.flush()
    except CredsSessionError as error:
        complain(program, error.problem, _hint(error, program))
        return error.exit_code
    except KeyboardInterrupt:
        complain(program, "interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the boundary: a crash must not look like 1
        return _fault(program, error)
    return code


def _hint(error: CredsSessionError, program: str) -> str:
    if not error.root_may:
        return error.hint
    from creds_session.cli.typed import root_hint  # seldom

    return root_hint(error, program) or error.hint


def end_at_once(code: int) -> NoReturn:
    """End this process, all output written, as the kernel clears up: Python takes 6 ms for it."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


class _Output(io.FileIO):
    """Standard output or error, silent once it is lost in one of these ways."""

    def __init__(self, descriptor: int, *lost: type[OSError]) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._lost = lost

    def write(self, data: Buffer) -> int | None:  # type: ignore[override]
        """Write it; once the output is lost, all that follows goes nowhere."""
        try:
            return super().write(data)
        except self._lost:
            _drop_output(self.fileno())
            return super().write(data)


def _open_what_is_missing() -> None:
    """Open /dev/null where a standard stream was closed: no file may come to lie there.

    ``sys.stdin`` stays None where it is: what is not there must not pass for an empty password.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(nowhere, True)  # noqa: FBT003 - takes no keyword


def _prepare_output() -> None:
    """Have no output end a command: for its reader has left, or it is no text in this locale."""
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(1, sys.stdout, BrokenPipeError)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(2, sys.stderr, OSError)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _text(descriptor: int, before: TextIO | None, *lost: type[OSError]) -> TextIO:
    raw = _Output(descriptor, *lost)
    by_line = raw.isatty() or descriptor == 2  # noqa: PLR2004 - standard error
    encoding = before.encoding if before else None
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, line_buffering=by_line)


def _fault(program: str, error: Exception) -> int:
    """Tell a full disk as what it is; of a crash the type and the place only.

    A message may hold anything, a password too.
    """
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        complain(program, f"the output cannot be written: {error.strerror}")
        _drop_output()
        return CannotWrite.exit_code
    complain(program, f"a fault of this program: {type(error).__name__}{_place(error)}")
    return OUR_FAULT


def _drop_output(descriptor: int = 1) -> None:
    """Let the rest of our output go nowhere, at the interpreter's end too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    name = os.path.basename(trace.tb_frame.f_code.co_filename)  # a word, not a file
    return f" at {name}:{trace.tb_lineno}"


def complain(program: str, problem: str, hint: str = "") -> None:
    """Tell the person on standard error what is wrong, and what to do about it.

    Text of several lines keeps them. Never raises: there may be nobody to tell.
    """
    if sys.stderr is None:  # print() would take standard output
        return
    told = problem.rstrip("\n").split("\n") + (hint.rstrip("\n").split("\n") if hint else [])
    margin = f"{program}: "
    with suppress(OSError, ValueError):
        for line in told:
            print(f"{margin}{printable(line)}", file=sys.stderr)
            margin = " " * len(margin)


def print_json(values: Mapping[str, object]) -> None:
    """Print one object, with the version of its shape."""
    print(json_text(values))


def json_text(values: Mapping[str, object]) -> str:
    """Return one object, with the version of its shape."""
    import json  # who asks for none waits for none

    return json.dumps({"schema": SCHEMA, **values}, indent=2, sort_keys=False)


def refuse_foreign_home(program: str) -> None:
    """Refuse to run as root with the home or the runtime directory of another user.

    The command would reach nobody's keyring, and load what that user's keyringrc names, as root.
    Raises UsageError.
    """
    if os.getuid() != 0:
        return
    from creds_session.system.files.foreign_home import (  # for root alone
        foreign_place,
    )

    found = foreign_place(os.environ)
    if found is not None:
        from creds_session.cli.typed import typed  # seldom

        raise UsageError(
            f"root with {found.variable}={found.place} would reach nobody's keyring",
            hint=f"run it as {found.user or 'that user'}: {typed(program)}",
        )
