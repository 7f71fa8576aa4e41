"""The smallest edit of a service file that gives pam_gnome_keyring its three rules, proved.

Candidates are tried from the smallest on; the first that cannot be refuted is taken. Bytes are
inserted, or the one word ``include`` becomes ``substack``; nothing else of the file changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from creds_session.errors import InvalidData
from creds_session.findings import Severity
from creds_session.pam.handlers import Branch, Stacks
from creds_session.pam.lint import lint
from creds_session.pam.loading import Read
from creds_session.pam.nodes import Node, Rule, ServiceFile
from creds_session.pam.parser import parse
from creds_session.pam.policy import (
    CONTROLS,
    MODULE,
    SESSION_BEFORE,
    WANTED,
    Wanted,
    is_anchor,
    is_keyring,
)
from creds_session.pam.proof import Counterexample, refute, refute_reach
from creds_session.pam.stack import resolve_all
from creds_session.pam.terms import Action, Dialect, ManagementGroup


@dataclass(frozen=True)
class Edit:
    """At ``offset`` in the file ``old`` becomes ``new``; ``old`` is empty where bytes go in."""

    offset: int
    old: bytes
    new: bytes
    line: int
    reason: str


@dataclass(frozen=True)
class GroupVerdict:
    """What one management group has: a rule of ours, reached where it must be, proved safe.

    ``problem`` says what is wrong, in one line or with the counterexample below; it is empty
    where all is well, and where there is nothing to do (``applies`` is False).
    """

    group: ManagementGroup
    present: bool
    reached: bool
    applies: bool = True
    problem: str = ""


@dataclass(frozen=True)
class Plan:
    """What would change in one file, and the state of each group before and after."""

    path: str
    content: bytes
    edits: tuple[Edit, ...]
    before: tuple[GroupVerdict, ...]
    after: tuple[GroupVerdict, ...]

    @property
    def result(self) -> bytes:
        """The file's new content."""
        return apply_edits(self.content, self.edits)


class NoSafeEdit(InvalidData):
    """No candidate could be proved; the message holds the last counterexample."""


def apply_edits(content: bytes, edits: tuple[Edit, ...]) -> bytes:
    """Carry out edits, which are offsets into the content as it was."""
    for edit in sorted(edits, key=lambda one: one.offset, reverse=True):
        end = edit.offset + len(edit.old)
        content = content[: edit.offset] + edit.new + content[end:]
    return content


def judge(service: str, read: Read, dialect: Dialect) -> tuple[GroupVerdict, ...]:
    """Say of each of the three groups what is there, as libpam will run it."""
    now = resolve_all(service, read, dialect=dialect)
    if now.failure is not None:
        raise InvalidData(f"libpam cannot load the service {service}: {now.failure.reason}")
    _refuse_broken_rules(now)
    without = resolve_all(service, _without_keyring(read, dialect), dialect=dialect)
    unsafe = refute(without, now)
    return tuple(_group_verdict(without, now, wanted.group, unsafe) for wanted in WANTED)


def _refuse_broken_rules(stacks: Stacks) -> None:
    """Raise InvalidData for a rule that fails whatever its module says, in any file.

    Both sides of the proof would fail alike on it, so the proof would hold: of nothing.
    """
    for group in ManagementGroup:
        for handler in stacks.of(group).handlers:
            is_hopeless = all(action is Action.BAD for action in handler.actions)
            if handler.must_fail or (is_hopeless and not handler.is_substack):
                place = f"{handler.origin.file}:{handler.origin.line}"
                what = handler.module_path or "a line that is no rule"
                raise InvalidData(f"{place}: libpam fails here, whatever happens: {what}")


def _group_verdict(
    without: Stacks, now: Stacks, group: ManagementGroup, unsafe: Counterexample | None
) -> GroupVerdict:
    stack = now.of(group)
    present = any(is_keyring(handler) for handler in stack.handlers)
    missed = refute_reach(without, now, group)
    problem = str(unsafe) if unsafe and unsafe.group is group else ""
    if stack.is_other or not without.of(group).handlers:
        return GroupVerdict(group, present, present, applies=False, problem=problem)
    if group is not ManagementGroup.SESSION and not _has_anchor(stack_of=now, group=group):
        return GroupVerdict(group, present, present, applies=False, problem=problem)
    reached = present and missed is None
    if not problem and not reached:
        problem = str(missed) if present and missed else "no rule of pam_gnome_keyring"
    return GroupVerdict(group, present, reached, problem=problem)


def _has_anchor(*, stack_of: Stacks, group: ManagementGroup) -> bool:
    return any(is_anchor(handler, group) for handler in stack_of.of(group).handlers)


def _without_keyring(read: Read, dialect: Dialect) -> Read:
    """Read every file as if it had no rule of pam_gnome_keyring."""

    def read_without(path: str) -> bytes | None:
        content = read(path)
        if content is None or MODULE.encode() not in content:
            return content
        nodes = parse(content, dialect).lines
        return b"".join(node.source for node in nodes if not _is_ours(node))

    return read_without


def _is_ours(node: Node) -> bool:
    return isinstance(node, Rule) and node.module_path.rpartition(b"/")[2] == MODULE.encode()


def plan(service: str, path: str, read: Read, dialect: Dialect) -> Plan:
    """Find the edits of the file at ``path`` that give the service its rules.

    Raises InvalidData for a file that libpam would refuse, NoSafeEdit where no candidate holds.
    """
    content = read(path)
    if content is None:
        raise InvalidData(f"{path}: not there")
    refuse_broken(path, parse(content, dialect))
    before = judge(service, read, dialect)
    edits: tuple[Edit, ...] = ()
    for wanted, verdict in zip(WANTED, before):
        if verdict.applies and not (verdict.reached and not verdict.problem):
            edits += _edits_for(wanted, service, path, read, dialect)
    result = apply_edits(content, edits)
    after = judge(service, overlaid(read, path, result), dialect)
    _require_proof(path, after)
    return Plan(path, content, edits, before, after)


def refuse_broken(path: str, file: ServiceFile) -> None:
    """Raise InvalidData with the place of the first line that libpam refuses."""
    for found in lint(file):
        if found.severity is Severity.ERROR:
            raise InvalidData(
                f"{path}:{found.line}:{found.column}: {found.reason}",
                hint="mend it first; libpam fails on such a line",
            )


def overlaid(read: Read, path: str, content: bytes) -> Read:
    """Read as before, but for one path."""
    return lambda asked: content if asked == path else read(asked)


def _require_proof(path: str, verdicts: tuple[GroupVerdict, ...]) -> None:
    for verdict in verdicts:
        if verdict.problem:
            raise NoSafeEdit(f"{path}: no safe edit for {verdict.group.value}: {verdict.problem}")


def _edits_for(
    wanted: Wanted, service: str, path: str, read: Read, dialect: Dialect
) -> tuple[Edit, ...]:
    """Return the first candidate for one group that is proved safe and reached."""
    stacks = resolve_all(service, read, dialect=dialect)
    file = parse(read(path) or b"", dialect)
    refused: Counterexample | str = "it has no rule of its own here to stand behind"
    without_keyring = _without_keyring(read, dialect)
    without = resolve_all(service, without_keyring, dialect=dialect)
    for edits in _candidates(wanted, stacks, path, file):
        candidate = overlaid(read, path, apply_edits(file.render(), edits))
        after = resolve_all(service, candidate, dialect=dialect)
        found = refute(without, after) or refute_reach(without, after, wanted.group)
        if found is None:
            return edits
        refused = found
    raise NoSafeEdit(
        f"{path}: no safe place for the {wanted.group.value} rule: {refused}",
        hint="nothing was changed; a person must change what stands above first",
    )


def _candidates(
    wanted: Wanted, stacks: Stacks, path: str, file: ServiceFile
) -> Iterator[tuple[Edit, ...]]:
    """Yield edits from the smallest on: a rule, a word, both."""
    tree = [branch for branch in stacks.of(wanted.group).tree if branch.origin.file == path]
    present = any(is_keyring(handler) for handler in stacks.of(wanted.group).handlers)
    behind = _places(wanted, stacks, tree)
    words: list[tuple[Edit, ...]] = [(), *((word,) for word in _words(behind, file))]
    for word in words:
        if present:
            if word:
                yield word
            continue
        for branch in behind:
            for control in CONTROLS:
                yield (*word, _insertion(wanted, control, branch, file))


def _places(wanted: Wanted, stacks: Stacks, tree: list[Branch]) -> list[Branch]:
    """Return what to stand behind: the last rule that brings what we need, then the last of all."""
    needed = [branch for branch in tree if _brings(branch, wanted, stacks)]
    return list(dict.fromkeys([*needed[-1:], *tree[-1:]]))


def _brings(branch: Branch, wanted: Wanted, stacks: Stacks) -> bool:
    handlers = stacks.of(wanted.group).handlers
    if branch.position is not None:
        handler = handlers[branch.position]
        is_session = wanted.group is ManagementGroup.SESSION
        if is_anchor(handler, wanted.group) or (is_session and handler.module in SESSION_BEFORE):
            return True
    return any(_brings(child, wanted, stacks) for child in branch.children)


def _words(behind: list[Branch], file: ServiceFile) -> Iterator[Edit]:
    """Yield the change of ``include`` to ``substack`` where the needed rule comes by one."""
    for branch in behind[:1]:
        node = file.lines[branch.origin.index]
        if isinstance(node, Rule) and _control_word(node).lower() == b"include":
            start, _end = node.spans.control
            yield Edit(
                _offset(file, branch.origin.index) + start,
                _control_word(node),
                b"substack",
                node.line,
                f"a success in {node.module_path.decode(errors='replace')} ends an include's whole"
                " stack, and the rule after it would never run; every verdict stays the same",
            )


def _control_word(rule: Rule) -> bytes:
    start, end = rule.spans.control
    return rule.source[start:end]


def _insertion(wanted: Wanted, control: str, branch: Branch, file: ServiceFile) -> Edit:
    index = branch.origin.index
    node = file.lines[index]
    text = f"{wanted.group.value:<10} {control:<12} {MODULE} {wanted.argument}".rstrip()
    offset = _offset(file, index) + len(node.source)
    new = text.encode() + b"\n"
    if not node.source.endswith(b"\n"):  # the file's last line has no newline, and gets none
        new = b"\n" + text.encode()
    return Edit(offset, b"", new, node.line + node.source.count(b"\n"), wanted.purpose)


def _offset(file: ServiceFile, index: int) -> int:
    return sum(len(node.source) for node in file.lines[:index])
