from __future__ import annotations

import pytest

from creds_session import credentials
from creds_session.credentials.delivery import git_credential
from creds_session.credentials.delivery.git_credential import (
    LAST_USED,
    Description,
    parse_description,
)
from creds_session.errors import InvalidData, NoSuchCredential
from creds_session.secret import Secret
from tests.unit.credentials.test_credentials import Memory, backend

__all__ = ["backend"]
HOST = b"protocol=https\nhost=a.example:8443\n"
SERVICE = "git:https://a.example:8443"


def described(more: bytes = b"") -> Description:
    found = parse_description(HOST + more)
    assert found is not None
    return found


def test_description() -> None:
    text = (
        b"username=me\npassword=a=b\nwwwauth[]=Basic realm=x\ncapability[]=state\nnew=1\n\nhost=b\n"
    )
    assert described(text) == Description(SERVICE, "me", Secret(b"a=b"), is_lasting=True)
    assert described(b"path=x/y.git\n").service == f"{SERVICE}/x/y.git"
    assert not described(b"password_expiry_utc=1\n").is_lasting
    assert not described(b"ephemeral=1\n").is_lasting
    assert parse_description(b"protocol=https\n") is None
    assert parse_description(b"") is None
    empty = parse_description(b"protocol=cert\nhost=\npath=f\n")
    assert empty is not None
    assert empty.service == "git:cert:///f"


@pytest.mark.parametrize("text", [b"nonsense\n", b"host=\xff\n"])
def test_what_is_no_description(text: bytes) -> None:
    with pytest.raises(InvalidData):
        parse_description(text)


def test_store_get_erase(backend: Memory) -> None:
    me = described(b"username=me\npassword=one\n")
    git_credential.store(me)
    assert git_credential.get(described()) == b"username=me\npassword=one\n"
    assert git_credential.get(described(b"username=me\n")) == b"username=me\npassword=one\n"
    assert git_credential.get(described(b"username=you\n")) == b""
    git_credential.erase(described(b"username=me\npassword=another\n"))
    assert credentials.get(SERVICE, "me").password == Secret(b"one")
    git_credential.erase(me)
    assert git_credential.get(described()) == b""
    assert backend.kept == {}


def test_what_is_kept_is_not_written_again(backend: Memory) -> None:
    me = described(b"username=me\npassword=one\n")
    git_credential.store(me)
    backend.log.clear()
    git_credential.store(me)
    assert backend.log == []


def test_last_one_used_is_the_one_without_a_name(backend: Memory) -> None:
    git_credential.store(described(b"username=me\npassword=one\n"))
    git_credential.store(described(b"username=you\npassword=two\n"))
    assert git_credential.get(described()) == b"username=you\npassword=two\n"
    git_credential.store(described(b"username=me\npassword=one\n"))
    assert git_credential.get(described()) == b"username=me\npassword=one\n"
    git_credential.erase(described(b"username=you\npassword=two\n"))
    assert git_credential.get(described()) == b"username=me\npassword=one\n"
    assert (SERVICE, LAST_USED) in backend.kept


@pytest.mark.usefixtures("backend")
def test_last_ones_password_removed_by_another_program() -> None:
    git_credential.store(described(b"username=me\npassword=one\n"))
    credentials.delete(SERVICE, "me")
    assert git_credential.get(described()) == b""
    git_credential.store(described(b"username=you\npassword=two\n"))
    assert git_credential.get(described()) == b"username=you\npassword=two\n"


@pytest.mark.usefixtures("backend")
def test_what_does_not_last_or_is_not_whole_is_not_kept() -> None:
    for text in (
        b"username=me\n",
        b"password=x\n",
        b"username=me\npassword=x\npassword_expiry_utc=99\n",
        b"username=me\npassword=x\nephemeral=1\n",
    ):
        git_credential.store(described(text))
    with pytest.raises(NoSuchCredential):
        credentials.get(SERVICE, "me")


@pytest.mark.parametrize(
    ("expiry", "given"),
    [
        (b"1", b"old"),  # it has ended already: nobody uses it
        (b"9999999999", None),
        (b"9999999999junk", None),
        (b"0", b"new"),  # git takes these for no end at all
        (b"", b"new"),
        (b"never", b"new"),
    ],
)
def test_an_expiry_is_read_as_git_reads_it(
    backend: Memory,  # noqa: ARG001
    expiry: bytes,
    given: bytes | None,
) -> None:
    git_credential.store(described(b"username=me\npassword=old\n"))
    git_credential.store(
        described(b"username=me\npassword=new\npassword_expiry_utc=" + expiry + b"\n")
    )
    told = git_credential.get(described(b"username=me\n"))
    assert told == (b"" if given is None else b"username=me\npassword=" + given + b"\n")


def test_a_token_that_expires_takes_the_place_of_the_older_password(backend: Memory) -> None:
    git_credential.store(described(b"username=you\npassword=two\n"))
    git_credential.store(described(b"username=me\npassword=old\n"))
    token = described(b"username=me\npassword=new\npassword_expiry_utc=9999999999\n")
    git_credential.store(token)
    assert git_credential.get(described(b"username=me\n")) == b""
    assert git_credential.get(described()) == b""
    assert git_credential.get(described(b"username=you\n")) == b"username=you\npassword=two\n"
    git_credential.store(token)
    git_credential.store(described(b"username=you\npassword=x\nephemeral=1\n"))
    assert git_credential.get(described(b"username=you\n")) == b"username=you\npassword=two\n"
    assert (SERVICE, "me") not in backend.kept


@pytest.mark.usefixtures("backend")
def test_password_of_several_lines_is_not_given() -> None:
    credentials.put(SERVICE, "me", Secret(b"one\nhost=evil"))
    with pytest.raises(InvalidData, match="has several lines"):
        git_credential.get(described(b"username=me\n"))
