"""The search for the first edit of one group that is proved safe, and whose rule is reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from creds_session.findings import Severity
from creds_session.pam.keyring_rules.candidates import Edit, Request, apply_edits, candidates
from creds_session.pam.keyring_rules.counterexample import Counterexample
from creds_session.pam.keyring_rules.policy import OPTIONAL, Wanted
from creds_session.pam.keyring_rules.proof import (
    refute,
    refute_closing,
    refute_reach,
    refute_unknowing,
)
from creds_session.pam.stack.handlers import Stack, Stacks
from creds_session.pam.syntax.lint import lint
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import ManagementGroup


class Options(NamedTuple):
    """What a person may ask of a plan.

    ``only_add``: insert lines only, never modify existing ones; problems that then remain are
    reported, and are no error. ``skip_root``: root's login skips the keyring rules. ``strict``: the
    proof assumes that pam_gnome_keyring may return any value. ``early_start``: the auth rule
    starts the daemon.
    """

    only_add: bool = False
    skip_root: bool = False
    strict: bool = False
    early_start: bool = False


class NotFound(NamedTuple):
    """Why no candidate is safe: in words, and with the counterexample if there is one."""

    reason: str
    counterexample: Counterexample | None = None


def find_edits(wanted: Wanted, request: Request, options: Options) -> tuple[Edit, ...] | NotFound:
    """Return the first candidate for one group that is proved safe and reached."""
    proof = _Proof(wanted, request, options)
    refuted: Counterexample | None = None
    second_best: tuple[Edit, ...] | None = None
    for edits in _allowed(wanted, request, options):
        content = apply_edits(request.file.render(), edits)
        diagnostics = lint(parse(content, request.files.dialect))
        if any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics):
            continue
        after = proof.stacks_with(content)
        if not proof.leaves_other_groups(after):
            continue
        counterexample = proof.refute(after, edits)
        if counterexample is None:
            # A safe edit that changes the result of close_session harms nobody, so it is taken if
            # there is no better one.
            if not proof.closes_otherwise(after, edits):
                return edits
            second_best = second_best or edits
        refuted = counterexample or refuted
    if second_best is not None:
        return second_best
    reason = str(refuted) if refuted else "this file has no rule of its own that ours could follow"
    return NotFound(reason, refuted)


class _Proof:
    """The proof of each candidate of one group, against the service without any rule of ours."""

    def __init__(self, wanted: Wanted, request: Request, options: Options) -> None:
        self.wanted, self.request, self.options = wanted, request, options
        self.now = request.files.stacks(request.service)
        self.without = request.files.without_our_rules().stacks(request.service)

    def stacks_with(self, content: bytes) -> Stacks:
        """Return the stacks of the service if the file had this content."""
        files = self.request.files.overlaid(self.request.path, content)
        return files.stacks(self.request.service)

    def leaves_other_groups(self, after: Stacks) -> bool:
        """Return whether the other groups run the same rules; an @include is of every group."""
        others = (group for group in ManagementGroup if group is not self.wanted.group)
        return all(_rows(self.now.of(group)) == _rows(after.of(group)) for group in others)

    def refute(self, after: Stacks, edits: tuple[Edit, ...]) -> Counterexample | None:
        """Return a counterexample to a candidate, or None."""
        group, options = self.wanted.group, self.options
        prove = refute_unknowing if _adds_optional(edits) else refute
        return prove(self.without, after, group, strict=options.strict) or refute_reach(
            self.without, after, group, early_start=options.early_start
        )

    def closes_otherwise(self, after: Stacks, edits: tuple[Edit, ...]) -> bool:
        """Return whether a candidate changes what close_session returns."""
        if self.wanted.group is not ManagementGroup.SESSION:
            return False
        is_certain = not _adds_optional(edits)
        return refute_closing(self.without, after, knowing=is_certain) is not None


def _rows(stack: Stack) -> list[tuple[object, ...]]:
    """Return what libpam runs, without the places in the files."""
    return [tuple(handler)[1:] for handler in stack.handlers]


def _adds_optional(edits: tuple[Edit, ...]) -> bool:
    """Return whether the edits add an ``optional`` rule.

    Such a rule can count, so it is taken only if its proof assumes nothing about other modules.
    Otherwise a rule that never counts is as good, and its safety depends on no table.
    """
    return any(OPTIONAL.encode() in edit.new.split() for edit in edits)


def _allowed(wanted: Wanted, request: Request, options: Options) -> Iterator[tuple[Edit, ...]]:
    request = request._replace(guarded=options.skip_root)
    for edits in candidates(wanted, request):
        if not (options.only_add and any(edit.old for edit in edits)):
            yield edits
