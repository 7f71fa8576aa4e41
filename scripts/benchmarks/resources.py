"""Measure what a command takes of the machine, rather than how long it takes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from scripts.benchmarks.processes import PYTHON

# The kernel counts the memory of the process that starts a command as the command's, so a small
# process starts it: Python itself has 8 MB.
LAUNCH = """\
import os, sys
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
os.write(int(sys.argv[1]), b"%d %f %d" % (status, used.ru_utime + used.ru_stime, used.ru_maxrss))
"""


class Used(NamedTuple):
    """Hold seconds of a processor (user and system), and the peak of the memory in KiB."""

    cpu: float
    peak: int


def used(
    words: list[str],
    variables: Mapping[str, str],
    stdin: bytes = b"",
    expected: tuple[int, ...] = (0,),
) -> Used:
    """Run a command and return what it used. Raises SystemExit for another exit code."""
    reader, writer = os.pipe()
    try:
        subprocess.run(
            [PYTHON, "-IS", "-c", LAUNCH, str(writer), *words],
            input=stdin,
            capture_output=True,
            env={**os.environ, **variables},
            pass_fds=[writer],
            check=True,
        )
        status, cpu, peak = os.read(reader, 100).split()
    finally:
        os.close(reader)
        os.close(writer)
    code = os.waitstatus_to_exitcode(int(status))
    if code not in expected:
        raise SystemExit(f"bench: {words} ended with {code}")
    return Used(float(cpu), int(peak))


def least(several: Iterable[Used]) -> Used:
    """Return the smallest value of each kind, which other work on the machine changes least."""
    cpu, peak = zip(*several)
    return Used(min(cpu), min(peak))
