from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from creds_session import credentials
from creds_session.cli.creds import import_netrc, run
from creds_session.cli.creds.main import _parse
from creds_session.cli.creds.run import _delivery
from creds_session.credentials.delivery.run import Prompt, Variable
from creds_session.errors import UsageError
from creds_session.secret import Secret
from tests.unit.credentials.test_credentials import Memory, backend

__all__ = ["backend"]


def read(line: str) -> argparse.Namespace:
    return _parse(line.split())


def test_what_follows_the_dashes_is_the_commands() -> None:
    arguments = read("run app me --env A -- cmd --env B -- -x")
    assert arguments.argv == ["cmd", "--env", "B", "--", "-x"]
    assert (arguments.service, arguments.user, arguments.env) == ("app", "me", ["A"])
    assert read("run app --env A").argv == []


def test_ways() -> None:
    ways = _delivery(
        read("run app me --env A --env B=username --expect x --expect-username y -- c")
    )
    assert ways.variables == (Variable("A", is_username=False), Variable("B", is_username=True))
    assert ways.prompts == (
        Prompt(re.compile(b"x", re.MULTILINE), is_username=False),
        Prompt(re.compile(b"y", re.MULTILINE), is_username=True),
    )
    assert _delivery(read("run app me --askpass --askpass-prompt p -- c")).askpass == re.compile(
        b"p", re.MULTILINE
    )


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--env =x",
        "--env A=other",
        "--expect x --askpass",
        "--askpass-prompt x --env A",
        "--expect (",
    ],
)
def test_ways_that_cannot_be_meant(words: str) -> None:
    with pytest.raises(UsageError):
        _delivery(read(f"run app me {words} -- c"))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("run app me --env A -- true", 125),
        ("run app --env A -- true", 64),
        ("run app me -- true", 64),
    ],
)
def test_our_own_failures(line: str, code: int) -> None:
    assert run.execute(read(line)) == code


def test_command_without_words() -> None:
    with pytest.raises(UsageError):
        run.execute(read("run app me --env A --"))


@pytest.fixture(autouse=True)
def forbidden(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Note that core files are forbidden, and do not forbid them to all tests that follow."""
    noted: list[bool] = []
    place = "creds_session.system.processes.core_dumps.forbid_core_dumps"
    monkeypatch.setattr(place, lambda: noted.append(True))
    return noted


def test_netrc_replaces_nothing_unless_told(
    backend: Memory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    forbidden: list[bool],
) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine a login b password canary\nmachine a login b password x\nmachine c")
    file.chmod(0o600)
    assert import_netrc.execute(read(f"import-netrc --dry-run {file}")) == 0
    assert forbidden
    assert backend.kept == {}
    assert import_netrc.execute(read(f"import-netrc {file}")) == 0
    assert backend.kept == {("a", "b"): "canary"}
    credentials.put("a", "b", Secret(b"newer"))
    assert import_netrc.execute(read(f"import-netrc {file}")) == 1
    assert backend.kept == {("a", "b"): "newer"}
    assert import_netrc.execute(read(f"import-netrc --replace {file}")) == 0
    assert backend.kept == {("a", "b"): "canary"}
    told = capsys.readouterr()
    assert told.out == "would store\ta\tb\nstored\ta\tb\nstored\ta\tb\n"
    assert f"{file}:2: left out: the same" in told.err
    assert f"{file}:3: left out: it has no login" in told.err
    assert "canary" not in told.out + told.err
