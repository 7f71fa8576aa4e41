"""What a person sees at a terminal: lines of its width, a sign of life, and questions first."""

from __future__ import annotations

import argparse
import contextlib
import io
import socket
from pathlib import Path

import pytest

from creds_session.cli import output
from creds_session.cli.colour import is_coloured
from creds_session.cli.creds import put
from creds_session.cli.creds.main import _parse
from creds_session.cli.wrapping import wrapped
from tests.unit.cli.test_help import at_terminal, run
from tests.unit.cli.test_password_source import answering
from tests.unit.credentials.test_credentials import Memory, backend
from tests.unit.system.bus.test_connection import authenticate_and_fall_silent, in_background

__all__ = ["backend"]

PROSE = (
    "the keyring daemon of this session does not answer, although the session bus does, and so"
    " nothing can be read or stored"
)


@pytest.mark.parametrize("columns", [20, 40, 60, 79])
def test_lines_are_not_wider_than_the_terminal(columns: int) -> None:
    lines = list(wrapped(PROSE, columns))
    assert max(map(len, lines)) <= columns
    assert " ".join(lines) == PROSE


def test_blanks_within_a_line_are_kept() -> None:
    """Two blanks may be part of a path or of a name, which a person pastes."""
    name = "'my  own   keyring'"
    first, *rest = wrapped(f"there is no keyring {name} in this directory, and none was made", 45)
    assert name in first
    assert len(rest) == 1


def test_a_margin_is_kept() -> None:
    assert all(line.startswith("    ") for line in wrapped(f"    {PROSE}", 40))


@pytest.mark.parametrize(
    "command",
    [
        "sudo creds-setup-pam --service sshd apply --try alice --confirm-within 10m",
        'eval "$(creds env --start)"',
        "systemctl --user restart gnome-keyring-daemon.socket gnome-keyring-daemon.service",
        "creds unlock --create --password-stdin --timeout 30 --quiet --json --patience 3",
        "secret-tool clear keyring LOCAL:/keyrings/my_long_name.keyring",
        "sudo apt install openssh-server gnome-keyring libpam-gnome-keyring",
        "chmod 600 /home/alice/.local/share/keyrings/login.keyring",
    ],
)
@pytest.mark.parametrize(
    "sentence",
    [
        "run it as root, since nobody else may change this: {}",
        "end the one that is there, and then: {}",
        "{}",
        "type `{}` in this shell, and log in again afterwards, so that it counts",
    ],
)
@pytest.mark.parametrize("columns", [30, 50, 73])
def test_a_command_to_be_pasted_is_never_broken(command: str, sentence: str, columns: int) -> None:
    lines = list(wrapped(sentence.format(command), columns))
    assert sum(command in line for line in lines) == 1, lines
    assert all(len(line) <= columns for line in lines if command not in line)


def test_what_follows_a_command_begins_a_line() -> None:
    line = "end it: kill 4711; then: systemctl --user restart some-long-name.socket, or log out"
    assert list(wrapped(line, 30)) == [
        "end it: kill 4711; then:",
        "systemctl --user restart some-long-name.socket,",
        "or log out",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2


@pytest.mark.parametrize("columns", ["40", "80"])
def test_a_message_is_as_wide_as_the_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with contextlib.redirect_stderr(Terminal()) as shown:
        output.complain("creds", PROSE, f"{PROSE}\nunlock it: creds unlock")
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert lines[0].startswith("creds: ")
    assert all(line.startswith("       ") for line in lines[1:])
    assert lines[-1].endswith("unlock it: creds unlock")


def test_a_message_to_a_file_keeps_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    with contextlib.redirect_stderr(io.StringIO()) as shown:
        output.complain("creds", PROSE)
    assert shown.getvalue() == f"creds: {PROSE}\n"


@pytest.mark.parametrize("columns", [50, 80])
def test_errors_fit_the_terminal(python: list[str], tmp_path: Path, columns: int) -> None:
    code, shown = at_terminal(python, "creds", "delete", "a", columns=columns, HOME=str(tmp_path))
    assert code == 64
    assert [line for line in shown.splitlines() if len(line) > columns] == []


@pytest.mark.parametrize("line", ["get a b", "list", "unlock", "status", "lock", "delete a b"])
def test_a_command_that_waits_says_so_after_two_seconds(
    python: list[str], tmp_path: Path, line: str
) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "bus"))
        server.listen()
        in_background(server, authenticate_and_fall_silent)
        place = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus", "HOME": str(tmp_path)}
        words = [*line.split(), "--timeout", "3"]
        code, shown = at_terminal(python, "creds", *words, columns=80, **place)
    assert code == 69, shown
    assert shown.count("creds: waiting for ") == 1, shown
    assert "(3 s at most) ..." in shown


def test_nothing_is_said_of_waiting_in_a_pipe(python: list[str], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "bus"))
        server.listen()
        in_background(server, authenticate_and_fall_silent)
        place = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus", "HOME": str(tmp_path)}
        done = run(python, "creds", "get", "a", "b", "--timeout", "2.5", **place)
    assert "waiting" not in done.stderr


def read(line: str) -> argparse.Namespace:
    return _parse(line.split())


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the questions that a person is asked, who answers each with no."""
    questions: list[str] = []
    prompt = "creds_session.system.terminal.password_prompt"

    def confirm(question: str) -> bool:
        questions.append(question)
        return False

    monkeypatch.setattr("creds_session.cli.password_source.is_typed", lambda: True)
    monkeypatch.setattr(f"{prompt}.is_interactive", lambda: True)
    monkeypatch.setattr(f"{prompt}.confirm", confirm)
    monkeypatch.setattr(put, "forbid_core_dumps", lambda: None)
    return questions


def test_put_asks_before_it_replaces_a_password(
    monkeypatch: pytest.MonkeyPatch, backend: Memory, person: list[str]
) -> None:
    backend.kept["app", "me"] = "old"
    asked = answering(monkeypatch)
    assert put.execute(read("put app me")) == 1
    assert (backend.kept["app", "me"], asked) == ("old", [])
    assert len(person) == 1
    assert "me" in person[0]
    assert "old" not in person[0]


@pytest.mark.parametrize("line", ["put app me --replace", "put app you"])
def test_put_asks_nothing_if_there_is_nothing_to_ask(
    monkeypatch: pytest.MonkeyPatch, backend: Memory, person: list[str], line: str
) -> None:
    backend.kept["app", "me"] = "old"
    answering(monkeypatch, b"new", b"new")
    assert put.execute(read(line)) == 0
    assert person == []
    assert backend.kept["app", line.split()[2]] == "new"


def test_put_replaces_without_a_question_if_nobody_can_answer(
    monkeypatch: pytest.MonkeyPatch, backend: Memory, person: list[str]
) -> None:
    prompt = "creds_session.system.terminal.password_prompt"
    monkeypatch.setattr(f"{prompt}.is_interactive", lambda: False)
    backend.kept["app", "me"] = "old"
    answering(monkeypatch, b"new", b"new")
    assert put.execute(read("put app me")) == 0
    assert (person, backend.kept["app", "me"]) == ([], "new")


@pytest.mark.parametrize("screen", [Terminal(), io.StringIO()])
@pytest.mark.parametrize("no_color", ["", "1"])
def test_colours_are_printed_as_wanted(
    monkeypatch: pytest.MonkeyPatch, screen: io.StringIO, no_color: str
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", no_color)
    assert is_coloured("always", screen)
    assert not is_coloured("never", screen)
    assert is_coloured("auto", screen) == (screen.isatty() and not no_color)
