"""The page that says which clients can share passwords: a part for each provider."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from tests.machine.support.rootfs import CHECKOUT

PAGE = CHECKOUT / "docs/reference/interoperability.md"
ACTS = {"read": "read by", "replaced": "stored again by", "removed": "deleted by"}
BEFORE = {
    "read": "Whether a client reads what another client stored:",
    "replaced": "What happens if a client stores another password for the same service and user:",
    "removed": "Whether a client deletes what another client stored:",
}
WORDS = {
    ("read", True): "yes",
    ("read", False): "no",
    ("replaced", True): "replaced",
    ("replaced", False): "second item",
    ("removed", True): "yes",
    ("removed", False): "no",
}
Seen = Mapping[str, Mapping[str, Mapping[str, bool]]]


def holds(title: str, words: str, seen: Seen, acts: Sequence[str] = tuple(ACTS)) -> None:
    """Fail unless the part of the page is just this. CREDS_INTEROPERABILITY=write: make it so."""
    head, *parts = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    known = dict(part.split("\n", 1) for part in parts)
    part = f"\n{words}\n" + "".join(f"\n{_table(act, seen)}" for act in acts) + "\n"
    if os.environ.get("CREDS_INTEROPERABILITY") == "write":
        known[title] = part
        told = "".join(f"## {name}\n{text}" for name, text in known.items())
        PAGE.write_text(head + told.rstrip("\n") + "\n", "utf-8")
    assert known.get(title, "").strip() == part.strip()


def _table(act: str, seen: Seen) -> str:
    lines = [
        BEFORE[act],
        "",
        f"| stored by \\ {ACTS[act]} | " + " | ".join(seen) + " |",
        "|---" * (len(seen) + 1) + "|",
    ]
    for name, kept in seen.items():
        cells = (WORDS[act, kept[act][other]] for other in seen)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
