"""Look, judge: what ``creds-doctor`` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from creds_session.checks import CHECKS, run
from creds_session.facts import Facts
from creds_session.findings import CheckResult
from creds_session.probe.machine import probe
from creds_session.system.root import Root


class Diagnosis(NamedTuple):
    """The facts of a session and what the checks say of them."""

    facts: Facts
    results: tuple[CheckResult, ...]

    @property
    def is_healthy(self) -> bool:
        """Tell whether a secret can be read now and no finding is an error."""
        return not any(result.has_error for result in self.results)


def diagnose(environ: Mapping[str, str]) -> Diagnosis:
    """Look at this machine and this session; change nothing, start nothing."""
    facts = probe(environ, Root())
    return Diagnosis(facts, run(CHECKS, facts))
