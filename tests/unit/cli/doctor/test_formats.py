from __future__ import annotations

import argparse
import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from creds_session.cli.doctor.formats import FORMATS, add_arguments, guarded, show
from creds_session.doctor.checks import CHECKS
from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.diagnosis import judge
from creds_session.errors import CannotWrite, InvalidData, Unavailable
from creds_session.facts.collection_state import CollectionState
from tests.unit.examples import WELL, bus

READABLE = "a secret can be read in this session"
OPEN = Diagnosis(WELL, ())
LOCKED = judge(WELL._replace(bus=bus(login=CollectionState.LOCKED)), CHECKS)


class Terminal(io.StringIO):
    """Standard output as a terminal of this encoding."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)


def at_terminal(*words: str) -> str:
    with redirect_stdout(Terminal()) as terminal:
        show(asked(*words), LOCKED)
    return terminal.getvalue()


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("format_", "begins", "codes"),
    [
        ("text", READABLE, (0, 1)),
        ("json", '{\n  "schema": 1,\n  "version": ', (0, 1)),
        ("line", f"keyring: {READABLE}\n", (0, 1)),
        ("nagios", f"KEYRING OK: {READABLE} | ", (0, 2)),
        ("prometheus", "# HELP creds_session_info ", (0, 1)),
    ],
)
def test_each_face_is_shown_with_its_exit_code(
    capsys: pytest.CaptureFixture[str], format_: str, begins: str, codes: tuple[int, int]
) -> None:
    assert show(asked("--format", format_), OPEN) == codes[0]
    told = capsys.readouterr()
    assert told.out.startswith(begins)
    assert told.out.endswith("\n")
    assert not told.out.endswith("\n\n")
    assert told.err == ""
    assert show(asked("--format", format_), LOCKED) == codes[1]


def test_every_face_was_tried() -> None:
    assert set(FORMATS) == {"text", "json", "line", "nagios", "prometheus"}


def test_json_is_a_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(asked("--json"), OPEN) == 0
    assert json.loads(capsys.readouterr().out)["healthy"] is True


def test_colour_is_for_a_terminal() -> None:
    assert at_terminal().startswith("\x1b[1;31mno secret can be read here")


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "")])
def test_colour_is_not_for_who_wants_none(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert at_terminal().startswith("no secret can be read here")
    assert "\x1b" not in at_terminal()


def test_a_terminal_without_unicode_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Terminal, "encoding", "ascii")
    assert at_terminal().isascii()


def test_output_goes_to_a_file_for_everybody(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "keyring.prom"
    path.write_text("old")
    path.chmod(0o600)
    assert show(asked("--format", "prometheus", "--output", str(path)), LOCKED) == 1
    assert capsys.readouterr() == ("", "")
    assert path.read_text().startswith("# HELP")
    assert path.read_text().endswith("\n")
    assert path.stat().st_mode & 0o7777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_has_no_colour(tmp_path: Path) -> None:
    assert at_terminal("--output", str(tmp_path / "x")) == ""
    assert "\x1b" not in (tmp_path / "x").read_text()


def test_report_is_for_its_owner_and_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "ticket.html"
    assert show(asked("--format", "line", "--report", str(path)), OPEN) == 0
    assert path.stat().st_mode & 0o7777 == 0o600
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert capsys.readouterr() == (
        f"keyring: {READABLE}\n",
        f"creds-doctor: the report is in {path}\n",
    )


@pytest.mark.parametrize("option", ["--report", "--output"])
def test_a_link_is_not_followed(tmp_path: Path, option: str) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "link").symlink_to("mine")
    (tmp_path / "dangling").symlink_to("nothing")
    for name in ("link", "dangling"):
        with pytest.raises(InvalidData):
            show(asked(option, str(tmp_path / name)), OPEN)
    assert (tmp_path / "mine").read_text() == "mine"
    with pytest.raises(CannotWrite):
        show(asked(option, str(tmp_path / "nowhere" / "x")), OPEN)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "link", "mine"]


def fails() -> int:
    raise Unavailable("no answer | in time")


def fails_with_a_hint() -> int:
    raise Unavailable("no answer", hint="wait\nor ask again")


def crashes() -> int:
    raise KeyError("canary")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (fails, "KEYRING UNKNOWN: no answer / in time\n"),
        (fails_with_a_hint, "KEYRING UNKNOWN: no answer; wait; or ask again\n"),
        (crashes, "KEYRING UNKNOWN: a fault of this program: KeyError\n"),
    ],
)
def test_nagios_is_told_of_failures_in_its_words(
    capsys: pytest.CaptureFixture[str], command: object, told: str
) -> None:
    assert callable(command)
    assert guarded(asked("--format", "nagios"), command) == 3
    assert capsys.readouterr().out == told
    with pytest.raises((Unavailable, KeyError)):
        guarded(asked(), command)
