"""What could be edited, from the smallest on: a rule, a word, both. Nothing is judged here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.policy import (
    CONTROLS,
    GUARD_ARGUMENTS,
    GUARD_CONTROL,
    GUARD_MODULE,
    GUARDED,
    MODULE,
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
    """At ``offset`` in the file ``old`` becomes ``new``; ``old`` is empty where bytes go in."""

    offset: int
    old: bytes
    new: bytes
    line: int
    reason: str


class Request(NamedTuple):
    """A service, the file of it that may change, and how files are read.

    ``guarded``: a rule that lets root pass by goes in before ours.
    """

    service: str
    path: str
    files: PamFiles
    guarded: bool = False

    @property
    def file(self) -> ServiceFile:
        """The file that may change, parsed."""
        return parse(self.files.read(self.path) or b"", self.files.dialect)


def apply_edits(content: bytes, edits: tuple[Edit, ...]) -> bytes:
    """Carry out edits, which are offsets into the content as it was."""
    for edit in sorted(edits, key=lambda one: one.offset, reverse=True):
        end = edit.offset + len(edit.old)
        content = content[: edit.offset] + edit.new + content[end:]
    return content


def candidates(wanted: Wanted, request: Request) -> Iterator[tuple[Edit, ...]]:
    """Yield the edits to try for one group.

    What of ours is there already is mended; only where there is nothing, or in auth, where a
    second rule does no harm, one goes in. Each is tried as the file stands, then with the
    include that brings the password turned into a substack.
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
    guards = _guards(wanted, own, request)
    changes = [(*word, *mended) for word in words for mended in _mendings(wanted, own, file)]
    for change in changes:
        if rules and (change or guards):
            yield (*change, *guards)
    # A second rule does no harm in auth, nor where those that are there do not act for us.
    idle = all(excluded_by_only_if(handler, request.service) for handler in rules)
    if idle or wanted.group is ManagementGroup.AUTH:
        for change in changes:
            for branch in behind:
                for control in CONTROLS:
                    yield (*change, _insertion(wanted, control, branch, request))


def _needed(wanted: Wanted, handlers: tuple[Handler, ...], tree: list[Branch]) -> list[Branch]:
    """Return what to stand behind: the last rule that brings what we need.

    In session the last that makes the home or the limits comes first; if the proof does not let us
    stand there, it is the last without which there is no session.
    """
    branches: list[Branch] = []
    for modules in (SESSION_MADE, SESSION_BEFORE):
        places = anchors(handlers, wanted.group)
        if wanted.group is ManagementGroup.SESSION:
            places |= {index for index, handler in enumerate(handlers) if handler.module in modules}
        branches += [branch for branch in tree if _brings(branch, places)][-1:]
    return list(dict.fromkeys(branches))


def _brings(branch: Branch, places: frozenset[int]) -> bool:
    """Tell whether a rule, or what it includes, is one of these places in the stack."""
    return branch.position in places or any(_brings(child, places) for child in branch.children)


def _words(wanted: Wanted, needed: list[Branch], file: ServiceFile) -> Iterator[Edit]:
    """Yield the change of ``include`` to ``substack`` where the needed rule comes by one."""
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
        f"a success in {path.decode(errors='replace')} ends an include's whole stack, and the rule"
        " after it would never run; every verdict stays the same"
    )


def _at_include(group: ManagementGroup, branch: Branch, file: ServiceFile) -> Iterator[Edit]:
    """Yield the change of Debian's @include to a substack of one group.

    The file must hold no other group's rules: the planner compares these before and after.
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
    """Yield ways to mend the rules of ours that the file has: nothing, a control, an argument."""
    yield ()
    for with_argument in (False, True):
        for control in (None, *CONTROLS):
            edits: list[Edit] = []
            for handler in own:
                edits += _mended(wanted, handler.origin.node, file, control, with_argument)
            if edits:
                yield tuple(edits)


def _guards(wanted: Wanted, own: list[Handler], request: Request) -> tuple[Edit, ...]:
    """Return the guards to put before rules that are there already, where root shall pass by."""
    if not (request.guarded and wanted.group in GUARDED):
        return ()
    file = request.file
    edits = []
    for handler in own:
        index = handler.origin.node
        text = _guard_text(wanted.group).encode() + b"\n"
        offset, line = _offset(file, index), file.lines[index].line
        edits.append(Edit(offset, b"", text, line, "root's login passes the next rule by"))
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
        reason = f"{_control(rule).decode(errors='replace')} lets the keyring decide the login"
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
    if not node.source.endswith(b"\n"):  # the file's last line has no newline, and gets none
        new = b"\n" + text
    return Edit(offset, b"", new, node.line + node.source.count(b"\n"), wanted.purpose)


def rule_text(group: ManagementGroup, control: str, module: str, arguments: str) -> str:
    """Write a rule as pam.conf(5) has it, in columns."""
    return f"{group.value:<10} {control:<12} {module} {arguments}".rstrip()


def _offset(file: ServiceFile, index: int) -> int:
    return sum(len(node.source) for node in file.lines[:index])
