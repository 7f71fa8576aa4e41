"""What a command prints: results on standard output, messages on standard error."""

from __future__ import annotations

import io
import os
import sys

from creds_session.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

    from typing_extensions import Buffer

SCHEMA = 1


class _Output(io.FileIO):
    """Standard output or error. After one of these errors it discards everything."""

    def __init__(self, descriptor: int, *lost: type[OSError]) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._lost = lost

    def write(self, data: Buffer) -> int | None:  # type: ignore[override]
        """Write the data. If the output is lost, it is discarded, and so is all that follows."""
        try:
            return super().write(data)
        except self._lost:
            drop_output(self.fileno())
            return super().write(data)


def prepare_output() -> None:
    """Let no output end a command, if its reader has left or the locale cannot encode the text."""
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
    """Discard the rest of our output, also that of the interpreter's end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def complain(program: str, problem: str, hint: str = "") -> None:
    """Print on standard error what is wrong, and what to do about it.

    Text of several lines keeps them. At a terminal longer lines are broken at its width. Never
    raises: there may be nobody to read it.
    """
    if sys.stderr is None:  # print() would take standard output
        return
    text = "\n".join(part.rstrip("\n") for part in (problem, hint) if part)
    margin = f"{program}: "
    from contextlib import suppress  # a result does not wait for it

    with suppress(OSError, ValueError):
        for line in _lines(text, len(margin)):
            print(f"{margin}{line}", file=sys.stderr)
            margin = " " * len(margin)


def _lines(text: str, margin: int) -> Iterator[str]:
    """Yield the lines of a message, made safe for a terminal, and broken at its width."""
    lines = map(printable, text.split("\n"))
    if not sys.stderr.isatty():
        yield from lines
        return
    from creds_session.cli.wrapping import width, wrapped  # for people alone

    columns = width(sys.stderr.fileno()) - margin
    for line in lines:
        yield from wrapped(line, columns)


def print_json(values: Mapping[str, object]) -> None:
    """Print one JSON object, with the version of its schema."""
    print(json_text(values))


def json_text(values: Mapping[str, object]) -> str:
    """Return one JSON object as text, with the version of its schema."""
    import json  # only if JSON is asked for

    return json.dumps({"schema": SCHEMA, **values}, indent=2, sort_keys=False)
