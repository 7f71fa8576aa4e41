"""Assignments of environment variables for a shell to eval; a value may hold any byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Optional

Value = Optional[bytes]
"""What a variable is to be; None: it is to be unset."""


def render(variables: Mapping[str, Value], shell: str) -> bytes:
    """Return one command a line for a shell of ``SHELLS``.

    Each ends with a semicolon: csh's backquotes make blanks of the newlines.
    """
    assign, unset, quote = SHELLS[shell]
    lines = []
    for name, value in variables.items():
        command = unset if value is None else assign
        lines.append(command.replace(b"NAME", name.encode()).replace(b"VALUE", quote(value or b"")))
    return b"".join(line + b";\n" for line in lines)


def _quote_for_sh(value: bytes) -> bytes:
    return b"'" + value.replace(b"'", b"'\\''") + b"'"


def _quote_for_fish(value: bytes) -> bytes:
    """Quote as fish does, where a backslash counts inside single quotes."""
    return b"'" + value.replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"


def _quote_for_csh(value: bytes) -> bytes:
    """Quote as csh does, where ``!`` and a newline count inside single quotes."""
    return _quote_for_sh(value).replace(b"!", b"\\!").replace(b"\n", b"\\\n")


SHELLS: Mapping[str, tuple[bytes, bytes, Callable[[bytes], bytes]]] = {
    "sh": (b"export NAME=VALUE", b"unset NAME", _quote_for_sh),
    "fish": (b"set -gx NAME VALUE", b"set -e NAME", _quote_for_fish),
    "csh": (b"setenv NAME VALUE", b"unsetenv NAME", _quote_for_csh),
}
