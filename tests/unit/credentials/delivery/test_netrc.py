from __future__ import annotations

import netrc
import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.credentials.delivery.netrc import NetrcEntry, parse_netrc
from creds_session.errors import InvalidData, NoSuchFile, NotPermitted
from creds_session.secret import Secret
from creds_session.system.files.private_file import read_private


def entry(line: int, machine: str | None, login: str | None, password: str | None) -> NetrcEntry:
    secret = None if password is None else Secret(password.encode())
    return NetrcEntry(line, machine, login, secret)


@pytest.mark.parametrize(
    ("content", "entries"),
    [
        ("", []),
        ("machine a login b password c", [entry(1, "a", "b", "c")]),
        ("\nmachine a\n\tlogin b\r\n password c\n", [entry(2, "a", "b", "c")]),
        ("machine a password c", [entry(1, "a", None, "c")]),
        ("machine a login b account x password c", [entry(1, "a", "b", "c")]),
        ("default login b password c", [entry(1, None, "b", "c")]),
        ("# machine x\nmachine a # login y\nlogin b", [entry(2, "a", "b", None)]),
        ("machine a login b password #c", [entry(1, "a", "b", "#c")]),
        ('machine a login b password "c d\\"e\\tf"', [entry(1, "a", "b", 'c d"e\tf')]),
        ("machine machine login login password password",
         [entry(1, "machine", "login", "password")]),
        ("macdef x\nmachine no login no\n\nmachine a", [entry(4, "a", None, None)]),
        ("machine b\nmacdef x\nput\nquit", [entry(1, "b", None, None)]),
        ("macdef x\n\nmachine a", [entry(3, "a", None, None)]),
    ],
)  # fmt: skip
def test_entries(content: str, entries: list[NetrcEntry]) -> None:
    assert parse_netrc(content.encode(), "f") == entries


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"machine", "f:1: machine without a value"),
        (b"\nmachine a\nlogin\n\n", "f:3: login without a value"),
        (b"login a", "f:1: login comes before the first machine"),
        (b"machine a\npassword secret word", "f:2: a word that is not a keyword of a netrc file"),
        (b'machine a password "secret', "f:1: a quote that does not end on its line"),
        (b"machine a password \xff", "f:1: the value of password is not UTF-8"),
    ],
)
def test_what_is_wrong_is_placed_and_no_secret_shown(content: bytes, place: str) -> None:
    with pytest.raises(InvalidData) as caught:
        parse_netrc(content, "f")
    assert caught.value.problem == f"{place}; nothing was stored"
    assert "secret" not in caught.value.problem + caught.value.hint


@given(st.binary())
def test_anything_is_entries_or_an_error(content: bytes) -> None:
    with suppress(InvalidData):
        parse_netrc(content, "f")


TOKEN = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='#"\\'), min_size=1
)


@given(st.dictionaries(TOKEN, st.tuples(TOKEN, TOKEN), max_size=5))
def test_as_pythons_own_reads_it(machines: dict[str, tuple[str, str]]) -> None:
    lines = [
        f"machine {one}\n login {who}\n password {it}\n" for one, (who, it) in machines.items()
    ]
    with NamedTemporaryFile("w+") as file:
        file.writelines(lines)
        file.flush()
        theirs = {one: (who, it) for one, (who, _, it) in netrc.netrc(file.name).hosts.items()}
    ours = {}
    for found in parse_netrc("".join(lines).encode(), "f"):
        assert found.password is not None
        ours[found.machine] = (found.login, found.password.reveal().decode())
    assert ours == theirs


def test_file_that_others_can_read(tmp_path: Path) -> None:
    file = tmp_path / "f"
    with pytest.raises(NoSuchFile):
        read_private(str(file))
    file.write_bytes(b"x")
    for mode, is_private in ((0o600, True), (0o400, True), (0o640, False), (0o602, False)):
        file.chmod(mode)
        if is_private:
            assert read_private(str(file)) == b"x"
        else:
            with pytest.raises(NotPermitted, match="others can read"):
                read_private(str(file))
    with pytest.raises(InvalidData, match="not a regular"):
        read_private(str(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_file_of_another_user_is_not_read(tmp_path: Path) -> None:
    """Who owns it can have written in it what a person is to store as theirs."""
    file = tmp_path / "f"
    file.write_bytes(b"x")
    file.chmod(0o600)
    os.chown(file, 65_534, -1)
    with pytest.raises(NotPermitted, match="it is not yours; nothing was read"):
        read_private(str(file))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_is_told_to_change_no_file_that_a_user_has_linked_to(tmp_path: Path) -> None:
    """`chmod 600 LINK` would close /etc/passwd to everybody."""
    (tmp_path / "roots").touch(mode=0o644)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "link").symlink_to("../roots")
    with pytest.raises(NotPermitted) as caught:
        read_private(str(tmp_path / "roots"))
    assert "chmod 600" in caught.value.hint
    for owner in (0, 4712):
        os.chown(tmp_path / "theirs", owner, owner)
        for path in ("theirs/link", "theirs/../theirs/../roots"):
            with pytest.raises(NotPermitted) as caught:
                read_private(str(tmp_path / path))
            is_safe = owner == 0 and path != "theirs/link"
            assert ("chmod" in caught.value.hint) is is_safe
            assert "think of changing them" in caught.value.hint
