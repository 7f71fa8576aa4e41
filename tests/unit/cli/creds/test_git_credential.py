"""``creds git-credential`` as git runs it, before a real keyring of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.session.private_session import private_session
from tests.unit.traces import python

CODE = "from creds_session.cli.creds.main import main; sys.argv[0] = 'creds'; sys.exit(main())"
HOST = "protocol=https\nhost=a.example\n"
KNOWN = f"{HOST}username=me\npassword=one\n"
pytestmark = pytest.mark.skipif(
    not (shutil.which("dbus-daemon") and shutil.which("gnome-keyring-daemon")),
    reason="needs dbus-daemon and gnome-keyring-daemon",
)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    home = tmp_path_factory.mktemp("home")
    with private_session({"HOME": str(home), "PATH": os.defpath}) as environ:
        yield environ


@pytest.fixture(autouse=True)
def _nothing_is_kept(session: dict[str, str]) -> None:
    ask(session, "erase", KNOWN)
    assert ask(session, "get", HOST) == ""


def ask(session: dict[str, str], operation: str, text: str, code: int = 0) -> str:
    done = subprocess.run(
        python(CODE, "git-credential", operation),
        input=text.encode(),
        env=session,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (code, False), done
    return done.stdout.decode()


def test_what_is_stored_is_given_until_it_is_erased(session: dict[str, str]) -> None:
    ask(session, "store", KNOWN)
    assert ask(session, "get", HOST) == "username=me\npassword=one\n"
    assert ask(session, "get", f"{HOST}username=me\n") == "username=me\npassword=one\n"
    assert ask(session, "get", f"{HOST}username=you\n") == ""
    ask(session, "erase", f"{HOST}username=me\npassword=another\n")
    assert ask(session, "get", HOST) == "username=me\npassword=one\n"
    ask(session, "erase", KNOWN)
    assert ask(session, "get", HOST) == ""


def test_what_expires_is_not_kept(session: dict[str, str]) -> None:
    ask(session, "store", f"{KNOWN}password_expiry_utc=99\n")
    assert ask(session, "get", HOST) == ""


def test_an_operation_that_is_not_known_does_nothing(session: dict[str, str]) -> None:
    """gitcredentials(7): a helper ignores operations that it does not know."""
    ask(session, "store", KNOWN)
    assert ask(session, "capability", KNOWN) == ""
    assert ask(session, "get", HOST) == "username=me\npassword=one\n"


def test_what_is_no_description_is_65(session: dict[str, str]) -> None:
    assert ask(session, "get", "nonsense\n", code=65) == ""


def test_the_home_is_not_touched(session: dict[str, str]) -> None:
    assert list(Path(session["HOME"]).rglob("*.keyring")) == []
