"""Measure the proof of a change of PAM for stacks of more and more rules, in this process."""

from __future__ import annotations

import cProfile
import io
import pstats
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from creds_session.pam.keyring_rules.plan import plan
from creds_session.pam.keyring_rules.proof import refute, refute_reach
from creds_session.pam.stack.resolve import Stacks, resolve_all
from creds_session.pam.syntax.terms import Dialect, ManagementGroup
from scripts.benchmarks.processes import CHECKOUT
from scripts.benchmarks.turns import Job, medians, print_table

LAYOUTS = CHECKOUT / "pam.d"
SSHD = "/etc/pam.d/sshd"
CONTROLS = ("required", "optional", "[success=1 default=ignore]", "[default=1]", "requisite")
JUMP = """\
auth [success=1 default=ignore] pam_unix.so
auth requisite pam_deny.so
auth required pam_permit.so
"""
OURS = "auth [default=ignore] pam_gnome_keyring.so\n"


def measure(_folder: Path, runs: int) -> None:
    """Measure the proof for 250 to 2,000 rules."""
    stacks = {count: (_stacks(count, ""), _stacks(count, OURS)) for count in (250, 500, 1000, 2000)}
    jobs: dict[str, Job] = {
        str(count): partial(_prove, before, after) for count, (before, after) in stacks.items()
    }
    found = medians(jobs, runs)
    print_table(
        ("proof of a stack, rules", "seconds", "250 rules = 1"),
        ((name, f"{taken:.3f}", f"{taken / found['250']:.1f}") for name, taken in found.items()),
    )


def _stacks(count: int, more: str) -> Stacks:
    rules = "".join(f"auth {CONTROLS[n % len(CONTROLS)]} m{n}.so\n" for n in range(count - 3))
    text = (rules + JUMP + more).encode()
    return resolve_all("sshd", {SSHD: text}.get, dialect=Dialect.DEBIAN_1_5)


def _prove(before: Stacks, after: Stacks) -> None:
    group = ManagementGroup.AUTH
    found = refute(before, after, group) or refute_reach(before, after, group)
    if found is not None:
        raise SystemExit(f"bench: what must hold is refuted: {found}")


def profiles() -> Iterator[str]:
    """Yield the lines of a profile of the plan, for each of two layouts."""
    for layout in ("debian", "redhat"):
        before = LAYOUTS / layout / "before"
        files = {f"/etc/pam.d/{path.name}": path.read_bytes() for path in before.iterdir()}
        profile = cProfile.Profile()
        profile.enable()
        plan("sshd", SSHD, files.get, Dialect.DEBIAN_1_5)
        profile.disable()
        text = io.StringIO()
        pstats.Stats(profile, stream=text).strip_dirs().sort_stats("tottime").print_stats(15)
        yield f"plan of {layout}'s sshd"
        yield from (line for line in text.getvalue().splitlines() if line.strip())
