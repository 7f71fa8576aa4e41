"""Render assignments of environment variables for a shell's eval; a value may hold any byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Optional

Value = Optional[bytes]
"""The new value of a variable; None: unset the variable."""


def render(variables: Mapping[str, Value], shell: str) -> bytes:
    """Return one line for each variable, in the language of a shell in ``SHELLS``.

    Each line ends with a semicolon, because csh's backquotes turn newlines into blanks.
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
    """Quote for fish, in which a backslash is special inside single quotes."""
    return b"'" + value.replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"


def _quote_for_csh(value: bytes) -> bytes:
    """Quote for csh, in which ``!`` and a newline are special inside single quotes."""
    return _quote_for_sh(value).replace(b"!", b"\\!").replace(b"\n", b"\\\n")


SHELLS: Mapping[str, tuple[bytes, bytes, Callable[[bytes], bytes]]] = {
    "sh": (b"export NAME=VALUE", b"unset NAME", _quote_for_sh),
    "fish": (b"set -gx NAME VALUE", b"set -e NAME", _quote_for_fish),
    "csh": (b"setenv NAME VALUE", b"unsetenv NAME", _quote_for_csh),
}
