"""Run jobs in turn, and print what they took beside one another."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

Job = Callable[[], object]


class Prepared(NamedTuple):
    """A job before which something is done that is not measured."""

    prepare: Job
    job: Job


def medians(jobs: Mapping[str, Job | Prepared], runs: int) -> dict[str, float]:
    """Return the median time of each job in seconds.

    All jobs run in turn, and that ``runs`` times, so that a slow moment hits all alike. The first
    turn is not counted: after it, the caches of the file system are warm for all.
    """
    for job in jobs.values():
        _time(job)
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(runs):
        for name, job in jobs.items():
            times[name].append(_time(job))
    return {name: statistics.median(taken) for name, taken in times.items()}


def _time(job: Job | Prepared) -> float:
    if isinstance(job, Prepared):
        job.prepare()
        job = job.job
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin


def print_ratios(title: str, first: str, jobs: Mapping[str, Job | Prepared], runs: int) -> None:
    """Measure jobs, and print the time of each and its ratio to the job ``first``."""
    found = medians(jobs, runs)
    print_table(
        (title, "seconds", f"{first} = 1"),
        ((name, f"{taken:.3f}", f"{taken / found[first]:.2f}") for name, taken in found.items()),
    )


def print_table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print a table in Markdown whose first column is text, and whose others are numbers."""
    print()
    print("| " + " | ".join(heads) + " |")
    print("| --- |" + " ---: |" * (len(heads) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")
