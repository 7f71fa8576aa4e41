"""No module of the command line is in an import circle, imports within functions counted."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import creds_session.cli

ROOM = Path(creds_session.cli.__file__).parent
NAME = "creds_session.cli"


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOM).with_suffix("").parts
    return ".".join((NAME, *(part for part in parts if part != "__init__")))


def imports(path: Path, names: set[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = {f"{node.module}.{alias.name}" for alias in node.names} & names
            yield from modules or {node.module} & names


def circle(module: str, imported: dict[str, set[str]]) -> bool:
    """Return whether the module imports itself through others."""
    reached, left = set[str](), [module]
    while left:
        for other in imported[left.pop()] - reached:
            reached.add(other)
            left.append(other)
    return module in reached


def test_no_module_imports_itself_through_others() -> None:
    paths = {name_of(path): path for path in ROOM.rglob("*.py")}
    imported = {name: set(imports(path, set(paths))) for name, path in paths.items()}
    assert sum(map(len, imported.values())) > 50
    assert [name for name in paths if circle(name, imported)] == []
