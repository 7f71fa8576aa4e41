"""The results of checks: outcome, severity, evidence and remedy."""

from __future__ import annotations

import enum
import shlex

from creds_session.records import NamedTuple

EVAL, SUDO = "eval", "sudo"


class Severity(enum.Enum):
    """Say how much a finding matters to a person who wants to read a secret now."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Outcome(enum.Enum):
    """Say what became of a check; a check without a result never means that all is well."""

    PASSED = "passed"
    FOUND = "found"
    SKIPPED = "skipped"
    CRASHED = "crashed"


class Remediation(NamedTuple):
    """A remedy: what to do in words, and the commands as argv, never as a shell string.

    ``is_safe``: the commands lose nothing and can be reverted, so that ``--fix`` may run them. A
    command that begins with ``sudo`` requires root. A command that begins with ``eval`` has a line
    as its second word, which the person's own shell has to run (``in_this_shell``), because no
    program can change the variables of the shell that called it.

    ``alternatives`` are for people who cannot carry out this remedy, or for a case in which it does
    not help, in this order.
    """

    text: str
    commands: tuple[tuple[str, ...], ...] = ()
    is_safe: bool = False
    alternatives: tuple[Remediation, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the commands as lines to paste into a shell."""
        return tuple(map(shell_line, self.commands))

    @property
    def can_be_fixed(self) -> bool:
        """Return whether ``--fix`` carries this remedy out for an ordinary user."""
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
    ``is_moot``: it is only about logins, and nobody logs in here.
    """

    id: str
    severity: Severity
    title: str
    cause: str = ""
    evidence: tuple[str, ...] = ()
    remediation: Remediation | None = None
    stops_password: bool = False
    is_moot: bool = False


class Found(NamedTuple):
    """Hold what a check found: the evidence, and texts that are better than those of the registry.

    For every text that is empty, the text of the registry is used.
    """

    evidence: tuple[str, ...] = ()
    title: str = ""
    cause: str = ""
    remedy: Remediation | None = None


class NotJudged(NamedTuple):
    """Say why a check could not judge: the facts that it needs could not be read."""

    reason: str


class CheckResult(NamedTuple):
    """Hold the outcome of one check: what it found, or why it was skipped or crashed.

    ``check`` is the id of the check. ``follows_from`` are the ids of the checks that found the
    cause, so that this check was skipped.
    """

    check: str
    outcome: Outcome
    summary: str
    findings: tuple[Finding, ...] = ()
    follows_from: tuple[str, ...] = ()

    @property
    def has_error(self) -> bool:
        """Return whether the check found that a secret cannot be read, or crashed."""
        is_error = any(finding.severity is Severity.ERROR for finding in self.findings)
        return is_error or self.outcome is Outcome.CRASHED
