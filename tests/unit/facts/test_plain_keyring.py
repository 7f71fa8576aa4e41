"""What an unencrypted keyring can keep; the pairs were seen with gnome-keyring 42.1."""

from __future__ import annotations

import pytest

from creds_session.facts.plain_keyring import bad_line, keeps

HEAD = b"[keyring]\ndisplay-name=x\n\n[1]\nsecret="


@pytest.mark.parametrize(
    "secret", [b"", b"x", b"trail ", b"a\rb", b"a=b;c#d[e]", b"[x]", b"#x", "ü🔑".encode(), b"\x01"]
)
def test_a_secret_that_comes_back_as_it_was_is_kept(secret: bytes) -> None:
    assert keeps(secret)
    assert bad_line(HEAD + secret + b"\n") is None


@pytest.mark.parametrize(
    "secret",
    [
        *(b"a\nb", b"a\n", b"\na", b"\n", b"a\r\nb", b"a\n[1]\nsecret=evil", b"a\nb=c"),
        *(b" lead", b"\ttab", b"\x0bx", b"\x0cx", b"back\\slash", b"\\", b"\r", b"a\r"),
    ],
)
def test_a_secret_that_would_come_back_changed_is_not(secret: bytes) -> None:
    assert not keeps(secret)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEAD + b"a\nb\n", 6),
        (HEAD + b"\na\n", 6),
        (b"secret=x\n[keyring]\n", 1),
        (b"[keyring]\n=x\n", 2),
        (b"# a comment\n\n[keyring]\na=b\n", None),
        (b"[keyring]\r\na=b\r\n", None),
        (b"", None),
    ],
)
def test_the_line_that_makes_a_file_unreadable_is_named(text: bytes, line: int | None) -> None:
    assert bad_line(text) == line
