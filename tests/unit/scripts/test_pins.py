"""Every version that the tests install is pinned, with hashes, for each supported Python."""

from __future__ import annotations

import ast
import configparser
import re
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.machine.support import interpreters

CHECKOUT = Path(__file__).parents[3]
PINS = CHECKOUT / "tests" / "pins"
PYTHONS = list(interpreters.PYTHONS)
# These two build the project if there is no network.
BUILD = ["setuptools", "wheel"]
PIN = re.compile(r"([a-z0-9-]+)==([0-9][0-9a-z.]*)((?: --hash=sha256:[0-9a-f]{64})+)")
COMMENT = re.compile(r" *#.*\n")
CONTINUED = re.compile(r" *\\\n *")
BLOCK = re.compile(r"^([a-z0-9-]+)==.*\n((?: .*\n)*)", re.MULTILINE)
MODULES = {"python-pam": "pam"}
"""The module of a package that has another name than the package."""


def required() -> list[Requirement]:
    """Return what setup.cfg requires, for the project and for its tests."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    lists = (setup["options"]["install_requires"], setup["options.extras_require"]["test"])
    lines = [line for lines in lists for line in lines.split("\n") if line]
    return [Requirement(line) for line in [*lines, *BUILD]]


def pinned(python: str, name: str = "python-{}.txt") -> dict[str, str]:
    """Return the version of each package; a line that is not a version with hashes is an error."""
    text = COMMENT.sub("", (PINS / name.format(python)).read_text("utf-8"))
    versions = {}
    for line in CONTINUED.sub(" ", text).splitlines():
        found = PIN.fullmatch(line)
        assert found, f"neither an index nor a path belongs into it: {line[:100]!r}"
        versions[found.group(1)] = found.group(2)
    return versions


def test_each_python_has_its_file() -> None:
    found = {path.name for path in PINS.glob("python-*.txt")}
    assert found == {f"python-{python}.txt" for python in PYTHONS}


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_is_pinned_to_a_version_that_setup_cfg_allows(python: str) -> None:
    versions = pinned(python)
    for requirement in required():
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not pinned; run scripts/pin"
        assert requirement.specifier.contains(version), f"{requirement}: {version}; run scripts/pin"


@pytest.mark.parametrize("python", PYTHONS)
def test_every_pin_is_of_a_package_that_something_requires(python: str) -> None:
    names = {canonicalize_name(requirement.name) for requirement in required()}
    text = (PINS / f"python-{python}.txt").read_text("utf-8")
    blocks = BLOCK.findall(text)
    assert len(blocks) == len(pinned(python))
    assert {name for name, rest in blocks if "# via" not in rest} <= names, "run scripts/pin"


def test_the_project_imports_every_package_that_it_requires_and_no_other() -> None:
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    lines = setup["options"]["install_requires"].split("\n")
    names = {Requirement(line).name for line in lines if line}
    wanted = {MODULES.get(name, name) for name in names}
    assert {name for name in imported_modules() if is_installed(name)} == wanted


def imported_modules() -> set[str]:
    """Return the first word of every absolute import that the project makes when it runs."""
    found: set[str] = set()
    for path in (CHECKOUT / "creds_session").rglob("*.py"):
        tree = ast.parse(path.read_bytes())
        for_types = {
            inner for node in ast.walk(tree) if is_for_types(node) for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if node in for_types:
                continue
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def is_for_types(node: ast.AST) -> bool:
    """Return whether a statement is there for the checker of types alone."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def is_installed(name: str) -> bool:
    """Return whether a module belongs to a package that pip installed."""
    spec = find_spec(name)
    origin = spec.origin if spec else None
    places = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    return origin is not None and any(Path(place) in Path(origin).parents for place in places)


def test_the_tools_of_ansible_have_a_file_of_their_own() -> None:
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    wanted = setup["options.extras_require"]["ansible"].split()
    oldest = pinned("3.11", "ansible-oldest-python-{}.txt")
    for versions in (pinned("3.11", "ansible-python-{}.txt"), oldest):
        for requirement in map(Requirement, wanted):
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])
    assert f"ansible-core>={oldest['ansible-core'].rpartition('.')[0]}" in wanted
