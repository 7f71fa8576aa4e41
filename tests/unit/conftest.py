from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import creds_session


@pytest.fixture
def python() -> list[str]:
    """Return this interpreter and the folder that has the package."""
    return [sys.executable, str(Path(creds_session.__file__).parents[1])]


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a folder with a path so short that a socket below it has an address."""
    path = tempfile.mkdtemp(prefix="t-", dir="/tmp")
    yield Path(path)
    shutil.rmtree(path)
