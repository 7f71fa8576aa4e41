"""What every command shares: the one place where errors become messages and exit codes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

from creds_session import __version__
from creds_session.errors import CredsSessionError, UsageError

INTERRUPTED = 130
OUR_FAULT = 70
SCHEMA = 1


def run(command: Callable[[], int], program: str) -> int:
    """Run a command; return its exit code, whatever is raised in it. Never a traceback."""
    try:
        return command()
    except CredsSessionError as error:
        complain(program, error.problem, error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        complain(program, "interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; keep the interpreter from saying so again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the boundary: a crash must not look like 1
        # The type and the place only: a message may hold anything, a password too.
        complain(program, f"a fault of this program: {type(error).__name__}{_place(error)}")
        return OUR_FAULT


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
    print(f"{program}: {problem}", file=sys.stderr)
    if hint:
        print(f"{' ' * len(program)}  {hint}", file=sys.stderr)


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
        self.exit(UsageError.exit_code, f"{self.prog}: {message}\n")
