from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import creds_session
from creds_session.system.processes import user_ids
from tests.unit.alone import NOWHERE


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test find the bus that its user has on this host, and with it the user's keyring."""
    monkeypatch.setattr(user_ids, "RUNTIME_DIRECTORIES", NOWHERE)


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


@pytest.fixture
def public(short: Path) -> Path:
    """Return a folder that every user may enter; another run of pytest closes those of its own."""
    short.chmod(0o755)
    return short


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a folder that root alone decides, unlike all that is below /tmp."""
    folder = Path(tempfile.mkdtemp(dir="/run")).resolve()
    yield folder
    shutil.rmtree(folder)
