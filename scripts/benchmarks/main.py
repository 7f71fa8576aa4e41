"""Measure whole commands beside others, the login hook, the proof and the parser.

    ./scripts/bench [--runs N] [PART ...]   ratios in one run; medians of N (at least 7) turns
    ./scripts/bench --profile               where the time of a plan goes

Nothing of this system is read or changed: sessions, and a root with Debian's files, are made in a
scratch directory. A program that is not installed is named, and not compared with.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts.benchmarks import (
    credentials,
    doctor,
    growth,
    hook,
    parser,
    proof,
    session_state,
    setup_pam,
    unlocking,
)

PARTS: dict[str, Callable[[Path, int], None]] = {
    "setup-pam": setup_pam.measure,
    "credentials": credentials.measure,
    "session": session_state.measure,
    "doctor": doctor.measure,
    "unlocking": unlocking.measure,
    "hook": hook.measure,
    "proof": proof.measure,
    "parser": parser.measure,
    "growth": growth.measure,
}
FEWEST = 7  # turns; a median of fewer says little


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--runs", type=int, default=FEWEST, metavar="N", help="at least 7")
    options.add_argument("--profile", action="store_true", help="where the time of a plan goes")
    options.add_argument(
        "parts", nargs="*", metavar="PART", help=f"all, or some of: {', '.join(PARTS)}"
    )
    asked = options.parse_args(arguments)
    if asked.profile:
        print("\n".join(proof.profiles()))
        return 0
    if asked.runs < FEWEST:
        options.error(f"--runs: at least {FEWEST}")
    unknown = [part for part in asked.parts if part not in PARTS]
    if unknown:
        options.error(f"{', '.join(unknown)}: no such part; the parts are {', '.join(PARTS)}")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    processors = f"{os.cpu_count()} processors (load {load})"
    print(f"Python {platform.python_version()}, {processors}, {asked.runs} turns")
    with tempfile.TemporaryDirectory(prefix="creds-bench-") as folder:
        for part in asked.parts or PARTS:
            PARTS[part](Path(folder), asked.runs)
    return 0
