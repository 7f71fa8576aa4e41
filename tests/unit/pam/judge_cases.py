"""Read the pairs of tests/data/judge: PAM directories before and after a change.

Public reports tell of each pair; cases.json names the repository and the thread. The files are our
own, in the distribution's layout; only the lines that the report is about are taken from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Optional

from creds_session.pam.syntax.nodes import Rule
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect
from tests.unit.images import LIBPAM, READS_IT

DIRECTORY = Path(__file__).parents[2] / "data" / "judge"
SECURITY = "usr/lib/x86_64-linux-gnu/security"
Wanted = tuple[str, Optional[str], str]


class Case(NamedTuple):
    """One pair: its directory, what must be found (kind, pass, service), and the modules."""

    name: str
    thread: str
    repository: str
    finds: tuple[Wanted, ...]
    absent: tuple[str, ...]
    absent_after: tuple[str, ...]
    os_release: str

    def texts(self, side: str) -> dict[str, bytes]:
        """Return the service files of one side by name."""
        return {path.name: path.read_bytes() for path in (DIRECTORY / self.name / side).iterdir()}

    def modules(self, side: str) -> set[str]:
        """Return the modules whose files exist on one side."""
        missing = {*self.absent, *(self.absent_after if side == "after" else ())}
        texts = (text for one in ("before", "after") for text in self.texts(one).values())
        return {name for text in texts for name in _named(text)} - missing

    def write(self, root: Path, side: str) -> Path:
        """Write one side as a whole system."""
        place = root / side
        files = {f"etc/pam.d/{name}": text for name, text in self.texts(side).items()}
        files["etc/os-release"] = f"ID={self.os_release}\n".encode()
        files[LIBPAM.lstrip("/")] = READS_IT
        files |= {f"{SECURITY}/{module}": b"" for module in self.modules(side)}
        for path, content in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(content)
        return place


def _named(text: bytes) -> Iterator[str]:
    for node in parse(text, Dialect.DEBIAN_1_7).lines:
        if isinstance(node, Rule) and not node.control.is_include:
            yield node.module_path.decode()


def cases() -> tuple[Case, ...]:
    """Return all pairs."""
    index = json.loads((DIRECTORY / "cases.json").read_text())
    return tuple(
        Case(
            name,
            entry["thread"],
            entry["repository"],
            tuple((kind, pass_, service) for kind, pass_, service in entry["finds"]),
            tuple(entry["absent"]),
            tuple(entry["absent_after"]),
            entry["os_release"],
        )
        for name, entry in index.items()
    )
