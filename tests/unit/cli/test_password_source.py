from __future__ import annotations

import argparse
import os
import pty
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.cli import password_source
from creds_session.cli.password_source import Declined
from creds_session.errors import CredsSessionError, InvalidData, NoSuchFile, Unavailable, UsageError
from creds_session.secret import Secret
from creds_session.system.terminal import password_sources
from creds_session.system.terminal.standard_input import MAX_INPUT
from tests.unit.streams import CONTENTS

NOTE = "one newline at the end of"


def parsed(*words: str, quiet: bool = False) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    password_source.add_sources(parser)
    arguments = parser.parse_args(words)
    arguments.quiet = quiet
    return arguments


def pipe(content: bytes) -> int:
    """Return a descriptor that gives this; the kernel holds 64 KiB of it."""
    end, tell = os.pipe()
    os.write(tell, content)
    os.close(tell)
    return end


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path  # type: ignore[return-value]


@pytest.mark.parametrize(("content", "password"), CONTENTS)
@pytest.mark.parametrize("quiet", [False, True])
def test_one_newline_is_taken_off_and_that_is_said(
    capsys: pytest.CaptureFixture[str],
    credentials: Path,
    content: bytes,
    password: bytes,
    quiet: bool,
) -> None:
    (credentials / "keyring").write_bytes(content)
    for source in (
        ("--password-fd", str(pipe(content))),
        ("--password-credential", "keyring"),
    ):
        assert (
            password_source.current_password(parsed(*source, quiet=quiet), "").reveal() == password
        )
        said = NOTE in capsys.readouterr().err
        assert said is (content.endswith(b"\n") and not quiet)


def to_store(*words: str, allow_empty: bool = False) -> bytes:
    arguments = parsed(*words)
    arguments.allow_empty = allow_empty
    return password_source.to_store(arguments, "Password: ").reveal()


@pytest.mark.parametrize("content", [b"pw", b"pw\npw", b" ", b"\n\n"])
def test_a_password_to_store_is_taken_whole_from_a_stream(content: bytes) -> None:
    assert to_store("--password-fd", str(pipe(content))) == content.removesuffix(b"\n")


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_password_is_stored_only_if_it_is_wanted(content: bytes) -> None:
    with pytest.raises(InvalidData, match="is empty; nothing was changed") as caught:
        to_store("--password-fd", str(pipe(content)))
    assert type(caught.value) is InvalidData, "a script must tell it from a wrong password"
    assert "--allow-empty" in caught.value.hint
    assert to_store("--password-fd", str(pipe(content)), allow_empty=True) == b""


def test_an_empty_password_at_a_prompt_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("creds_session.cli.password_source.is_typed", lambda: True)
    asked = answering(monkeypatch, b"")
    with pytest.raises(InvalidData, match="given at the prompt is empty"):
        to_store()
    assert asked == ["Password:"]
    asked = answering(monkeypatch, b"", b"")
    assert to_store(allow_empty=True) == b""
    assert asked == ["Password:", "Again,"]
    answering(monkeypatch, b"", b"pw")
    with pytest.raises(InvalidData, match="differ; nothing was changed"):
        to_store(allow_empty=True)


def asked_of(content: bytes) -> tuple[bytes, list[bytes]]:
    """Return what a keyring would be made with, and what PAM was asked about."""
    asked: list[bytes] = []
    arguments = parsed("--password-fd", str(pipe(content)), quiet=True)
    made = password_source.new_password(arguments, "", "", lambda one: asked.append(one.reveal()))
    return made.reveal(), asked


@pytest.mark.parametrize("content", [b"pw\npw", b"pw\npw\n"])
def test_a_keyring_is_made_with_two_lines_that_are_the_same(content: bytes) -> None:
    assert asked_of(content) == (b"pw", [])


@pytest.mark.parametrize("content", [b"pw", b"pw\n"])
def test_a_keyring_is_made_with_one_line_only_if_that_is_allowed(content: bytes) -> None:
    whole = content.removesuffix(b"\n")
    assert asked_of(content) == (whole, [whole])


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"pw\nqw", "the two lines differ"), (b"pw\npw\npw", "more than two lines")],
)
def test_no_keyring_is_made_with_lines_that_differ(content: bytes, words: str) -> None:
    with pytest.raises(InvalidData, match=words) as caught:
        asked_of(content)
    assert caught.value.exit_code == 65
    assert "pw" not in caught.value.problem + caught.value.hint.replace("password", "")


@pytest.mark.parametrize("content", [b"old\nnew", b"old\nnew\n"])
def test_old_and_new_of_a_stream_are_two_lines(content: bytes) -> None:
    old, new = password_source.old_and_new(parsed("--password-fd", str(pipe(content))))
    assert (old.reveal(), new.reveal()) == (b"old", b"new")


@pytest.mark.parametrize("content", [b"", b"old", b"old\n", b"old\nnew\n\n", b"a\nb\nc"])
def test_old_and_new_of_a_stream_are_two_lines_and_no_other_number(content: bytes) -> None:
    with pytest.raises(InvalidData, match="must be two lines"):
        password_source.old_and_new(parsed("--password-fd", str(pipe(content)), quiet=True))


def test_an_empty_line_of_two_is_left_to_who_judges_passwords() -> None:
    old, new = password_source.old_and_new(parsed("--password-fd", str(pipe(b"old\n\n"))))
    assert (old.reveal(), new.reveal()) == (b"old", b"")


def answering(monkeypatch: pytest.MonkeyPatch, *answers: bytes) -> list[str]:
    left = list(answers)
    asked: list[str] = []

    def ask(prompt: str, _patience: float | None = None) -> Secret:
        asked.append(prompt.partition(" ")[0])
        return Secret(left.pop(0))

    monkeypatch.setattr("creds_session.system.terminal.password_prompt.ask_password", ask)
    return asked


def test_a_terminal_is_asked_for_old_new_and_new_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, b"old", b"new", b"new")
    old, new = password_source.old_and_new(parsed())
    assert (old.reveal(), new.reveal()) == (b"old", b"new")
    assert asked == ["Old", "New", "Again,"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([b""], Declined),
        ([b"old", b""], Declined),
        ([b"old", b"new", b"typo"], InvalidData),
        ([b"old", b"new", b""], InvalidData),
    ],
)
def test_a_person_may_decline_and_may_not_mistype(
    monkeypatch: pytest.MonkeyPatch, answers: list[bytes], error: type[InvalidData]
) -> None:
    asked = answering(monkeypatch, *answers)
    with pytest.raises(error, match="nothing was changed") as caught:
        password_source.old_and_new(parsed())
    assert type(caught.value) is error
    assert len(asked) == len(answers)


def test_sources_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ("--password-stdin", "--askpass", "x"),
        ("--askpass", "x", "--password-credential", "y"),
        ("--password-fd", str(pipe(b"")), "--password-stdin"),
    ):
        with pytest.raises(SystemExit):
            parsed(*words)
        assert "not allowed with" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "1", "2", "-1", "x", "", "1e1", "999", "9" * 30, "٣"])
def test_a_descriptor_that_is_none_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], number: str
) -> None:
    with pytest.raises(SystemExit):
        parsed(f"--password-fd={number}")
    assert "argument --password-fd: " in capsys.readouterr().err


def test_a_descriptor_that_would_show_or_cannot_be_read_is_refused(tmp_path: Path) -> None:
    here, terminal = pty.openpty()
    written = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT, 0o600)
    folder = os.open(tmp_path, os.O_RDONLY)
    for descriptor in (terminal, written, folder):
        with pytest.raises(UsageError):
            password_sources.open_descriptor(str(descriptor))
    for descriptor in (here, terminal, written, folder):
        os.close(descriptor)


def test_a_descriptor_is_closed_and_passed_on_to_nobody() -> None:
    end = pipe(b"x")
    os.set_inheritable(end, True)  # noqa: FBT003
    assert password_sources.open_descriptor(str(end)) == end
    assert not os.get_inheritable(end)
    assert password_sources.read_descriptor(end) == b"x"
    with pytest.raises(OSError):
        os.fstat(end)


def test_a_descriptor_without_an_end_is_refused() -> None:
    with pytest.raises(InvalidData, match="not a password"):
        password_sources.read_descriptor(os.open("/dev/zero", os.O_RDONLY))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing", NoSuchFile),
        ("folder", InvalidData),
        ("fifo", InvalidData),
        ("huge", InvalidData),
        ("../huge", UsageError),
        ("/etc/passwd", UsageError),
        ("..", UsageError),
        ("", UsageError),
    ],
)
def test_a_credential_is_a_file_that_systemd_gave(
    credentials: Path, name: str, error: type[CredsSessionError]
) -> None:
    (credentials / "folder").mkdir()
    os.mkfifo(credentials / "fifo")
    (credentials / "huge").write_bytes(b"x" * (MAX_INPUT + 1))
    with pytest.raises(error):
        password_source.current_password(parsed("--password-credential", name), "")


@pytest.mark.parametrize("folder", [None, ""])
def test_a_credential_needs_a_service(monkeypatch: pytest.MonkeyPatch, folder: str | None) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    if folder is not None:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", folder)
    with pytest.raises(Unavailable, match="CREDENTIALS_DIRECTORY is not set"):
        password_source.current_password(parsed("--password-credential", "x"), "")


def program(folder: Path, text: str) -> Path:
    path = folder / "ask"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_askpass_gets_the_prompt_and_no_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = "Password of $HOME; `id`: "
    path = program(tmp_path, 'printf "%s\\n" "$#$1"')
    assert (
        password_source.current_password(parsed("--askpass", str(path)), prompt).reveal()
        == f"1{prompt}".encode()
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert password_source.current_password(parsed("--askpass", "ask"), "x").reveal() == b"1x"


def test_askpass_asks_twice_for_a_new_password(tmp_path: Path) -> None:
    path = program(tmp_path, f'echo "$1" >>{tmp_path}/asked; echo pw')
    old, new = password_source.old_and_new(parsed("--askpass", str(path)))
    assert (old, new) == (Secret(b"pw"), Secret(b"pw"))
    assert len((tmp_path / "asked").read_text().splitlines()) == 3


@pytest.mark.parametrize("text", ["echo canary; exit 1", "echo canary; kill -9 $$", "exit 0"])
def test_askpass_may_decline(tmp_path: Path, text: str) -> None:
    with pytest.raises(Declined) as caught:
        password_source.current_password(parsed("--askpass", str(program(tmp_path, text))), "x")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("name", ["./ask", "sub/ask", "creds-nowhere", "/nowhere/ask", ""])
def test_askpass_is_a_program_of_the_path_or_a_whole_path(name: str) -> None:
    with pytest.raises(UsageError):
        password_source.current_password(parsed(f"--askpass={name}"), "x")


def test_askpass_that_is_no_program_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "ask"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    with pytest.raises(Unavailable, match="cannot be run"):
        password_source.current_password(parsed("--askpass", str(path)), "x")


def test_askpass_ends_in_time_and_leaks_nothing(tmp_path: Path) -> None:
    path = program(tmp_path, "echo canary; sleep 4 & exec sleep 4")
    begin = time.monotonic()
    with pytest.raises(Unavailable, match="no answer within") as caught:
        password_sources.run_askpass(str(path), "x", timeout=0.3)
    assert time.monotonic() - begin < 3
    assert caught.value.__suppress_context__
    assert "canary" not in str(caught.value)


def test_standard_input_of_two_lines(python: list[str]) -> None:
    code = (
        f"import sys, argparse; sys.path.insert(0, {python[1]!r})\n"
        "from creds_session.cli import password_source as passwords\n"
        "parser = argparse.ArgumentParser(); passwords.add_sources(parser)\n"
        "old, new = passwords.old_and_new(parser.parse_args(['--password-stdin']))\n"
        "print(old.reveal(), new.reveal(), repr(old))"
    )
    done = subprocess.run(
        [python[0], "-I", "-c", code], input=b"a b\n c\n", capture_output=True, check=True
    )
    assert done.stdout == b"b'a b' b' c' Secret(<redacted>)\n"
    assert NOTE.encode() in done.stderr
