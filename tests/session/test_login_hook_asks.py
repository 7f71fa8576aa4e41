"""What the login hook has `creds unlock` ask: it says who asks, and asks no program."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

import creds_session
from creds_session.session.lock import lock

CHECKOUT = Path(creds_session.__file__).parents[1]
ASKS = f"CREDS_SESSION_HOOK=asks {shlex.quote(sys.executable)} -m creds_session unlock --quiet"


@pytest.fixture(autouse=True)
def locked(session: dict[str, str]) -> None:  # noqa: ARG001
    assert lock(os.environ).collections == ("login",)


@pytest.fixture
def at_a_terminal() -> Iterator[pexpect.spawn[str]]:
    with pexpect.spawn("sh", cwd=CHECKOUT, timeout=30, encoding="utf-8") as shell:
        shell.sendline("stty -echo; PS1='<re''ady>'")
        shell.expect_exact("<ready>")
        yield shell


def test_it_says_who_asks_and_how_to_unlock_later(at_a_terminal: pexpect.spawn[str]) -> None:
    at_a_terminal.sendline(f"{ASKS} --patience 20")
    at_a_terminal.expect_exact("Password of the login keyring: ")
    shown = at_a_terminal.before or ""
    assert "creds-session: your keyring is locked, because this login did not unlock it." in shown
    assert "press Enter to go on without it" in shown
    at_a_terminal.sendline("")
    at_a_terminal.expect_exact("<ready>")
    assert "later: creds unlock" in (at_a_terminal.before or "")
    assert "no-hook" in (at_a_terminal.before or "")


def test_a_command_that_was_typed_ahead_is_run_and_not_taken_for_the_password(
    at_a_terminal: pexpect.spawn[str],
) -> None:
    # The shell waits until the next line is there, as a login shell meets it that a program uses.
    wait = "import select; select.select([0], [], [])"
    at_a_terminal.sendline(f"{shlex.quote(sys.executable)} -c '{wait}'; {ASKS}; echo code:$?")
    at_a_terminal.sendline("echo mar''ker")
    at_a_terminal.expect_exact("marker")
    shown = at_a_terminal.before or ""
    assert "code:1" in shown
    assert "assword" not in shown


def test_without_the_hook_a_person_may_type_ahead(at_a_terminal: pexpect.spawn[str]) -> None:
    plain = ASKS.replace("CREDS_SESSION_HOOK=asks ", "")
    at_a_terminal.sendline(f"{plain} --patience 20")
    at_a_terminal.expect_exact("Password of the login keyring: ")
    assert "creds-session:" not in (at_a_terminal.before or "")
    at_a_terminal.sendline("")
    at_a_terminal.expect_exact("<ready>")
