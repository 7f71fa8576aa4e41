"""What a command prints: results on standard output, messages on standard error."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from creds_session.text import printable

if TYPE_CHECKING:
    from typing_extensions import Buffer

SCHEMA = 1


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
            drop_output(self.fileno())
            return super().write(data)


def prepare_output() -> None:
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


def drop_output(descriptor: int = 1) -> None:
    """Let the rest of our output go nowhere, at the interpreter's end too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


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
