"""Run a command, and turn errors into messages and exit codes. All commands share this."""

from __future__ import annotations

import errno
import os
import sys

from creds_session.cli.output import complain, drop_output, prepare_output
from creds_session.errors import CannotWrite, CredsSessionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

INTERRUPTED = 130
OUR_FAULT = 70


def run(command: Callable[[], int], program: str) -> int:
    """Run a command; return its exit code, whatever it raises. No traceback is printed.

    The exit code is the same if the reader of standard output has left.
    """
    _open_what_is_missing()
    prepare_output()
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
    """Write all output and end this process at once: Python's own end takes 6 ms."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # nobody reads it
    os._exit(code)


def _open_what_is_missing() -> None:
    """Open /dev/null for a standard stream that is closed, so that no file takes its number.

    ``sys.stdin`` stays None if it is None: missing input must not pass for an empty password.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(nowhere, True)  # noqa: FBT003 - takes no keyword


def _fault(program: str, error: Exception) -> int:
    """Report a full disk as such, and a crash with its type and place only.

    The message of a crash may contain anything, for example a password.
    """
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        complain(program, f"the output cannot be written: {error.strerror}")
        drop_output()
        return CannotWrite.exit_code
    complain(program, f"a fault of this program: {type(error).__name__}{_place(error)}")
    return OUR_FAULT


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    name = os.path.basename(trace.tb_frame.f_code.co_filename)  # a word, not a file
    return f" at {name}:{trace.tb_lineno}"
