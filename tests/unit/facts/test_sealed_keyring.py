"""Whether a file of gnome-keyring's is whole; tests/session has the daemon write one."""

from __future__ import annotations

import struct

from creds_session.facts.sealed_keyring import HEADER, is_whole


def text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def keyring(items: int = 2, block: int = 32) -> bytes:
    """Return a file as gkm-secret-binary.c writes it; the encrypted part is not looked into."""
    attributes = [
        text(b"service") + struct.pack(">I", 0) + text(b"0" * 32),
        text(b"port") + struct.pack(">II", 1, 7),
    ]
    one = struct.pack(">III", 1, 0, len(attributes)) + b"".join(attributes)
    head = HEADER + bytes(4) + text(b"my keyring") + bytes(52)
    return head + struct.pack(">I", items) + one * items + text(bytes(block))


def test_a_whole_file_is_whole() -> None:
    assert is_whole(keyring())
    assert is_whole(keyring(items=0))
    no_name = HEADER + bytes(4) + b"\xff" * 4 + bytes(52) + bytes(4) + text(bytes(16))
    assert is_whole(no_name)


def test_a_file_that_was_cut_anywhere_is_not() -> None:
    content = keyring()
    assert [size for size in range(len(content)) if is_whole(content[:size])] == []


def test_what_gnome_keyring_does_not_look_at_is_no_damage() -> None:
    assert is_whole(keyring() + b"\n")


def test_a_file_without_whole_blocks_is_not() -> None:
    assert not is_whole(keyring(block=31))
    assert not is_whole(b"nonsense")
