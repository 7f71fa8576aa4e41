"""What a run of the tests promises: in CI a skip is a failure, and nothing nightly runs unasked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
TESTS = """
import pytest

def test_passes():
    pass

@pytest.mark.skip(reason="a program is missing")
def test_is_skipped():
    pass

def test_skips_itself():
    pytest.skip("a program is missing")

@pytest.mark.nightly
def test_is_long():
    pass
"""


@pytest.mark.parametrize(
    ("switches", "closing_line"),
    [
        ({}, "1 passed, 2 skipped, 1 deselected"),
        ({"CI": "1"}, "1 failed, 1 passed, 1 deselected, 1 error"),
        ({"CREDS_NIGHTLY": "1"}, "2 passed, 2 skipped"),
    ],
)
def test_closing_line(tmp_path: Path, switches: dict[str, str], closing_line: str) -> None:
    shutil.copy(CHECKOUT / "tests/conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = nightly\n")
    environ = {
        key: value for key, value in os.environ.items() if key not in {"CI", "CREDS_NIGHTLY"}
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pytest.ini", "."],
        env={**environ, **switches, "PYTHONPATH": str(CHECKOUT)},
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert closing_line in done.stdout.splitlines()[-1], done.stdout
