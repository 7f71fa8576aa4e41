from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from creds_session.cli.creds import main
from creds_session.cli.creds import rekey as command
from creds_session.cli.creds import unlock as unlocking
from creds_session.errors import WrongPassword
from creds_session.session.rekey import Rekeyed
from tests.unit.cli.test_commands import run

COPY = Path("/home/alice/login.keyring.creds-backup-20250131T093000")
ALL = {"timeout": 10, "keyring": None, "quiet": False, "json": False}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def test_no_bus_is_69_and_leaks_nothing(python: list[str], home: Path) -> None:
    line = "creds rekey --password-stdin"
    done = run(python, line, b"canary\ncanary", HOME=home, XDG_RUNTIME_DIR=home)
    assert (done.returncode, done.stdout) == (69, b"")
    assert b"no session bus" in done.stderr
    assert b"canary" not in done.stderr


@pytest.mark.parametrize("option", ["--password-fd 77", "--timeout 0", "--nonsense", "password"])
def test_wrong_usage_is_64(python: list[str], home: Path, option: str) -> None:
    done = run(python, f"creds rekey {option}", HOME=home)
    assert (done.returncode, done.stdout) == (64, b"")


def test_help_says_two_lines(python: list[str], home: Path) -> None:
    printed = run(python, "creds rekey --help", HOME=home).stdout
    assert b"take two lines: old, new" in b" ".join(printed.split())


def test_no_password_passes_through_where_a_core_file_would_keep_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbid() -> None:
        raise InterruptedError

    monkeypatch.setattr(command, "forbid_core_dumps", forbid)
    monkeypatch.setattr("creds_session.cli.creds.foreign_home.refuse_foreign_home", lambda _: None)
    monkeypatch.setattr("sys.argv", ["creds", "rekey"])
    with pytest.raises(InterruptedError):
        main._main()


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (Rekeyed(7, COPY), ["pid 7", str(COPY), "delete that file after"]),
        (Rekeyed(7, COPY, had_newline=True), ["ended with a newline"]),
        (Rekeyed(7, COPY, may_remember=True), ["may remember it", "kill 7; creds unlock"]),
    ],
)
@pytest.mark.parametrize("quiet", [False, True])
def test_rekey_tells_what_became_of_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    done: Rekeyed,
    words: list[str],
    quiet: bool,
) -> None:
    monkeypatch.setattr(command, "forbid_core_dumps", lambda: None)
    monkeypatch.setattr(command, "rekey", lambda *_, **__: done)
    assert command.execute(argparse.Namespace(**{**ALL, "quiet": quiet, "json": True})) == 0
    told = capsys.readouterr()
    assert [word for word in words if word not in told.err] == (words if quiet else [])
    assert json.loads(told.out) == {
        "schema": 1,
        "rekeyed": True,
        "backup": str(COPY),
        "had_newline": done.had_newline,
        "pid": 7,
        "keyring": "login",
        "had_password": True,
    }


def test_unlock_with_a_wrong_password_names_the_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise WrongPassword("no")

    monkeypatch.setattr(unlocking, "forbid_core_dumps", lambda: None)
    monkeypatch.setattr(unlocking, "unlock", refuse)
    arguments = argparse.Namespace(explain=False, create=False, **ALL)
    with pytest.raises(WrongPassword) as caught:
        unlocking.execute(arguments)
    assert caught.value.hint.endswith("creds rekey")
