"""Check what an import loads, and that no module is in an import circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import creds_session

PACKAGE = Path(creds_session.__file__).parent
LOADED = "import sys; {}; print(*sys.modules)"
EFFECTS = {"subprocess", "socket", "fcntl", "pexpect", "jeepney", "keyring"}


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a new Python has loaded after this statement."""
    command = [sys.executable, "-c", LOADED.format(statement)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "pam.keyring_rules.plan",
        "pam.syntax.lint",
        "doctor.checks",
        "doctor.report.verdict",
        "setup_pam.report",
        "facts",
        "facts.distribution",
        "facts.serialization",
        "session.status",
    ],
)
def test_a_pure_module_loads_nothing_that_touches_the_machine(module: str) -> None:
    loaded = loaded_by(f"import creds_session.{module}")
    assert not loaded & EFFECTS
    assert not {name for name in loaded if name.startswith("creds_session.system")}


def test_credentials_load_nothing_of_the_doctor_or_of_pam() -> None:
    loaded = loaded_by("import creds_session.cli.creds.main, creds_session.credentials")
    assert not loaded & {"pexpect", "keyring", "creds_session.doctor.checks"}
    assert "creds_session.pam.stack.dispatch" not in loaded


def test_no_module_is_in_an_import_circle() -> None:
    circles = import_circles(imports_of(PACKAGE))
    assert circles == [], "\n".join(" <-> ".join(circle) for circle in circles)


@pytest.mark.parametrize(
    ("files", "circles"),
    [
        ({"a": "import p.b", "b": "import p.c", "c": "import os"}, []),
        ({"a": "import p.b", "b": "def f():\n    from p.a import x"}, [["p.a", "p.b"]]),
        (
            {"a": "from p import b", "b": "from p import c", "c": "from p import a"},
            [["p.a", "p.b", "p.c"]],
        ),
        (
            {"a": "from p.b import c", "b/__init__": "", "b/c": "from p import a"},
            [["p.a", "p.b.c"]],
        ),
        ({"a": "if TYPE_CHECKING:\n    from p import b", "b": "from p import a"}, []),
        ({"a": "from p.a import name"}, [["p.a"]]),
        ({"a": "from . import b", "b": "from .a import x"}, [["p.a", "p.b"]]),
    ],
)
def test_circles_are_found_whatever_the_import_looks_like(
    tmp_path: Path, files: Mapping[str, str], circles: list[list[str]]
) -> None:
    for name, text in {"__init__": "", **files}.items():
        file = tmp_path / f"p/{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert import_circles(imports_of(tmp_path / "p")) == circles


def imports_of(package: Path) -> dict[str, set[str]]:
    """Return which modules of the package each of its modules imports, inside functions too.

    Imports that only a type checker sees do not count. ``from package import name`` is an import of
    the module ``package.name`` if that exists, or else of ``package``.
    """
    files = {
        ".".join((package.name, *path.relative_to(package).with_suffix("").parts)): path
        for path in package.rglob("*.py")
    }
    modules = {name.removesuffix(".__init__"): path for name, path in files.items()}
    return {
        name: {
            found
            for wanted in _wanted(ast.parse(path.read_text()), name, path)
            if (found := _existing(wanted, modules)) is not None
        }
        for name, path in modules.items()
    }


def _existing(wanted: str, modules: Mapping[str, Path]) -> str | None:
    """Return the module that an import of this dotted name loads."""
    return next(
        (name for name in (wanted, wanted.rpartition(".")[0]) if name in modules),
        None,
    )


def _wanted(tree: ast.AST, module: str, path: Path) -> Iterator[str]:
    """Yield the dotted name of everything that this code imports."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # relative: the package of this module, or one above it
                own = module.split(".")
                own = own if path.stem == "__init__" else own[:-1]
                parents = own[: len(own) - node.level + 1]
                base = ".".join([*parents, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        yield from _wanted(node, module, path)


def import_circles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the sets of modules that import each other directly or through others, sorted."""
    reached = {module: _reached(module, imports) for module in imports}
    circles = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in imports
        if module in reached[module]
    }
    return sorted(map(list, circles))


def _reached(module: str, imports: Mapping[str, set[str]]) -> set[str]:
    """Return all modules to which a chain of imports leads from this one."""
    found: set[str] = set()
    waiting = list(imports[module])
    while waiting:
        next_module = waiting.pop()
        if next_module not in found:
            found.add(next_module)
            waiting += imports[next_module]
    return found
