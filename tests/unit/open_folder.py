"""Let other users into a folder of a test's, which pytest keeps to the user who runs it."""

from __future__ import annotations

import tempfile
from pathlib import Path


def let_everybody_in(folder: Path) -> None:
    """Have everybody enter and list this folder, and those above it that are pytest's own."""
    top = Path(tempfile.gettempdir())
    for one in (folder, *folder.parents):
        if one == top or top not in one.parents:
            break
        one.chmod(0o755)
