"""What a check may say: outcomes, severities, evidence and the cure."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Severity(enum.Enum):
    """How much a finding matters to a person who wants to read a secret now."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Outcome(enum.Enum):
    """What became of a check; silence never means health."""

    PASSED = "passed"
    FOUND = "found"
    SKIPPED = "skipped"
    CRASHED = "crashed"


class Remediation(NamedTuple):
    """A cure: what to do in words, and the commands as argv, never as a shell string."""

    text: str
    commands: tuple[tuple[str, ...], ...] = ()


class Finding(NamedTuple):
    """One thing that is wrong, with what was seen and what cures it.

    ``id`` is a stable word such as ``keyring-locked``; ``title`` is one line.
    """

    id: str
    severity: Severity
    title: str
    cause: str = ""
    evidence: tuple[str, ...] = ()
    remediation: Remediation | None = None


class Seen(NamedTuple):
    """What a check saw, in one line, and what is wrong with it."""

    summary: str
    findings: tuple[Finding, ...] = ()


class CheckResult(NamedTuple):
    """The outcome of one check: what it saw, or why it was skipped or crashed."""

    check: str
    outcome: Outcome
    summary: str
    findings: tuple[Finding, ...] = ()

    @property
    def has_error(self) -> bool:
        """Tell whether it found what keeps a secret from being read, or could not look."""
        is_error = any(finding.severity is Severity.ERROR for finding in self.findings)
        return is_error or self.outcome is Outcome.CRASHED
