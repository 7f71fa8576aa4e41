"""What a stream gives, and the password in it: one newline at the end is removed, and no more."""

from __future__ import annotations

CONTENTS = (
    (b"", b""),
    (b"\n", b""),
    (b"\n\n", b"\n"),
    (b"pw", b"pw"),
    (b"pw\n", b"pw"),
    (b"pw\n\n", b"pw\n"),
    (b"pw\r\n", b"pw\r"),
    (b"a\nb\xff\r", b"a\nb\xff\r"),
    (b"two\nlines\n", b"two\nlines"),
)
