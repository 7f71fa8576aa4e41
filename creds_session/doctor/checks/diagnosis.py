"""What the doctor knows at the end: the facts of a session, and the result of each check."""

from __future__ import annotations

from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult
from creds_session.records import NamedTuple


class Diagnosis(NamedTuple):
    """The facts of a session and the results of the checks, errors first."""

    facts: Facts
    results: tuple[CheckResult, ...]

    @property
    def is_healthy(self) -> bool:
        """Return whether a secret can be read now and no finding is an error; a crash is one."""
        return self.facts.is_readable and not any(result.has_error for result in self.results)
