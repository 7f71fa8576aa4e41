"""Whether an encrypted keyring's file is whole, as far as that can be seen without its password.

The layout is that of gkm-secret-binary.c: a header, the hashed attributes of each item, and one
encrypted block, whose length the file says; what follows it is not looked at. All numbers are
big-endian.
"""

from __future__ import annotations

HEADER = b"GnomeKeyring\n\r\0\n"
VERSIONS = 4  # bytes: major, minor, cipher, hash
TIMES_TO_RESERVED = 8 + 8 + 4 + 4 + 4 + 8 + 16  # times, flags, time-out, iterations, salt, reserved
NO_STRING = 0xFFFFFFFF
BLOCK = 16  # bytes: the encrypted part is whole blocks of AES
TEXT = 0  # an attribute whose value is the hash of a text; otherwise a number


class _Reader:
    """A position in the file. Every method raises ValueError at the end of the file."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content = content
        self._place = place

    @property
    def left(self) -> int:
        return len(self._content) - self._place

    def skip(self, size: int) -> None:
        if size > self.left:
            raise ValueError(size)
        self._place += size

    def number(self) -> int:
        self.skip(4)
        return int.from_bytes(self._content[self._place - 4 : self._place], "big")

    def string(self) -> None:
        size = self.number()
        self.skip(0 if size == NO_STRING else size)


def is_whole(content: bytes) -> bool:
    """Return whether gnome-keyring would find every part of this file in its place."""
    if not content.startswith(HEADER):
        return False
    try:
        return _ends_with_its_block(_Reader(content, len(HEADER)))
    except ValueError:
        return False


def _ends_with_its_block(reader: _Reader) -> bool:
    reader.skip(VERSIONS)
    reader.string()
    reader.skip(TIMES_TO_RESERVED)
    for _ in range(reader.number()):
        reader.skip(4 + 4)  # the item's number and type
        for _ in range(reader.number()):
            reader.string()
            is_text = reader.number() == TEXT
            reader.string() if is_text else reader.skip(4)
    size = reader.number()
    return size <= reader.left and size % BLOCK == 0
