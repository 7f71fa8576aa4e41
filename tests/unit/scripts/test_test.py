"""How scripts/test reads its words; the programs that it starts only note how they were called."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "test"
PROGRAMS = ("pytest", "python", "ruff", "mypy", "lint-imports", "shellcheck")
NOTES = '#!/bin/sh\necho "${0##*/} $*" >>"$CALLS"\n'
FAST = "pytest -p no:cacheprovider -m not machine"
MACHINES = "python -m tests.machine.support.rootfs"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a checkout with a space in its path, whose programs note how they were called."""
    checkout = tmp_path / "a checkout"
    for name in ("scripts/profile", "bin", "tests/unit", "tests/oracle", "tests/machine"):
        (checkout / name).mkdir(parents=True)
    for name in ("tests/unit/test_x.py", "tests/oracle/test_y.py", "scripts/profile/x.sh"):
        (checkout / name).touch()
    shutil.copy(SCRIPT, checkout / "scripts" / "test")
    programs = {f"bin/{name}": NOTES for name in PROGRAMS}
    programs["scripts/prepare"] = f'{NOTES}cd "$(dirname "$0")/.." && pwd\n'
    # The root file system is made for root alone.
    programs["bin/id"] = "#!/bin/sh\necho 0\n"
    for name, text in programs.items():
        (checkout / name).write_text(text)
        (checkout / name).chmod(0o755)
    return checkout


def calls(checkout: Path, *words: str) -> list[str]:
    """Return what is started for these words after scripts/prepare."""
    told = checkout / "calls"
    told.unlink(missing_ok=True)
    environ = {"PATH": f"{checkout}/bin:{os.defpath}", "CALLS": str(told)}
    argv = [str(checkout / "scripts" / "test"), *words]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, *others = told.read_text("utf-8").splitlines()
    assert first == "prepare "
    return others


def test_fast_leaves_the_machines_out_and_keeps_paths_and_options(checkout: Path) -> None:
    path = "tests/unit/test_x.py"
    assert calls(checkout, "--fast", path) == [f"{FAST} {path}"]
    assert calls(checkout, path, "-k", "a or b", "--fast") == [f"{FAST} {path} -k a or b"]


def test_without_paths_and_options_lint_and_types_come_first(checkout: Path) -> None:
    linters = ["ruff", "ruff", "mypy", "lint-imports", "shellcheck"]
    *first, last = calls(checkout, "--fast")
    assert [call.split()[0] for call in first] == linters
    assert last.startswith("pytest -p no:cacheprovider -q --dist=loadscope")
    assert last.endswith("-m not machine")
    *first, machines, last = calls(checkout)
    assert [call.split()[0] for call in first] == linters
    assert machines == MACHINES
    assert last.startswith("pytest -p no:cacheprovider -q --dist=loadscope")
    assert "not machine" not in last


def test_nothing_is_made_for_the_machines_if_paths_are_given(checkout: Path) -> None:
    assert calls(checkout, "tests/unit/test_x.py", "-x") == [
        "pytest -p no:cacheprovider tests/unit/test_x.py -x"
    ]
