"""Propose edits of a file, from the smallest on: a rule, a word, or both; prove nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from creds_session.pam.keyring_rules.guards import unguarded_in
from creds_session.pam.keyring_rules.names import MODULE
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.policy import (
    CONTROLS,
    GUARD_ARGUMENTS,
    GUARD_CONTROL,
    GUARD_MODULE,
    GUARDED,
    SESSION_BEFORE,
    SESSION_MADE,
    Wanted,
    anchors,
    excluded_by_only_if,
    is_keyring,
)
from creds_session.pam.stack.handlers import Branch, Handler
from creds_session.pam.syntax.nodes import AtInclude, Rule, ServiceFile
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import ManagementGroup


class Edit(NamedTuple):
    """Replace ``old`` by ``new`` at ``offset`` (bytes) in a file; ``old`` is empty to insert."""

    offset: int
    old: bytes
    new: bytes
    line: int
    reason: str


class Request(NamedTuple):
    """A service, the path of its file that may change, and all files.

    ``guarded``: a rule that makes root's login skip ours is inserted before ours.
    """

    service: str
    path: str
    files: PamFiles
    guarded: bool = False

    @property
    def file(self) -> ServiceFile:
        """The parsed file that may change."""
        return parse(self.files.read(self.path) or b"", self.files.dialect)


def apply_edits(content: bytes, edits: tuple[Edit, ...]) -> bytes:
    """Return the content with edits; their offsets refer to the content without them."""
    for edit in sorted(edits, key=lambda one: one.offset, reverse=True):
        end = edit.offset + len(edit.old)
        content = content[: edit.offset] + edit.new + content[end:]
    return content


def candidates(wanted: Wanted, request: Request) -> Iterator[tuple[Edit, ...]]:
    """Yield the edits to try for one group, from the smallest on.

    Rules of ours that are there already are corrected. A new rule is inserted only if the group has
    none, or in auth, where a second rule does no harm. Each edit is tried alone, and then together
    with a change of the include that brings the password to a substack.
    """
    stack = request.files.stack(request.service, wanted.group)
    file = request.file
    tree = [branch for branch in stack.tree if branch.origin.file == request.path]
    needed = _needed(wanted, stack.handlers, tree)
    behind = list(dict.fromkeys([*needed, *tree[-1:]]))
    rules = [handler for handler in stack.handlers if is_keyring(handler)]
    own = [handler for handler in rules if handler.origin.file == request.path]
    candidates = needed or behind
    words: list[tuple[Edit, ...]] = [(), *((word,) for word in _words(wanted, candidates, file))]
    guards = _guards(wanted, request)
    changes = [(*word, *mended) for word in words for mended in _mendings(wanted, own, file)]
    for change in changes:
        if rules and (change or guards):
            yield (*change, *guards)
    # A second rule does no harm in auth, or if only_if excludes this service from the others.
    idle = all(excluded_by_only_if(handler, request.service) for handler in rules)
    if idle or wanted.group is ManagementGroup.AUTH:
        for change in changes:
            for branch in behind:
                for control in CONTROLS:
                    yield (*change, *guards, _insertion(wanted, control, branch, request))


def _needed(wanted: Wanted, handlers: tuple[Handler, ...], tree: list[Branch]) -> list[Branch]:
    """Return the rules after which ours may be inserted: the last ones that bring what it needs.

    In session, the first choice is the last rule that makes the home or the limits. If the proof
    refuses that place, it is the last rule without which there is no session.
    """
    branches: list[Branch] = []
    for modules in (SESSION_MADE, SESSION_BEFORE):
        places = anchors(handlers, wanted.group)
        if wanted.group is ManagementGroup.SESSION:
            places |= {index for index, handler in enumerate(handlers) if handler.module in modules}
        branches += [branch for branch in tree if _brings(branch, places)][-1:]
    return list(dict.fromkeys(branches))


def _brings(branch: Branch, places: frozenset[int]) -> bool:
    """Return whether a rule, or a rule that it includes, is at one of these places of the stack."""
    return branch.position in places or any(_brings(child, places) for child in branch.children)


def _words(wanted: Wanted, needed: list[Branch], file: ServiceFile) -> Iterator[Edit]:
    """Yield the change of ``include`` to ``substack`` for an include that brings a needed rule."""
    for branch in needed:
        node = file.lines[branch.origin.node]
        if isinstance(node, AtInclude):
            yield from _at_include(wanted.group, branch, file)
        if isinstance(node, Rule) and _control(node).lower() == b"include":
            yield _change_of_control(
                file, branch.origin.node, "substack", _why_substack(node.module_path)
            )


def _why_substack(path: bytes) -> str:
    return (
        f"a success in {path.decode(errors='replace')} ends the whole stack if it is included, and"
        " the rule after it would never run; with substack, every call returns the same as before"
    )


def _at_include(group: ManagementGroup, branch: Branch, file: ServiceFile) -> Iterator[Edit]:
    """Yield the change of Debian's @include to a substack of one group.

    The included file must have no rules of other groups: the planner compares them before and
    after.
    """
    node = file.lines[branch.origin.node]
    assert isinstance(node, AtInclude)  # noqa: S101 - the caller looked
    found = _AT_INCLUDE.match(node.source)
    if found is None or b"\\" in node.source:
        return
    new = rule_text(group, "substack", found["path"].decode("utf-8", "surrogateescape"), "")
    offset = _offset(file, branch.origin.node) + found.start("words")
    text = new.encode("utf-8", "surrogateescape")
    yield Edit(offset, found["words"], text, node.line, _why_substack(found["path"]))


_AT_INCLUDE = re.compile(rb"[ \t]*(?P<words>@include[ \t]+(?P<path>[^ \t\n#\[\]]+))", re.IGNORECASE)


def _mendings(wanted: Wanted, own: list[Handler], file: ServiceFile) -> Iterator[tuple[Edit, ...]]:
    """Yield corrections of our rules in the file: none, a control, an argument, or both."""
    yield ()
    for with_argument in (False, True):
        for control in (None, *CONTROLS):
            edits: list[Edit] = []
            for handler in own:
                edits += _mended(wanted, handler.origin.node, file, control, with_argument)
            if edits:
                yield tuple(edits)


def _guards(wanted: Wanted, request: Request) -> tuple[Edit, ...]:
    """Return the guards that rules of ours in the file lack, if root's login shall skip them."""
    if not request.guarded:
        return ()
    file, text = request.file, _guard_text(wanted.group).encode() + b"\n"
    edits = []
    for rule in unguarded_in(request.path, request.service, wanted.group, request.files):
        offset, line = _offset(file, rule.origin.node), file.lines[rule.origin.node].line
        edits.append(Edit(offset, b"", text, line, "root's login skips the next rule"))
    return tuple(edits)


def _guard_text(group: ManagementGroup) -> str:
    return rule_text(group, GUARD_CONTROL, GUARD_MODULE, " ".join(GUARD_ARGUMENTS))


def _mended(
    wanted: Wanted,
    index: int,
    file: ServiceFile,
    control: str | None,
    with_argument: bool,  # noqa: FBT001 - called in one place
) -> Iterator[Edit]:
    rule = file.lines[index]
    if not isinstance(rule, Rule):
        return
    if control is not None and _control(rule).decode(errors="replace") != control:
        reason = (
            f"{_control(rule).decode(errors='replace')} would let the keyring decide who can log in"
        )
        yield _change_of_control(file, index, control, reason)
    missing = wanted.argument and wanted.argument.encode() not in rule.module_arguments
    if with_argument and missing:
        end = rule.spans.module_path[1]
        new = b" " + wanted.argument.encode()
        yield Edit(_offset(file, index) + end, b"", new, rule.line, wanted.purpose)


def _change_of_control(file: ServiceFile, index: int, word: str, reason: str) -> Edit:
    rule = file.lines[index]
    assert isinstance(rule, Rule)  # noqa: S101 - the caller looked
    start, _end = rule.spans.control
    return Edit(_offset(file, index) + start, _control(rule), word.encode(), rule.line, reason)


def _control(rule: Rule) -> bytes:
    start, end = rule.spans.control
    return rule.source[start:end]


def _insertion(wanted: Wanted, control: str, branch: Branch, request: Request) -> Edit:
    file = request.file
    node = file.lines[branch.origin.node]
    rules = [rule_text(wanted.group, control, MODULE, wanted.argument)]
    if request.guarded and wanted.group in GUARDED:
        rules.insert(0, _guard_text(wanted.group))
    text = "\n".join(rules).encode()
    offset = _offset(file, branch.origin.node) + len(node.source)
    new = text + b"\n"
    if not node.source.endswith(b"\n"):  # the file does not end with a newline, and shall not
        new = b"\n" + text
    return Edit(offset, b"", new, node.line + node.source.count(b"\n"), wanted.purpose)


def rule_text(group: ManagementGroup, control: str, module: str, arguments: str) -> str:
    """Return a rule in the form of pam.conf(5), in columns."""
    return f"{group.value:<10} {control:<12} {module} {arguments}".rstrip()


def _offset(file: ServiceFile, index: int) -> int:
    return sum(len(node.source) for node in file.lines[:index])
