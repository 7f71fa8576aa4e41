"""Look, judge: what ``creds-doctor`` does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from creds_session.checks import CHECKS, Check, run
from creds_session.facts import Facts
from creds_session.findings import CheckResult
from creds_session.probe.machine import probe
from creds_session.report.checks import Entry
from creds_session.report.doctor import is_healthy
from creds_session.system.root import Root


class Diagnosis(NamedTuple):
    """The facts of a session and what the checks say of them."""

    facts: Facts
    results: tuple[CheckResult, ...]

    @property
    def is_healthy(self) -> bool:
        """Tell whether a secret can be read now and no finding is an error."""
        return is_healthy(self.facts, self.results)


def diagnose(environ: Mapping[str, str], checks: Iterable[Check] = CHECKS) -> Diagnosis:
    """Look at this machine and this session; change nothing, start nothing."""
    facts = probe(environ, Root())
    return Diagnosis(facts, run(checks, facts))


def entries() -> tuple[Entry, ...]:
    """Return what the registry says of each check, without a machine at hand."""
    return tuple(_entry(check) for check in CHECKS)


def _entry(check: Check) -> Entry:
    level = None if callable(check.severity) else check.severity
    cure = None if callable(check.cure) else check.cure
    named = (check.title, check.cause, cure, check.needs, check.about)
    return Entry(check.id, check.group, level, *named)
