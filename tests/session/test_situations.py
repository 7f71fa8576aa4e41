"""Every program says the same of a keyring, whatever its name is and whether it has a password.

A real bus and a real daemon; no display, so that nobody can be asked.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from creds_session.facts.collection_state import KeyringForm
from creds_session.probe.keyring_files import form_of
from creds_session.session.private_session import CONTROL, inside
from creds_session.system.bus.connection import Bus
from creds_session.system.bus.dbus_daemon import bus_of_ours
from creds_session.system.secret_service.service import secret_service
from tests.session.clients import PROGRAMS
from tests.situations import (
    ABOUT_THE_KEYRING,
    ASK,
    EXPECTED,
    HELPER,
    MAKE,
    SECRET,
    SHELL,
    STOP,
    Answers,
    Situation,
    limits,
)

CHECKOUT = Path(__file__).parents[2]
COMMAND = '#!/bin/sh\nexec {} -c \'import sys; sys.argv[0] = "{}"; {}\' "$@"\n'
MAIN = "from creds_session.cli.{}.main import main; sys.exit(main())"


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a directory with a path so short that a socket below it has an address."""
    path = tempfile.mkdtemp(prefix="t-", dir="/tmp")
    yield Path(path)
    shutil.rmtree(path)


@pytest.fixture
def environ(short: Path) -> Iterator[dict[str, str]]:
    """A session with no daemon yet, and the commands of this checkout on its PATH."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"not installed: {', '.join(missing)}")
    programs = short / "bin"
    programs.mkdir()
    for name, module in (("creds", "creds"), ("creds-doctor", "doctor")):
        (programs / name).write_text(COMMAND.format(sys.executable, name, MAIN.format(module)))
        (programs / name).chmod(0o755)
    (short / "helper.py").write_text(HELPER)
    (short / "answers").mkdir()
    place = short / "s"
    place.mkdir(mode=0o700)
    session = inside(dict(os.environ), str(place))
    for name in ("XDG_SESSION_ID", "DISPLAY", "WAYLAND_DISPLAY", "XDG_CONFIG_HOME"):
        session.pop(name, None)
    session |= {
        "HOME": str(place),
        "PATH": f"{programs}:{session['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
        "PYTHON": sys.executable,
        "HELPER": str(short / "helper.py"),
        "DIR": f"{session['XDG_DATA_HOME']}/keyrings",
    }
    Path(session["DIR"]).mkdir(parents=True, mode=0o700)
    with bus_of_ours(f"{place}/bus", session, keyring=f"{place}/{CONTROL}", timeout=10):
        yield session
        let_go_on(session)


def let_go_on(session: dict[str, str]) -> None:
    """Let a stopped daemon go on, so that it ends with its bus."""
    with Bus(session["DBUS_SESSION_BUS_ADDRESS"], 5) as bus:
        service = secret_service(bus)
        if service is not None:
            os.kill(service.owner.pid, signal.SIGCONT)


def sh(session: dict[str, str], script: str, *words: str) -> None:
    argv = ["sh", "-c", f"{SHELL}\n{script}", "sh", *words]
    subprocess.run(argv, env=session, check=True, timeout=120)


def ask(session: dict[str, str], folder: Path, situation: Situation) -> Answers:
    sh(session, ASK, str(folder), EXPECTED[situation].password, *limits(situation))
    said = {one.name: one.read_text() for one in folder.iterdir() if one.suffix != ".code"}
    codes = {one.stem: int(one.read_text()) for one in folder.iterdir() if one.suffix == ".code"}
    return Answers(said, codes)


@pytest.mark.parametrize("situation", Situation, ids=lambda one: one.name.lower())
def test_every_program_says_the_same(
    environ: dict[str, str], short: Path, situation: Situation
) -> None:
    sh(environ, MAKE[situation])
    answers = ask(environ, short / "answers", situation)
    answers.require(EXPECTED[situation], about=ABOUT_THE_KEYRING)
    sh(environ, '[ -n "$(pid)" ]')  # and the daemon was not ended by it


def run(session: dict[str, str], *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, env=session, input=stdin, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("name", ["login", "Default_keyring", "-x"])
def test_a_keyring_without_a_password_is_given_one(environ: dict[str, str], name: str) -> None:
    sh(environ, f"serve; k create {name} ''; k default {name}; store; again")
    path = f"{environ['DIR']}/{name}.keyring"
    locked = run(environ, "creds", "lock")
    assert locked.returncode == 0
    assert "unlocks it again" in locked.stderr
    rekey = locked.stderr.rpartition("give it a password: ")[2].split()
    done = run(environ, *rekey, "--password-stdin", stdin="\nnew")
    assert done.returncode == 0, done.stderr
    assert form_of(path) is KeyringForm.SEALED
    assert "unlocks it again" not in run(environ, "creds", "lock").stderr
    assert run(environ, "creds", "get", "app", "me").returncode == 77
    assert run(environ, "secret-tool", "lookup", "service", "app", "username", "me").stdout == ""
    assert run(environ, "creds", "unlock", "--password-stdin", stdin="").returncode == 65
    assert run(environ, "creds", "unlock", "--password-stdin", stdin="old").returncode == 1
    assert run(environ, "creds", "unlock", "--password-stdin", stdin="new").returncode == 0
    assert run(environ, "creds", "get", "app", "me").stdout == f"{SECRET}\n"


@pytest.mark.parametrize("secret", ["a\nb", "\na", " a", "a\\nb", "a\r"])
def test_a_secret_that_a_keyring_without_a_password_cannot_keep_is_refused(
    environ: dict[str, str], secret: str
) -> None:
    sh(environ, "serve; k create plain ''; k default plain; store")
    before = Path(environ["DIR"], "plain.keyring").read_bytes()
    refused = run(environ, "creds", "put", "other", "me", stdin=secret)
    assert refused.returncode == 65
    assert "the plain keyring has no password" in refused.stderr
    assert "creds rekey --keyring plain" in refused.stderr
    assert secret.strip() == "a" or secret not in refused.stderr
    assert Path(environ["DIR"], "plain.keyring").read_bytes() == before
    sh(environ, "again")
    assert run(environ, "creds", "get", "app", "me").stdout == f"{SECRET}\n"


def test_an_encrypted_keyring_keeps_it(environ: dict[str, str]) -> None:
    sh(environ, "serve; k create login pw")
    assert run(environ, "creds", "put", "app", "me", stdin="a\nb\\").returncode == 0
    sh(environ, "again; k unlock login pw")
    assert run(environ, "creds", "get", "app", "me").stdout == "a\nb\\\n"


@pytest.mark.parametrize("name", ["plain", "Login"])
def test_no_daemon_runs_and_the_default_keyring_has_another_name(
    environ: dict[str, str], name: str
) -> None:
    password = "" if name == "plain" else "pw"
    sh(environ, f"serve; k create {name} '{password}'; k default {name}; store; quit")
    folder = Path(environ["DIR"])
    files = set(folder.iterdir())
    opened = run(environ, "creds", "unlock", "--password-stdin", stdin=password)
    assert opened.returncode == 0, opened.stderr
    assert run(environ, "creds", "get", "app", "me").stdout == f"{SECRET}\n"
    assert not (folder / "login.keyring").exists()
    assert files <= set(folder.iterdir())


def first_error(session: dict[str, str]) -> dict[str, Any]:
    """Return the doctor's first error that is about the keyring or its daemon."""
    told = json.loads(run(session, "creds-doctor", "--json").stdout)
    found = [one for check in told["checks"] for one in check["findings"]]
    ours = (*ABOUT_THE_KEYRING, "daemon-other-home", "keyring-broken")
    errors = (one for one in found if one["severity"] == "error" and one["id"] in ours)
    return next(errors)


@pytest.mark.parametrize(
    "spoil", ["truncate -s 40 {}", ": >{}", "head -c 300 /dev/zero >{}", "echo '<html>' >{}"]
)
def test_a_damaged_login_keyring_is_called_damaged_by_everything(
    environ: dict[str, str], spoil: str
) -> None:
    file = '"$DIR/login.keyring"'
    sh(environ, f"serve; k create login pw; store; quit; {spoil.format(file)}")
    before = Path(environ["DIR"], "login.keyring").read_bytes()
    for words in (["status"], ["unlock", "--password-stdin"]):  # which start no daemon for it
        said = run(environ, "creds", *words, stdin="pw")
        assert said.returncode == 69, said
        assert "the file of the login keyring is damaged" in said.stdout + said.stderr
        assert "creds unlock" not in said.stderr
    assert Path(environ["DIR"], "login.keyring").read_bytes() == before
    sh(environ, "serve")
    assert first_error(environ)["id"] == "keyring-broken"
    for words in (["status"], ["get", "app", "me"], ["unlock", "--password-stdin"]):
        said = run(environ, "creds", *words, stdin="pw")
        assert said.returncode == 69, said
        assert "the file of the login keyring is damaged" in said.stdout + said.stderr
        assert "kill" not in said.stderr


@pytest.mark.parametrize("named", ["work.keyring", "Work", "work\nlogin"])
def test_the_doctors_first_remedy_leads_to_the_keyring_that_was_meant(
    environ: dict[str, str], named: str
) -> None:
    sh(environ, "serve; k create login pw; k create work other; k default work; store; quit")
    Path(environ["DIR"], "default").write_text(named)
    sh(environ, "serve; k unlock login pw")
    found = first_error(environ)
    assert found["id"] == "default-keyring-absent"
    sh(environ, found["remediation"]["lines"][0])
    opened = run(environ, "creds", "unlock", "--password-stdin", stdin="other")
    assert opened.returncode == 0, opened
    assert run(environ, "creds", "get", "app", "me").stdout == f"{SECRET}\n"


REKEY = ("creds", "rekey", "--keyring", "My_Work_1", "--password-stdin")
KEPT = ("secret-tool", "lookup", "keyring", "LOCAL:/keyrings/My_Work_1.keyring")


def test_a_password_that_the_login_keyring_no_longer_has_right_removes_nothing(
    environ: dict[str, str],
) -> None:
    sh(environ, MAKE[Situation.OTHER_KEPT].replace("printf other", "printf older"))
    status = run(environ, "creds", "status")
    assert status.returncode == 77, status
    assert status.stdout.startswith("password-kept: "), status
    refused = run(environ, "creds", "get", "app", "me")
    assert refused.returncode == 77
    assert "the password that the login keyring stores for it is not its password" in refused.stderr
    assert run(environ, *KEPT).stdout == "older"
    assert run(environ, "creds", "unlock", "--password-stdin", stdin="other").returncode == 0


def test_another_password_is_kept_where_the_older_one_was(environ: dict[str, str]) -> None:
    sh(environ, MAKE[Situation.OTHER_KEPT])
    changed = run(environ, *REKEY, stdin="other\nnewer")
    assert changed.returncode == 0, changed.stderr
    assert "the login keyring keeps the new password" in changed.stderr
    sh(environ, "k lock default")
    assert run(environ, *KEPT).stdout == "newer"
    assert run(environ, "creds", "get", "app", "me").stdout == f"{SECRET}\n"


def test_a_kept_password_that_cannot_be_written_is_called_stale(environ: dict[str, str]) -> None:
    sh(environ, f"{MAKE[Situation.OTHER_KEPT]}; k lock login")
    changed = run(environ, *REKEY, stdin="other\nnewer")
    assert changed.returncode == 0, changed.stderr
    assert "the login keyring keeps an older password of the My_Work_1 keyring" in changed.stderr
    clear = "secret-tool clear keyring LOCAL:/keyrings/My_Work_1.keyring"
    assert clear in changed.stderr
    sh(environ, f"k unlock login pw; {clear}; k lock default")
    assert run(environ, "creds", "status").stdout.startswith("locked: ")


def test_a_hung_daemon_is_no_reason_to_change_the_bus(environ: dict[str, str]) -> None:
    sh(environ, f"serve; k create login pw; store; {STOP}")
    found = run(environ, "creds", "env")
    assert found.returncode == 0
    assert environ["DBUS_SESSION_BUS_ADDRESS"].partition(",")[0] in found.stdout
    for words in (["get", "app", "me"], ["list"], ["lock"], ["unlock"], ["status"]):
        said = run(environ, "creds", *words, "--timeout", "1")
        assert said.returncode == 69, said
        assert "does not answer; the session bus does" in said.stdout + said.stderr
        assert "used unix:" not in said.stderr


LIBRARY = """
import creds_session
from creds_session import CollectionLocked, Secret, SessionState, WrongPassword

assert creds_session.status() is SessionState.UNLOCKED
assert creds_session.lock_keyring() == ("login",)
assert creds_session.status() is SessionState.LOCKED
try:
    creds_session.get("app", "me")
except CollectionLocked as error:
    assert "creds unlock" in error.hint
try:
    creds_session.unlock_keyring(Secret(b"wrong"))
except WrongPassword:
    assert creds_session.status() is SessionState.LOCKED
assert creds_session.unlock_keyring(Secret(b"pw"))
assert not creds_session.unlock_keyring(lambda: 1 / 0)
print(creds_session.get("app", "me").password.reveal().decode())
"""


def test_the_library_does_what_the_commands_do(environ: dict[str, str]) -> None:
    sh(environ, "serve; k create login pw; store")
    done = run(environ, sys.executable, "-c", LIBRARY)
    assert (done.stdout, done.stderr) == (f"{SECRET}\n", "")


UNLOCKED_IN_BETWEEN = """
import creds_session
from creds_session import Secret
from creds_session.system.secret_service import kept_password

creds_session.lock_keyring()
unlock_without_asking = kept_password.unlock_without_asking


def another_program_unlocks(service, path):
    kept_password.unlock_without_asking = unlock_without_asking
    is_unlocked = unlock_without_asking(service, path)
    creds_session.unlock_keyring(Secret(b"pw"))
    return is_unlocked


kept_password.unlock_without_asking = another_program_unlocks
print(creds_session.get("app", "me").password.reveal().decode())
"""


def test_a_keyring_that_another_program_unlocks_in_between_is_read(
    environ: dict[str, str],
) -> None:
    sh(environ, "serve; k create login pw; store")
    done = run(environ, sys.executable, "-c", UNLOCKED_IN_BETWEEN)
    assert (done.stdout, done.stderr) == (f"{SECRET}\n", "")
