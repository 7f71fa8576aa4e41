"""Every version that the tests install is pinned, with hashes, for each supported Python."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
PINS = CHECKOUT / "tests" / "pins"
PYTHONS = [f"3.{minor}" for minor in range(9, 15)]
# These two build the project if there is no network.
BUILD = ["setuptools", "wheel"]
PIN = re.compile(r"([a-z0-9-]+)==([0-9][0-9a-z.]*)((?: --hash=sha256:[0-9a-f]{64})+)")
COMMENT = re.compile(r" *#.*\n")
CONTINUED = re.compile(r" *\\\n *")


def required() -> list[Requirement]:
    """Return what setup.cfg requires, for the project and for its tests."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    lists = (setup["options"]["install_requires"], setup["options.extras_require"]["test"])
    lines = [line for lines in lists for line in lines.split("\n") if line]
    return [Requirement(line) for line in [*lines, *BUILD]]


def pinned(python: str) -> dict[str, str]:
    """Return the version of each package; a line that is not a version with hashes is an error."""
    text = COMMENT.sub("", (PINS / f"python-{python}.txt").read_text("utf-8"))
    versions = {}
    for line in CONTINUED.sub(" ", text).splitlines():
        found = PIN.fullmatch(line)
        assert found, f"neither an index nor a path belongs into it: {line[:100]!r}"
        versions[found.group(1)] = found.group(2)
    return versions


def test_each_python_has_its_file() -> None:
    assert {path.name for path in PINS.iterdir()} == {f"python-{python}.txt" for python in PYTHONS}


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_is_pinned_to_a_version_that_setup_cfg_allows(python: str) -> None:
    versions = pinned(python)
    for requirement in required():
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not pinned; run scripts/pin"
        assert requirement.specifier.contains(version), f"{requirement}: {version}; run scripts/pin"
