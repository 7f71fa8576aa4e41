"""`creds put` as it is typed, against a real daemon: no empty password by accident."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

import creds_session

CHECKOUT = Path(creds_session.__file__).parents[1]
CREDS = [sys.executable, "-m", "creds_session"]
PUT = f"{sys.executable} -m creds_session put svc me"
NOWHERE = "</dev/null"
# Each shell line gives an empty password; $TMP is the test's directory.
EMPTY = {
    "the null device": f"{PUT} {NOWHERE}",
    "an empty pipe": f": | {PUT}",
    "a lone newline": f"echo | {PUT}",
    "a command that failed": f"false 2>&1 | {PUT}",
    "--password-stdin": f"{PUT} --password-stdin {NOWHERE}",
    "--password-stdin, a newline": f"echo | {PUT} --password-stdin",
    "a descriptor": f"{PUT} --password-fd 3 3</dev/null",
    "a descriptor, a newline": f"echo | {PUT} --password-fd 3 3<&0",
    "a credential": f"CREDENTIALS_DIRECTORY=$TMP {PUT} --password-credential nothing",
    "a credential, a newline": f"CREDENTIALS_DIRECTORY=$TMP {PUT} --password-credential newline",
    "an askpass program": f"{PUT} --askpass $TMP/askpass",
    "an askpass program that prints nothing": f"{PUT} --askpass /bin/true",
}
GOOD = b"good"


def creds(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*CREDS, *words], input=stdin, cwd=CHECKOUT, capture_output=True, check=False, timeout=60
    )


def shell(line: str, directory: Path) -> subprocess.CompletedProcess[bytes]:
    environ = {**os.environ, "TMP": str(directory)}
    return subprocess.run(
        ["sh", "-c", line],
        stdin=subprocess.DEVNULL,
        cwd=CHECKOUT,
        env=environ,
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def given(tmp_path: Path) -> Path:
    (tmp_path / "nothing").touch()
    (tmp_path / "newline").write_text("\n")
    (tmp_path / "askpass").write_text("#!/bin/sh\necho\n")
    (tmp_path / "askpass").chmod(0o755)
    return tmp_path


@pytest.fixture(autouse=True)
def stored(session: dict[str, str]) -> None:  # noqa: ARG001
    assert creds("put", "svc", "me", stdin=GOOD).returncode == 0


def read() -> bytes:
    return creds("get", "svc", "me").stdout


@pytest.mark.parametrize("source", EMPTY)
def test_an_empty_password_replaces_nothing(given: Path, source: str) -> None:
    done = shell(EMPTY[source], given)
    assert done.returncode == 65, done.stderr
    assert b"empty; nothing was changed" in done.stderr
    assert b"--allow-empty" in done.stderr
    assert read() == GOOD + b"\n"


@pytest.mark.parametrize("source", EMPTY)
def test_an_empty_password_is_stored_if_it_is_wanted(given: Path, source: str) -> None:
    done = shell(EMPTY[source].replace(" put ", " put --allow-empty "), given)
    assert done.returncode == 0, done.stderr
    assert read() == b"\n"


def test_a_name_is_not_stored_either_without_its_password(given: Path) -> None:
    done = shell(f"{PUT} --username-key key {NOWHERE}", given)
    assert done.returncode == 65
    assert creds("get", "svc", "--username-key", "key").returncode == 1


def test_a_password_of_blanks_is_not_empty(given: Path) -> None:
    assert shell(f"printf ' ' | {PUT}", given).returncode == 0
    assert read() == b" \n"


@pytest.mark.parametrize("option", [[], ["--password-stdin"]])
def test_two_empty_lines_at_the_terminal_replace_nothing(option: list[str]) -> None:
    words = ["-m", "creds_session", "put", "--replace", "svc", "me", *option]
    with pexpect.spawn(sys.executable, words, cwd=CHECKOUT, timeout=20) as child:
        child.expect_exact(b"Password for svc: ")
        child.send(b"\n\n")
        child.expect_exact(b"empty; nothing was changed")
        child.expect_exact(b"--allow-empty")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 65
    assert read() == GOOD + b"\n"


def test_two_empty_lines_at_the_terminal_are_stored_if_they_are_wanted() -> None:
    words = ["-m", "creds_session", "put", "--replace", "svc", "me", "--allow-empty"]
    with pexpect.spawn(sys.executable, words, cwd=CHECKOUT, timeout=20) as child:
        child.expect_exact(b"Password for svc: ")
        child.send(b"\n")
        child.expect_exact(b"Again, to be sure: ")
        child.send(b"\n")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0
    assert read() == b"\n"


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"\n", 1), (b"y\n", 0)])
def test_a_stored_password_is_replaced_if_the_person_agrees(answer: bytes, code: int) -> None:
    words = ["-m", "creds_session", "put", "svc", "me"]
    with pexpect.spawn(sys.executable, words, cwd=CHECKOUT, timeout=20) as child:
        child.expect_exact(b"Replace it? [y/N] ")
        child.send(answer)
        for prompt in (b"Password for svc: ", b"Again, to be sure: ") if code == 0 else ():
            child.expect_exact(prompt)
            child.send(b"new\n")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == code
    assert read() == (GOOD if code else b"new") + b"\n"


def test_a_password_as_an_argument_is_neither_stored_nor_repeated() -> None:
    done = creds("put", "svc", "me", "canary-4713", stdin=b"other")
    told = done.stderr.decode()
    assert done.returncode == 64
    assert "canary" not in told
    assert "as an argument" in told
    assert "nothing was stored" in told
    assert "history" in told
    assert read() == GOOD + b"\n"


def test_netrc_with_an_empty_password_replaces_nothing(given: Path) -> None:
    file = given / "netrc"
    file.write_text('machine svc login me password ""\nmachine new login me password ""\n')
    file.chmod(0o600)
    for option in ([], ["--replace"]):
        done = creds("import-netrc", *option, str(file))
        assert (done.returncode, done.stdout) == (1, b""), done
        assert f"{file}:1: left out: its password is empty" in done.stderr.decode()
        assert b"--allow-empty" in done.stderr
        assert read() == GOOD + b"\n"
    assert creds("get", "new", "me").returncode == 1
    done = creds("import-netrc", "--replace", "--allow-empty", str(file))
    assert (done.returncode, done.stdout) == (0, b"stored\tsvc\tme\nstored\tnew\tme\n")
    assert read() == b"\n"


def test_git_replaces_no_password_by_an_empty_one() -> None:
    host = b"protocol=https\nhost=a.example\nusername=me\n"

    def helper(operation: str, password: bytes | None) -> subprocess.CompletedProcess[bytes]:
        line = b"" if password is None else b"password=" + password + b"\n"
        return creds("git-credential", operation, stdin=host + line + b"\n")

    assert helper("store", GOOD).returncode == 0
    done = helper("store", b"")
    assert done.returncode == 65
    assert b"the stored password was not replaced" in done.stderr
    assert helper("get", None).stdout == b"username=me\npassword=good\n"
    # A server that takes a token for the user name accepts an empty password.
    assert helper("erase", None).returncode == 0
    assert helper("store", b"").returncode == 0
    assert helper("get", None).stdout == b"username=me\npassword=\n"
