"""The types of D-Bus values (D-Bus Specification, "Type System")."""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}
FIXED["h"] = "I"  # the index of a file descriptor
ALIGNED = {**{kind: struct.calcsize(code) for kind, code in FIXED.items()}, "s": 4, "o": 4, "a": 4}
ALIGNED.update({"g": 1, "v": 1, "(": 8, "{": 8})
DEEPEST = 64  # containers in containers: 32 arrays and 32 structures


class Malformed(ValueError):
    """The bytes are not a message, or a value does not have the type that its signature says."""


def types(signature: str) -> Iterator[str]:
    """Yield each complete type of a signature. Raises Malformed."""
    at = 0
    while at < len(signature):
        end = _end(signature, at, 0)
        yield signature[at:end]
        at = end


def _end(signature: str, at: int, depth: int) -> int:
    """Return where the complete type ends that begins at a position."""
    code = signature[at : at + 1]
    if depth > DEEPEST or code not in ALIGNED or code == "{":
        raise Malformed("a signature is malformed")
    if code == "(":
        return _end_of_members(signature, at, depth + 1)
    if code != "a":
        return at + 1
    if signature[at + 1 : at + 2] == "{":
        return _end_of_members(signature, at + 1, depth + 1)
    return _end(signature, at + 1, depth + 1)


def _end_of_members(signature: str, at: int, depth: int) -> int:
    opening, closing = signature[at], ")" if signature[at] == "(" else "}"
    end, count = at + 1, 0
    while signature[end : end + 1] != closing:
        end, count = _end(signature, end, depth), count + 1
    is_entry = opening == "{"
    if count == 0 or (is_entry and (count != len("kv") or signature[at + 1] in "a(v{")):
        raise Malformed("a structure or an entry of a dictionary has the wrong members")
    return end + 1


def is_object_path(value: object) -> bool:
    """Return whether a value is the path of an object."""
    text = str(value)
    return text == "/" or (text[:1] == "/" and all(map(_is_word, text[1:].split("/"))))


def _is_word(word: str) -> bool:
    return word.isascii() and word.replace("_", "x").isalnum()
