from __future__ import annotations

import sys
from pathlib import Path

import pytest

import creds_session


@pytest.fixture
def python() -> list[str]:
    """Return this interpreter and the folder that has the package."""
    return [sys.executable, str(Path(creds_session.__file__).parents[1])]
