"""Measure the parser of PAM files on 1 MB of each kind of text, in this process."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect
from scripts.benchmarks.turns import Job, medians, print_table

MEGABYTE = 1 << 20
KINDS = {
    "rules": b"auth  required  pam_unix.so nullok\n",
    "comments": b"# a comment\n",
    "empty lines": b"\n",
    "one line": b"x",
    "continued lines": b"\\\n",
    "open brackets": b"[",
    "arguments": b" [a b]",
    "broken lines": b"a\n",
    "NUL bytes": b"\0",
}


def measure(_folder: Path, runs: int) -> None:
    """Measure the parser for libpam 1.5 and 1.7."""
    texts = {kind: (text * (MEGABYTE // len(text) + 1))[:MEGABYTE] for kind, text in KINDS.items()}
    dialects = (Dialect.DEBIAN_1_5, Dialect.DEBIAN_1_7)
    uncached = getattr(parse, "__wrapped__", parse)
    jobs: dict[str, Job] = {
        f"{kind}|{dialect.name}": partial(uncached, text, dialect)
        for kind, text in texts.items()
        for dialect in dialects
    }
    found = medians(jobs, runs)
    print_table(
        ("parse of 1 MB of", "libpam 1.5, seconds", "1.7, seconds"),
        (
            (kind, *(f"{found[f'{kind}|{dialect.name}']:.3f}" for dialect in dialects))
            for kind in texts
        ),
    )
