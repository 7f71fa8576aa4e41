"""The names that a shell offers at Tab: from an unlocked keyring alone, in time, without a word."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import creds_session
from creds_session.cli.creds import names
from creds_session.cli.creds.main import COMMANDS, NAMES
from creds_session.credentials import offered_names

CHECKOUT = Path(creds_session.__file__).parents[1]
ENDLESS = """
import time
from creds_session.cli.creds import names
from creds_session.credentials import offered_names
def services(environ, timeout):
    yield "first"
    time.sleep(60)
offered_names.services = services
names.execute(["services"])
"""


def printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *found: str
) -> list[str]:
    def services(_environ: object, _timeout: float) -> Iterator[str]:
        yield from found

    monkeypatch.setattr(offered_names, "services", services)
    assert names.execute(["services"]) == 0
    return capfd.readouterr().out.split("\n")[:-1]


def test_one_name_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    hostile = ["two\nlines", "a\rb", "\x1b[2J", "tab\there", "nul\0", "", "\u202eevil", "\ud800"]
    kept = ["$(touch x)", "a b", "git:https://forge.example", "über"]
    assert printed(monkeypatch, capfd, *hostile, *kept) == sorted(kept)


def test_a_name_that_looks_like_an_option_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert printed(monkeypatch, capfd, "--prompt", "-x", "ordinary") == ["ordinary"]


def test_names_are_printed_once_and_not_without_end(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    many = [f"service {number:05}" for number in range(3 * names.MOST)]
    assert printed(monkeypatch, capfd, *many, *many) == many[: names.MOST]


def test_it_ends_in_time_with_the_names_that_it_has() -> None:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", ENDLESS], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "first\n", "")
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"},
        {"DBUS_SESSION_BUS_ADDRESS": "tcp:host=192.0.2.1,port=1"},
        {"DBUS_SESSION_BUS_ADDRESS": "$(touch x)"},
        {"PYTHON_KEYRING_BACKEND": "no.such.Backend"},
    ],
)
@pytest.mark.parametrize(
    "words", [[], ["services"], ["users"], ["users-quoted", "get", "'open"], ["other"]]
)
def test_whatever_goes_wrong_nothing_is_said(variables: dict[str, str], words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "creds_session", NAMES, *words],
        cwd=CHECKOUT,
        env={"PATH": os.defpath, "HOME": "/nonexistent", **variables},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("words", "service"),
    [
        (["get", "github"], "github"),
        (["get", "--username-key", "k", "github"], "github"),
        (["get", "--username-key=k", "github"], "github"),
        (["run", "-e", "NAME", "box"], "box"),
        (["get", "--no-newline"], ""),
        (["get"], ""),
        ([], ""),
    ],
)
def test_the_service_is_the_first_operand(words: list[str], service: str) -> None:
    assert names.service_of(words) == service


def test_quotes_of_a_shell_are_removed_and_nothing_is_expanded() -> None:
    assert names._unquoted(r"a\$\(touch\ x\)") == "a$(touch x)"
    assert names._unquoted("\"$HOME\"'`x`'") == "$HOME`x`"


def test_it_is_no_command_for_people() -> None:
    assert NAMES not in COMMANDS
