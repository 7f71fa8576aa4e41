"""Cases that a commit tries on one release of Debian each, and a nightly run on every one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.depth import ON_EVERY_RELEASE

RELEASES = ("bookworm", "trixie")


def in_turn(cases: Sequence[tuple[str, Any]]) -> list[Any]:
    """Return parameters, a release and a case each; a case comes with its name."""
    return [
        pytest.param(release, case, id=f"{release}-{name}")
        for number, (name, case) in enumerate(cases)
        for place, release in enumerate(RELEASES)
        if ON_EVERY_RELEASE or number % len(RELEASES) == place
    ]
