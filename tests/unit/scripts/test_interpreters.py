from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.machine.support.interpreters import NoInterpreter, find, named

VERSION = f"3.{sys.version_info[1]}"


def interpreter(path: Path, version: str = "3.10", *, status: int = 0) -> Path:
    """Write a program that answers as an interpreter does that is installed in its directory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version} {path.parent}\nexit {status}\n")
    path.chmod(0o755)
    return path.parent


def test_the_interpreter_of_these_tests_is_found_with_its_prefix() -> None:
    prefix = find(VERSION, {"PATH": str(Path(sys.base_prefix, "bin"))})
    assert prefix == Path(sys.base_prefix)
    assert (prefix / "bin" / f"python{VERSION}").exists()


def test_what_does_not_run_or_is_another_version_is_passed_over(tmp_path: Path) -> None:
    broken = interpreter(tmp_path / "broken/python3.10", status=1)
    other = interpreter(tmp_path / "other/python3.10", "3.9")
    (tmp_path / "empty/python3.10").mkdir(parents=True)
    works = interpreter(tmp_path / "works/python3.10")
    path = f"{tmp_path}/nowhere:{broken}:{other}:{tmp_path}/empty:{works}"
    assert find("3.10", {"PATH": path}) == works


def test_pyenvs_and_uvs_interpreters_are_found_the_newest_first(tmp_path: Path) -> None:
    interpreter(tmp_path / "versions/3.10.2/bin/python3.10")
    newest = interpreter(tmp_path / "versions/3.10.13/bin/python3.10")
    of_uv = interpreter(tmp_path / ".local/share/uv/python/cpython-3.10.4-linux/bin/python3.10")
    assert find("3.10", {"PYENV_ROOT": str(tmp_path)}) == newest
    assert find("3.10", {"HOME": str(tmp_path)}) == of_uv


def test_a_version_that_is_missing_is_named_with_what_was_looked_at(tmp_path: Path) -> None:
    broken = interpreter(tmp_path / "python3.10", status=1)
    with pytest.raises(NoInterpreter, match=r"^Python 3\.10: no interpreter works") as raised:
        find("3.10", {"PATH": str(broken)})
    assert f"do not run, or lack ensurepip: {broken}/python3.10." in str(raised.value)
    assert "CREDS_PYTHONS" in str(raised.value)


def test_versions_are_named_by_words() -> None:
    assert named(" 3.10  3.12\n") == ("3.10", "3.12")
    assert named("") == ()
    for word in ("3.8", "python3.10", "3.10,3.12"):
        with pytest.raises(ValueError, match=f"CREDS_PYTHONS: {word}: not a Python"):
            named(word)
