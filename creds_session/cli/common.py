"""What every command shares: the one place where errors become messages and exit codes."""

from __future__ import annotations

import argparse
import errno
import io
import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from creds_session import __version__
from creds_session.errors import CannotWrite, CredsSessionError, UsageError
from creds_session.report.text import printable

INTERRUPTED = 130
OUR_FAULT = 70
SCHEMA = 1
LONGEST = 86400.0  # seconds


def run(command: Callable[[], int], program: str) -> int:
    """Run a command; return its exit code, whatever is raised in it. Never a traceback."""
    _escape_what_is_no_text()
    try:
        code = command()
        sys.stdout.flush()
    except CredsSessionError as error:
        complain(program, error.problem, error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        complain(program, "interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()  # whoever read it has left
        return 0
    except Exception as error:  # noqa: BLE001 - the boundary: a crash must not look like 1
        return _fault(program, error)
    return code


def _escape_what_is_no_text() -> None:
    """Have bytes that are no text in this locale printed as escapes: they must end no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


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


def _drop_output() -> None:
    """Keep the interpreter from trying to write the rest of our output at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    name = os.path.basename(trace.tb_frame.f_code.co_filename)  # noqa: PTH119 - a word, not a file
    return f" at {name}:{trace.tb_lineno}"


def complain(program: str, problem: str, hint: str = "") -> None:
    """Tell the person on standard error what is wrong, and what to do about it."""
    print(f"{program}: {printable(problem)}", file=sys.stderr)
    if hint:
        print(f"{' ' * len(program)}  {printable(hint)}", file=sys.stderr)


def print_json(values: Mapping[str, object]) -> None:
    """Print one object, with the version of its shape."""
    print(json.dumps({"schema": SCHEMA, **values}, indent=2, sort_keys=False))


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors exit with 64, and whose help keeps its examples' lines."""

    def __init__(self, prog: str, description: str, epilog: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add_argument("--version", action="version", version=f"%(prog)s {__version__}")

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and exit."""
        self.print_usage(sys.stderr)
        self.exit(UsageError.exit_code, f"{self.prog}: {printable(message)}\n")


def seconds(text: str) -> float:
    """Return a time limit given on the command line: more than nothing, at most a day."""
    value = float(text)
    if not (math.isfinite(value) and 0 < value <= LONGEST):
        raise ValueError(text)
    return value


def refuse_foreign_home(command: str) -> None:
    """Refuse root with the home or the runtime directory of a user, as ``sudo`` can leave it.

    It would reach nobody's keyring, and load what that user's keyringrc names, as root.
    """
    if os.getuid() != 0:
        return
    for variable in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        place = Path(os.environ.get(variable) or "/nonexistent")
        if place.is_dir() and place.stat().st_uid != 0:
            user = os.environ.get("SUDO_USER", "that user")
            raise UsageError(
                f"root with {variable}={place} would reach nobody's keyring",
                hint=f"run it as {user}: creds {command}",
            )
