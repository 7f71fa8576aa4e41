"""``credential`` and ``credential_info``: what is sent to ``creds``, and by which way."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.ansible.conftest import Run

CREDS = r"""#!/usr/bin/python3
# Stands in for creds: writes down how it was called, and keeps passwords in files.
import json, os, pathlib, sys
place = pathlib.Path(__file__).parent
words = sys.argv[1:]
data = sys.stdin.buffer.read()
call = {"words": words, "data": data.decode(), "environment": dict(os.environ)}
with open(place / "calls", "a") as file:
    file.write(json.dumps(call) + "\n")
names = words[words.index("--") + 1:] if "--" in words else []
stored = place / ("stored-" + "-".join(names))
state = (place / "state").read_text()
if words[0] == "status":
    print(json.dumps({"state": state, "default": state, "message": "the keyring is " + state}))
elif words[0] == "unlock":
    (place / "state").write_text("unlocked")
elif state != "unlocked":
    sys.exit(77)
elif words[0] == "put":
    stored.write_bytes(data[:-1])
elif words[0] == "delete":
    stored.unlink()
elif words[0] == "list":
    print(json.dumps({"credentials": [{"service": "app", "username": "me"}]}))
elif not stored.exists():
    sys.exit(1)
else:
    sys.stdout.buffer.write(stored.read_bytes())
"""
HARD = 'it\'s "$(id)" `x` \\ ü\n'


@pytest.fixture
def creds(tmp_path: Path) -> Path:
    program = tmp_path / "creds"
    program.write_text(CREDS)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "state").write_text("unlocked")
    (tmp_path / "calls").touch()
    return program


def calls(creds: Path) -> list[dict[str, Any]]:
    lines = (creds.parent / "calls").read_text().splitlines()
    return [json.loads(line) for line in lines]


def commands(creds: Path) -> list[str]:
    return [call["words"][0] for call in calls(creds)]


@pytest.fixture
def store(run: Run, creds: Path) -> Callable[..., Any]:
    given = {"service": "app", "username": "-me", "executable": str(creds)}
    return lambda **more: run("credential", **{"password": HARD, **given, **more})


def test_a_password_goes_through_standard_input_only(store: Any, creds: Path) -> None:
    made = store(keyring_password=None)
    assert (made.failed, made.result["changed"], made.result["stored"]) == (False, True, True)
    (put,) = [call for call in calls(creds) if call["words"][0] == "put"]
    assert put["data"] == f"{HARD}\n"  # creds removes one newline
    assert put["words"][-3:] == ["--", "app", "-me"]
    for call in calls(creds):
        assert HARD not in str(call["words"])
        assert HARD not in str(call["environment"])
    assert HARD.strip() not in json.dumps(made.result)
    again = store()
    assert (again.failed, again.result["changed"]) == (False, False)


def test_another_password_is_kept_on_request(store: Any) -> None:
    store()
    kept = store(password="another", update_password="on_create")
    assert kept.result["changed"] is False
    replaced = store(password="another")
    assert replaced.result["diff"]["after"] == "app -me: stored, with another password\n"


def test_check_mode_looks_only(store: Any, creds: Path) -> None:
    would = store(check=True)
    assert (would.result["changed"], would.result["stored"]) == (True, True)
    assert commands(creds) == ["status", "get"]


def test_check_mode_does_not_read_a_locked_keyring(store: Any, creds: Path) -> None:
    (creds.parent / "state").write_text("locked")
    would = store(check=True, keyring_password="secret")
    assert (would.failed, would.result["changed"]) == (False, True)
    assert commands(creds) == ["status"]
    failed = store(check=True)
    assert (failed.failed, failed.result["rc"]) == (True, 77)
    assert set(commands(creds)) == {"status"}


def test_a_locked_keyring_is_unlocked_on_request(store: Any, creds: Path) -> None:
    (creds.parent / "state").write_text("locked")
    assert store().result["rc"] == 77
    assert "unlock" not in commands(creds)
    made = store(keyring_password=HARD)
    assert (made.result["unlocked"], made.result["changed"]) == (True, True)
    (unlock,) = [call for call in calls(creds) if call["words"][0] == "unlock"]
    assert unlock["data"] == f"{HARD}\n"
    assert HARD not in str(unlock["words"])


def test_an_empty_password_is_refused(store: Any, creds: Path) -> None:
    assert "the password is empty" in store(password="").result["msg"]
    assert "put" not in commands(creds)
    assert store(password="", allow_empty=True).result["changed"]


def test_a_credential_is_deleted_once(store: Any) -> None:
    store()
    gone = store(state="absent", password=None)
    assert (gone.result["changed"], gone.result["stored"]) == (True, False)
    assert store(state="absent", password=None).result["changed"] is False


def test_a_locked_keyring_is_a_fact(run: Run, creds: Path) -> None:
    (creds.parent / "state").write_text("locked")
    given = {"service": "app", "username": "me", "reveal": True, "executable": str(creds)}
    seen = run("credential_info", **given).result
    assert (seen["readable"], seen["state"], seen["password"]) == (False, "locked", None)
    assert commands(creds) == ["status"]


def test_credentials_are_listed_without_passwords(run: Run, creds: Path) -> None:
    seen = run("credential_info", executable=str(creds)).result
    assert seen["credentials"] == [{"service": "app", "username": "me"}]
    assert "get" not in commands(creds)
    assert run("credential_info", executable=str(creds), username="x").result["credentials"] == []
