"""The smallest edit of a service file that gives pam_gnome_keyring its rules, proved.

Candidates are tried from the smallest on; the first that cannot be refuted is taken. Bytes are
inserted, or one word changes (``include`` to ``substack``, the control of a rule of ours that is
unsafe); nothing else of the file changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from creds_session.errors import InvalidData
from creds_session.findings import Severity
from creds_session.pam.candidates import Edit, Request, apply_edits, candidates
from creds_session.pam.counterexample import Breach, Counterexample
from creds_session.pam.judge import GroupVerdict, judge, without_ours
from creds_session.pam.lint import lint
from creds_session.pam.nodes import ServiceFile
from creds_session.pam.parser import parse
from creds_session.pam.policy import (
    GUARDED,
    NEVER_COUNTS,
    OPTIONAL,
    Wanted,
    generated_by,
    is_keyring,
    our_places,
    wanted_rules,
)
from creds_session.pam.proof import refute, refute_reach, refute_unknowing
from creds_session.pam.stack import Read, resolve, resolve_all
from creds_session.pam.terms import Dialect

__all__ = ["Edit", "NoSafeEdit", "Options", "Plan", "apply_edits", "plan"]


class Options(NamedTuple):
    """What a person may ask of a plan.

    ``only_add``: no word of the admin's changes; what cannot be had so is told, not refused.
    ``skip_root``: root's login passes our rules by. ``strict``: proved against any return value
    of pam_gnome_keyring at all. ``early_start``: the auth rule starts the daemon.
    """

    only_add: bool = False
    skip_root: bool = False
    strict: bool = False
    early_start: bool = False


class Plan(NamedTuple):
    """What would change in one file, and the state of each group before and after.

    ``path`` is where libpam finds the service; ``target`` where the result goes: the same, or
    /etc/pam.d where ``path`` is a file of the vendor's. ``early_start`` is what was asked.
    """

    service: str
    path: str
    target: str
    content: bytes
    edits: tuple[Edit, ...]
    before: tuple[GroupVerdict, ...]
    after: tuple[GroupVerdict, ...]
    early_start: bool = False

    @property
    def result(self) -> bytes:
        """The file's new content."""
        return apply_edits(self.content, self.edits)

    @property
    def replaced(self) -> bytes | None:
        """What stands at ``target`` now; None where the vendor's file has no copy there."""
        return self.content if self.path == self.target else None


class NoSafeEdit(InvalidData):
    """No candidate could be proved; the message holds the last counterexample."""


def plan(
    service: str, path: str, read: Read, dialect: Dialect, options: Options | None = None
) -> Plan:
    """Find the edits of the file at ``path`` that give the service its rules.

    Raises InvalidData for a file that libpam would refuse or that a tool generates, NoSafeEdit
    where no candidate holds.
    """
    options = options or Options()
    content = read(path)
    if content is None:
        raise InvalidData(f"{path}: not there")
    refuse_broken(path, parse(content, dialect))
    early_start, strict = options.early_start, options.strict
    before = judge(service, read, dialect, strict=strict, early_start=early_start)
    edits: tuple[Edit, ...] = ()
    for wanted, verdict in zip(wanted_rules(service, early_start=early_start), before):
        if verdict.problem or _lets_root_wait(service, wanted, read, dialect, options):
            edits += _edits_for(wanted, Request(service, path, read, dialect), options)
    after = before
    if edits:
        refuse_generated(path, content)
        candidate = overlaid(read, path, apply_edits(content, edits))
        after = judge(service, candidate, dialect, strict=strict, early_start=early_start)
    if not options.only_add:
        _require_proof(path, after)
    target = f"/etc/pam.d/{service}"
    return Plan(service, path, target, content, edits, before, after, early_start)


def _lets_root_wait(
    service: str, wanted: Wanted, read: Read, dialect: Dialect, options: Options
) -> bool:
    """Tell whether root shall pass our rule by, and does not yet."""
    if not options.skip_root or wanted.group not in GUARDED:
        return False
    handlers = resolve(service, wanted.group, read, dialect=dialect).handlers
    ours = our_places(handlers)
    rules = [place for place in ours if is_keyring(handlers[place])]
    return any(place - 1 not in ours for place in rules)


def refuse_broken(path: str, file: ServiceFile) -> None:
    """Raise InvalidData with the place of the first line that libpam refuses."""
    for found in lint(file):
        if found.severity is Severity.ERROR:
            raise InvalidData(
                f"{path}:{found.line}:{found.column}: {found.reason}",
                hint="mend it first; libpam fails on such a line",
            )


def refuse_generated(path: str, content: bytes) -> None:
    """Raise InvalidData for a file that a tool writes anew at its next run."""
    tool = generated_by(content)
    if tool:
        raise InvalidData(
            f"{path}: written by {tool}, whose next run would undo a change",
            hint="change it by that tool, or name a service that includes it",
        )


def overlaid(read: Read, path: str, content: bytes) -> Read:
    """Read as before, but for one path."""
    return lambda asked: content if asked == path else read(asked)


def _require_proof(path: str, verdicts: tuple[GroupVerdict, ...]) -> None:
    for verdict in verdicts:
        if verdict.problem:
            raise NoSafeEdit(f"{path}: no safe edit for {verdict.group.value}: {verdict.problem}")


def _edits_for(wanted: Wanted, request: Request, options: Options) -> tuple[Edit, ...]:
    """Return the first candidate for one group that is proved safe and reached."""
    refused: Counterexample | str = "no rule of its own stands here that ours could stand behind"
    without = resolve_all(
        request.service, without_ours(request.read, request.dialect), dialect=request.dialect
    )
    # What is unsafe as it stands is told before what could not be had.
    now = resolve_all(request.service, request.read, dialect=request.dialect)
    standing = refute(without, now, wanted.group, strict=options.strict)
    for edits in _allowed(wanted, request, options):
        content = apply_edits(request.file.render(), edits)
        if any(one.severity is Severity.ERROR for one in lint(parse(content, request.dialect))):
            continue
        candidate = overlaid(request.read, request.path, content)
        after = resolve_all(request.service, candidate, dialect=request.dialect)
        prove = refute_unknowing if _adds_optional(edits) else refute
        found = prove(without, after, wanted.group, strict=options.strict)
        found = found or refute_reach(without, after, wanted.group, early_start=options.early_start)
        if found is None:
            return edits
        refused = standing or found
    if options.only_add:
        return ()
    raise NoSafeEdit(
        f"{request.path}: no safe place for the {wanted.group.value} rule: {refused}",
        hint=_hint(refused),
    )


def _adds_optional(edits: tuple[Edit, ...]) -> bool:
    """Tell whether a rule is to count; one that never counts is as good, and needs no table."""
    return any(OPTIONAL.encode() in edit.new.split() for edit in edits)


def _hint(refused: Counterexample | str) -> str:
    """Say what a person could do where we may do nothing."""
    if isinstance(refused, Counterexample) and refused.breach is Breach.LET_IN:
        return (
            f"nothing was changed; a control that never counts, {NEVER_COUNTS}, keeps a rule of"
            " pam_gnome_keyring that is there already from letting anybody in"
        )
    return "nothing was changed; what stands there must be changed by a person first"


def _allowed(wanted: Wanted, request: Request, options: Options) -> Iterator[tuple[Edit, ...]]:
    request = request._replace(guarded=options.skip_root)
    for edits in candidates(wanted, request):
        if not (options.only_add and any(edit.old for edit in edits)):
            yield edits
