"""What the tests of the trees share: the libpam that is asked, and the table that is printed."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.machine.support import rootfs
from tests.oracle.oracle_libpam import CannotAsk, check
from tests.trees.bench import Judgement

OLD, NEW = "bookworm", "trixie"


def libpam(release: str) -> str:
    """Return a root with the libpam of a release of Debian: 1.5.2 or 1.7.0; or skip the test."""
    try:
        root = str(rootfs.root_file_system(release)) if os.geteuid() == 0 else "/"
        check(root)
    except CannotAsk as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    return root


def table(made: list[Judgement]) -> str:
    """Return how many trees of each class came out how, one line a class and service."""
    counts = Counter((one.tree.kind, one.service, one.result) for one in made)
    return "\n".join(
        f"{kind}, {service}: {count} {result}"
        for (kind, service, result), count in sorted(counts.items())
    )


def refusals(made: list[Judgement]) -> str:
    """Return each refusal with its reason."""
    return "\n".join(
        f"{one.tree.name}, {one.service}: {one.refused}" for one in made if one.refused
    )


def wrongs(made: list[Judgement]) -> str:
    """Return the first few things that are wrong."""
    found = [text for one in made for text in one.wrong]
    return "\n".join([f"{len(found)} wrong", *found[:5]]) if found else ""
