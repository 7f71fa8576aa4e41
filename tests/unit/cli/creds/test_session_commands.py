from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from creds_session.cli.creds.unlock import _why_another_bus
from creds_session.facts.next_step import NO_BUS
from tests.unit.alone import ALONE
from tests.unit.cli.test_commands import run
from tests.unit.service import LOCKED, UNLOCKED, Answer, serving
from tests.unit.system.bus.test_connection import dbus_daemon

RUN = "import sys; sys.path.insert(0, {!r}); sys.argv[:1] = ['creds']\n"
MAIN = "from creds_session.cli.creds.main import main; sys.exit(main())"


def creds(
    python: list[str], *arguments: str, **environ: object
) -> subprocess.CompletedProcess[bytes]:
    code = RUN.format(python[1]) + ALONE + MAIN
    environment = {"PATH": os.defpath, **{name: str(value) for name, value in environ.items()}}
    argv = [python[0], "-I", "-c", code, *arguments]
    return subprocess.run(argv, env=environment, capture_output=True, check=False)


@pytest.mark.parametrize("line", ["creds exec", "creds exec --", "creds exec --nonsense -- true"])
def test_exec_of_nothing_is_wrong_usage(python: list[str], tmp_path: Path, line: str) -> None:
    assert run(python, line, HOME=tmp_path).returncode == 64


needs_daemons = pytest.mark.skipif(
    not (shutil.which("dbus-daemon") and shutil.which("gnome-keyring-daemon")),
    reason="needs dbus-daemon and gnome-keyring-daemon",
)


@needs_daemons
def test_exec_passes_everything_behind_the_dashes_on(python: list[str], short: Path) -> None:
    words = ("--timeout", "3", "--", "-x", "--help")
    done = creds(
        python, "exec", "--timeout", "9", "--", "printf", "<%s>", *words, TMPDIR=short, HOME=short
    )
    assert done.stdout.decode() == "".join(f"<{word}>" for word in words), done
    assert done.returncode == 0


def test_exec_that_can_make_no_session_is_125(
    python: list[str], short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from creds_session.cli.creds import exec as command
    from creds_session.system.bus import dbus_daemon as message_bus

    assert python
    monkeypatch.setenv("TMPDIR", str(short))
    monkeypatch.setattr(command, "own_environment", lambda: {"TMPDIR": str(short)})
    monkeypatch.setattr(message_bus, "find_program", lambda _: None)
    given = argparse.Namespace(argv=["--", "true"], timeout=5.0)
    assert command.execute(given) == 125


@needs_daemons
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_exec_needs_no_home_of_roots_own(python: list[str], short: Path) -> None:
    os.chown(short, 12, 34)
    done = creds(python, "exec", "--", "sh", "-c", "exit 3", HOME=short, XDG_RUNTIME_DIR=short)
    assert (done.returncode, list(short.iterdir())) == (3, [])


@pytest.mark.parametrize(
    ("answer", "state", "code"), [(UNLOCKED, "unlocked", 0), (LOCKED, "locked", 77)]
)
def test_status_is_a_line_or_an_object(
    python: list[str], tmp_path: Path, answer: Answer, state: str, code: int
) -> None:
    with dbus_daemon(tmp_path) as address, serving(address, tmp_path / "told", Get=answer) as pid:
        environ = {"HOME": tmp_path, "DBUS_SESSION_BUS_ADDRESS": address}
        line = run(python, "creds status", **environ)
        told = run(python, "creds status --json", **environ)
    assert line.returncode == told.returncode == code
    assert line.stdout.decode().startswith(f"{state}: the login keyring is {state} (")
    shown = json.loads(told.stdout)
    assert (shown["schema"], shown["state"], shown["pid"]) == (1, state, pid)
    assert shown["bus"] == address


@pytest.mark.parametrize("line", ["creds status", "creds lock", "creds env"])
def test_no_bus_is_69(python: list[str], tmp_path: Path, line: str) -> None:
    address = f"unix:path={tmp_path}/gone"
    done = run(python, line, HOME=tmp_path, DBUS_SESSION_BUS_ADDRESS=address)
    assert done.returncode == 69
    assert (done.stdout[:8] == b"no-bus: ") is (line == "creds status")


def test_lock_tells_what_is_locked(python: list[str], tmp_path: Path) -> None:
    answer: Answer = ("aoo", ([], "/"))
    with dbus_daemon(tmp_path) as address:
        environ = {"HOME": tmp_path, "DBUS_SESSION_BUS_ADDRESS": address}
        with serving(address, tmp_path / "told", Get=LOCKED, Lock=answer) as pid:
            done = run(python, "creds lock", **environ)
            told = run(python, "creds lock --json", **environ)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == b"creds: the keyring is locked: login\n"
    assert json.loads(told.stdout) == {
        "schema": 1,
        "locked": ["login"],
        "pid": pid,
        "without_password": [],
    }


def test_env_is_for_the_shell_that_is_named(python: list[str], tmp_path: Path) -> None:
    with dbus_daemon(tmp_path) as address:
        environ = {"HOME": tmp_path, "DBUS_SESSION_BUS_ADDRESS": address}
        for shell, words in (("sh", "export {}="), ("fish", "set -gx {} "), ("csh", "setenv {} ")):
            done = run(python, f"creds env --shell {shell}", **environ)
            name = words.format("DBUS_SESSION_BUS_ADDRESS")
            assert done.stdout.decode() == f"{name}'{address}';\n", done


def test_status_loads_nothing_that_is_slow(python: list[str]) -> None:
    code = f"import sys; sys.path.insert(0, {python[1]!r})\nimport creds_session.cli.creds.status\n"
    done = subprocess.run(
        [python[0], "-I", "-c", f"{code}print(*sys.modules)"], capture_output=True, check=True
    )
    loaded = set(done.stdout.decode().split())
    assert not loaded & {"pexpect", "keyring", "creds_session.session.unlock"}


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, NO_BUS),
        ({"DBUS_SESSION_BUS_ADDRESS": ""}, NO_BUS),
        (
            {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/gone"},
            "the session bus of this shell does not answer",
        ),
    ],
)
def test_unlock_on_another_bus_says_no_more_of_the_shell_s_own_than_is_known(
    environ: dict[str, str], words: str
) -> None:
    assert _why_another_bus(environ) == words
