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
    """A cure: what to do in words, and the commands as argv, never as a shell string.

    ``is_safe``: the commands lose nothing and can be taken back, so ``--fix`` may run them. One
    that begins with ``sudo`` is for root to run.
    """

    text: str
    commands: tuple[tuple[str, ...], ...] = ()
    is_safe: bool = False


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


class Found(NamedTuple):
    """What a check saw of what it looks for: the evidence, and what it knows better than its entry.

    What is left out is as the registry has it.
    """

    evidence: tuple[str, ...] = ()
    title: str = ""
    cause: str = ""
    cure: Remediation | None = None


class NotJudged(NamedTuple):
    """Why a check could say nothing: the fact that it goes by was not to be had."""

    reason: str


class CheckResult(NamedTuple):
    """The outcome of one check, by its id: what it found, or why it was skipped or crashed.

    ``follows_from``: the checks that found the cause, so that this one was not looked at.
    """

    check: str
    outcome: Outcome
    summary: str
    findings: tuple[Finding, ...] = ()
    follows_from: tuple[str, ...] = ()

    @property
    def has_error(self) -> bool:
        """Tell whether it found what keeps a secret from being read, or could not look."""
        is_error = any(finding.severity is Severity.ERROR for finding in self.findings)
        return is_error or self.outcome is Outcome.CRASHED
