"""What a check may say: outcomes, severities, evidence and the cure."""

from __future__ import annotations

import enum
import shlex
from typing import NamedTuple

EVAL, SUDO = "eval", "sudo"


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
    that begins with ``sudo`` is for root to run. One that begins with ``eval`` has a line as its
    second word, which the person's own shell has to run (``in_this_shell``): no program can change
    the variables of the shell that called it.

    ``alternatives`` are for those who cannot carry out this one, or whom it does not help, in
    order.
    """

    text: str
    commands: tuple[tuple[str, ...], ...] = ()
    is_safe: bool = False
    alternatives: tuple[Remediation, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The commands as lines to paste into a shell."""
        return tuple(map(shell_line, self.commands))

    @property
    def can_be_fixed(self) -> bool:
        """Whether ``--fix`` of an ordinary user carries it out."""
        words = {argv[0] for argv in self.commands}
        return self.is_safe and bool(words) and not words & {EVAL, SUDO}


def in_this_shell(line: str) -> tuple[str, ...]:
    """Return the command for a line that the person's own shell has to run."""
    return (EVAL, line)


def shell_line(argv: tuple[str, ...]) -> str:
    """Return a command as a line to paste into a shell."""
    return argv[1] if argv[0] == EVAL else shlex.join(argv)


class Finding(NamedTuple):
    """One thing that is wrong, with what was seen and a remedy.

    ``id`` is a stable word such as ``keyring-locked``; ``title`` is one line. ``stops_password``:
    because of it, a password typed at the login does not reach the keyring daemon.
    """

    id: str
    severity: Severity
    title: str
    cause: str = ""
    evidence: tuple[str, ...] = ()
    remediation: Remediation | None = None
    stops_password: bool = False


class Found(NamedTuple):
    """What a check saw of what it looks for: the evidence, and what it knows better than its entry.

    What is left out is as the registry has it.
    """

    evidence: tuple[str, ...] = ()
    title: str = ""
    cause: str = ""
    remedy: Remediation | None = None


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
