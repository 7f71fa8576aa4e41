"""``hook``: the units that ``creds hook`` offers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creds_session.session.user_units import UNITS
from tests.unit.ansible.conftest import CHECKOUT, Run

PROGRAM = """\
#!{python} -I
import sys

sys.path.insert(0, {checkout!r})
from creds_session.cli.creds.main import main

if sys.argv[1:3] != ["hook", "print"]:
    print("creds: changed /etc/systemd/system/creds-session-pam.path", file=sys.stderr)
    sys.exit(0)
sys.exit(main())
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    """Make a program that prints hooks as ``creds`` does, and says that it installed a unit."""
    path = tmp_path / "creds"
    path.write_text(PROGRAM.format(python=sys.executable, checkout=str(CHECKOUT)))
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def places(
    plugin: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, Path]:
    """Let the module look for units in directories of the test."""
    hook = plugin("modules.hook")
    found = {name: tmp_path / name for name in ("system", "user")}
    for directory in found.values():
        directory.mkdir()
    monkeypatch.setattr(hook, "SYSTEM", str(found["system"]))
    monkeypatch.setattr(hook, "EVERYBODY", str(found["user"]))
    monkeypatch.setattr(os, "getuid", lambda: 0)
    return found


@pytest.mark.parametrize("unit", list(UNITS))
def test_check_mode_names_the_units_that_are_missing_or_there(
    run: Run, places: dict[str, Path], program: str, unit: str
) -> None:
    place = places["system" if unit == "pam" else "user"]
    files = [str(place / name) for name in UNITS[unit]]
    given = {"executable": program, "unit": unit}
    done = run("hook", check=True, **given)
    assert (done.failed, done.result["changed_files"]) == (False, files)
    assert run("hook", check=True, state="absent", **given).result["changed_files"] == []
    for file in files:
        Path(file).touch()
    assert not run("hook", check=True, **given).result["changed"]
    absent = run("hook", check=True, state="absent", **given)
    assert absent.result["changed_files"] == files
    assert all(map(os.path.exists, files))


@pytest.mark.usefixtures("places")
def test_the_unit_that_checks_pam_is_installed_by_the_command(run: Run, program: str) -> None:
    done = run("hook", executable=program, unit="pam")
    assert done.commands == [[program, "hook", "install", "--unit", "pam"]]
    assert done.result["changed_files"] == ["/etc/systemd/system/creds-session-pam.path"]


@pytest.mark.usefixtures("places")
def test_a_unit_of_the_system_requires_root_in_check_mode_too(
    run: Run, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    done = run("hook", check=True, executable=program, unit="pam")
    assert done.failed
    assert "become: true" in done.result["msg"]
    assert not run("hook", check=True, executable=program, unit="lock").failed


def test_the_module_offers_what_the_command_offers(tree: Path) -> None:
    module = tree / "ansible_collections/creds_session/keyring/plugins/modules/hook.py"
    choices = ", ".join(UNITS)
    assert f"    choices: [{choices}]\n" in module.read_text()
