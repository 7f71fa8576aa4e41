"""Explain a service: its rules, and what happens to them in each scenario.

The other modules write this as text, JSON, dot or SVG.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import NamedTuple

from creds_session.pam.stack.dispatch import TraceEntry
from creds_session.pam.stack.handlers import Branch, Stack, Stacks
from creds_session.pam.syntax.nodes import AtInclude, Malformed, Node, Rule
from creds_session.pam.syntax.terms import (
    Action,
    Dialect,
    ManagementGroup,
    Pass,
    ReturnValue,
    return_word,
)
from creds_session.setup_pam.explain.scenarios import (
    ASSUMPTIONS,
    Assumption,
    CallTaken,
    Scenario,
    assumption_of,
    calls_of_scenario,
    modules_of,
    scenarios_of,
)
from creds_session.setup_pam.explain.simulation_report import returned_text
from creds_session.setup_pam.explain.trace import Fate, effect, fates, how_skipped
from creds_session.text import printable

PASSES = {
    ManagementGroup.AUTH: (Pass.AUTHENTICATE, Pass.SETCRED),
    ManagementGroup.ACCOUNT: (Pass.ACCT_MGMT,),
    ManagementGroup.PASSWORD: (Pass.PRELIM, Pass.UPDATE),
    ManagementGroup.SESSION: (Pass.OPEN_SESSION,),
}


class Tone(enum.Enum):
    """The kind of a cell."""

    GOOD = "counts as success"
    NEUTRAL = "runs, decides nothing"
    BAD = "counts as failure"
    RENEW = "asks for a new password"
    SKIPPED = "skipped"
    ABSENT = "not called"


class Cell(NamedTuple):
    """One rule, or one call, in one pass of one scenario: a short text, and a longer one."""

    tone: Tone
    text: str
    reason: str = ""


class Explanation(NamedTuple):
    """A service, and the calls of each scenario."""

    stacks: Stacks
    scenarios: dict[Scenario, tuple[CallTaken, ...]]

    @property
    def service(self) -> str:
        """The service's name."""
        return self.stacks.auth.service

    def call(self, scenario: Scenario, pass_: Pass) -> CallTaken:
        """Return the call that a pass belongs to, in one scenario."""
        return next(taken for taken in self.scenarios[scenario] if taken.call is pass_.call)

    def result(self, scenario: Scenario, pass_: Pass) -> Cell:
        """Return the result of a pass; the first half of chauthtok has no result of its own."""
        taken = self.call(scenario, pass_)
        if taken.verdict is None:
            return Cell(Tone.ABSENT, "not called", taken.reason)
        ran = {entry.pass_ for entry in taken.verdict.trace}
        if pass_ is Pass.UPDATE and ran == {Pass.PRELIM}:
            return Cell(Tone.ABSENT, "not called", "prelim failed")
        is_half = pass_ is Pass.PRELIM and Pass.UPDATE in ran
        result = 0 if is_half else taken.verdict.result
        return Cell(_tone_of(result), return_word(result))

    def cells(self, scenario: Scenario, pass_: Pass) -> dict[int, Cell]:
        """Return what happened to each rule, by the index of its handler."""
        stack = self.stacks.of(pass_.group)
        taken, number_of = self.call(scenario, pass_), numbers(stack)
        if taken.verdict is None:
            return dict.fromkeys(number_of, Cell(Tone.ABSENT, ""))
        found = fates(stack, taken.verdict, pass_)
        return {index: _cell(found, index, number_of) for index in number_of}

    def assumptions(self) -> tuple[Assumption, ...]:
        """Return the assumptions that these scenarios use, in the order of the table."""
        modules = modules_of(self.stacks)
        used = {
            assumption_of(modules, handler, pass_, scenario)
            for scenario in self.scenarios
            for group, passes in PASSES.items()
            for handler in self.stacks.of(group).handlers
            for pass_ in passes
        }
        return tuple(assumption for assumption in ASSUMPTIONS if assumption in used)


def explanation(stacks: Stacks) -> Explanation:
    """Return the explanation of a service that libpam can load."""
    return Explanation(
        stacks,
        {
            scenario: calls_of_scenario(stacks, scenario)
            for scenario in scenarios_of(stacks.auth.service)
        },
    )


def numbers(stack: Stack) -> dict[int, int]:
    """Return the numbers of the rules, from 1, by the index of their handlers."""
    called = [i for i, handler in enumerate(stack.handlers) if not handler.is_substack]
    return {index: number for number, index in enumerate(called, 1)}


def _cell(found: tuple[Fate, ...], index: int, number_of: dict[int, int]) -> Cell:
    fate = found[index]
    if fate.entry is not None:
        return Cell(_tone(fate.entry), _short(fate.entry), _full(fate.entry))
    if fate.skipped_by is None:
        return Cell(Tone.ABSENT, "")
    by = found[fate.skipped_by].entry
    number = number_of[fate.skipped_by]
    how = how_skipped(by) if by is not None else ""
    return Cell(Tone.SKIPPED, f"skipped by {number}", f"rule {number} {how}")


def _short(entry: TraceEntry) -> str:
    """Return what the module returned and what libpam did.

    ``as`` is the value of the earlier call that libpam used instead.
    """
    frozen = entry.pass_.is_frozen and entry.deciding != entry.returned
    gone_by = f" as {return_word(entry.deciding)}" if frozen else ""
    return f"{return_word(entry.returned)}{gone_by} \N{RIGHTWARDS ARROW} {effect(entry)}"


def _full(entry: TraceEntry) -> str:
    forced = " without a module, because the rule is malformed" if entry.handler.must_fail else ""
    return f"returns {returned_text(entry)}{forced}; libpam: {effect(entry)}"


def _tone(entry: TraceEntry) -> Tone:
    if entry.action in {Action.BAD, Action.DIE}:
        return Tone.BAD
    if entry.action in {Action.OK, Action.DONE}:
        return _tone_of(entry.returned)
    return Tone.NEUTRAL


def _tone_of(returned: int) -> Tone:
    if returned == ReturnValue.NEW_AUTHTOK_REQD:
        return Tone.RENEW
    return Tone.BAD if returned else Tone.GOOD


class TreeLine(NamedTuple):
    """One line of a group's tree; ``guides`` says for each level whether more lines follow."""

    guides: tuple[bool, ...]
    branch: Branch
    position: int | None

    @property
    def place(self) -> str:
        """The name of the rule's file, without directories, and the line."""
        origin = self.branch.origin
        return printable(f"{origin.file.rpartition('/')[2]}:{origin.line}")

    @property
    def text(self) -> str:
        """The rule, and the file that it includes."""
        text = node_text(self.branch.node)
        if self.branch.included:
            text += f" \N{RIGHTWARDS ARROW} {printable(self.branch.included)}"
        return f"{text}  ({printable(self.branch.reason)})" if self.branch.reason else text


def tree_lines(stack: Stack) -> tuple[TreeLine, ...]:
    """Return the rules of a group as lines, nested by file."""
    return tuple(_lines(stack, stack.tree, ()))


def _lines(
    stack: Stack, branches: tuple[Branch, ...], guides: tuple[bool, ...]
) -> Iterator[TreeLine]:
    shown = [branch for branch in branches if not _brings_nothing(branch)]
    for branch in shown:
        deeper = (*guides, branch is not shown[-1])
        yield TreeLine(deeper, branch, rule_index(stack, branch))
        yield from _lines(stack, branch.children, deeper)


def _brings_nothing(branch: Branch) -> bool:
    """Return whether an @include has no rule of this group, such as three of Debian's four."""
    return isinstance(branch.node, AtInclude) and not branch.children and not branch.reason


def rule_index(stack: Stack, branch: Branch) -> int | None:
    """Return the index of the handler that a branch calls, or None for an include.

    A failed substack has a mark, then the rules that were read, and then a must-fail entry.
    """
    if branch.position is None:
        return None
    for index in range(branch.position, len(stack.handlers)):
        handler = stack.handlers[index]
        if handler.origin == branch.origin and not handler.is_substack:
            return index
        if not branch.reason:
            break
    return None


def node_text(node: Node) -> str:
    """Return a rule on one line without its type; a type with a dash is kept."""
    if isinstance(node, AtInclude):
        return printable(f"@include {_decode(node.module_path)}")
    if isinstance(node, Rule):
        start, end = node.spans.control
        control = " ".join(_decode(node.source[start:end]).split())
        words = [_decode(word) for word in (node.module_path, *node.module_arguments)]
        silent = f"-{node.type.value} " if node.silent else ""
        return printable(f"{silent}{control} {' '.join(words)}")
    source = " ".join(_decode(node.source).split())
    return printable(f"{source}  ({node.reason})" if isinstance(node, Malformed) else source)


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def dialect_text(dialect: Dialect) -> str:
    """Return the name of the libpam that is assumed to read the files."""
    whose = "Debian's libpam" if dialect.is_debian else "libpam"
    return f"{whose} ({'before 1.6.0' if dialect.has_line_limit else '1.6.0 or later'})"
