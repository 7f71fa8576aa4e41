"""Compute a digest without OpenSSL, whose loading takes as long as a quarter of Python's start."""

from __future__ import annotations

from collections.abc import Iterable

try:  # hashlib itself takes it from there (hashlib.py:__get_builtin_constructor)
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

SIZE = 32  # bytes


def digest(parts: Iterable[bytes]) -> str:
    """Return the BLAKE2b digest of some texts and of where each of them ends, in hexadecimal."""
    state = blake2b(digest_size=SIZE)
    for part in parts:
        state.update(b"%d:" % len(part))
        state.update(part)
    return str(state.hexdigest())
