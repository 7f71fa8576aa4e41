"""What libpam loads from service files: handlers in a row, one row for each group.

Names follow libpam/pam_private.h (struct handler, stack_level, PAM_HT_MUST_FAIL,
PAM_HT_SUBSTACK, PAM_HT_SILENT_MODULE).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from creds_session.pam.syntax.nodes import Consequence, Node
from creds_session.pam.syntax.terms import ActionTable, Dialect, ManagementGroup


class Origin(NamedTuple):
    """Where a rule stands: the file, its first physical line, its index among the nodes."""

    file: str
    line: int
    node: int

    @property
    def place(self) -> str:
        """The file and the line, as messages name them."""
        return f"{self.file}:{self.line}"


class Handler(NamedTuple):
    """One entry of libpam's row of handlers.

    ``module_path`` and ``arguments`` are text (UTF-8, other bytes as surrogates).
    ``must_fail`` returns perm_denied without a module, and its path may be empty.
    ``is_substack`` only marks where a substack begins; it is never called, and its path
    is the file's name. ``silent`` keeps libpam from logging a module that it cannot load.
    """

    origin: Origin
    group: ManagementGroup
    stack_level: int
    module_path: str
    arguments: tuple[str, ...]
    actions: ActionTable
    must_fail: bool = False
    is_substack: bool = False
    silent: bool = False

    @property
    def module(self) -> str:
        """The module's file name, without directories."""
        return self.module_path.rpartition("/")[2]

    @property
    def place(self) -> str:
        """The file and the line of the rule, as messages name them."""
        return self.origin.place


class Branch(NamedTuple):
    """A rule in the tree of files, with what its include brought in.

    ``position`` is the index in the row of the rule's own handler: the module, the
    must-fail entry or the mark of a substack; None for an include that left none.
    ``included`` is the path of the file read, or None; ``reason`` says why an include
    could not be followed. ``group`` is None for @include at top level.
    """

    origin: Origin
    node: Node
    group: ManagementGroup | None
    position: int | None = None
    included: str | None = None
    children: tuple[Branch, ...] = ()
    reason: str = ""

    def prune(self, group: ManagementGroup) -> Branch | None:
        """Keep what concerns one group; None when nothing does."""
        if self.group is group:
            return self
        if self.group is not None:
            return None
        return self._replace(children=prune(self.children, group))


def prune(branches: tuple[Branch, ...], group: ManagementGroup) -> tuple[Branch, ...]:
    """Keep the branches that concern one group."""
    kept = (branch.prune(group) for branch in branches)
    return tuple(branch for branch in kept if branch is not None)


class Failure(NamedTuple):
    """Why libpam cannot load a service at all; no call gets as far as a module.

    ``consequence`` is ABORT (pam_start returns it), CRASH, HANG or UNDEFINED.
    """

    consequence: Consequence
    reason: str
    origin: Origin | None = None


class Stack(NamedTuple):
    """All that libpam runs for one management group of a service, in order.

    ``is_other`` says that the service has no rule of this group, so that the service
    ``other`` answers. ``files`` were read, ``missing`` were looked for in vain.
    ``tree`` holds the same rules by file. ``frame_ends`` is of the handlers; see there.
    """

    service: str
    group: ManagementGroup
    handlers: tuple[Handler, ...]
    frame_ends: tuple[int, ...]
    dialect: Dialect
    is_other: bool = False
    files: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    failure: Failure | None = None
    tree: tuple[Branch, ...] = ()


def frame_ends(handlers: Sequence[Handler]) -> tuple[int, ...]:
    """For each handler find the first one behind the substack (or the stack) that it is in."""
    ends = [len(handlers)] * len(handlers)
    around: list[tuple[int, int]] = []
    for place in reversed(range(len(handlers))):
        level = handlers[place].stack_level
        while around and around[-1][0] >= level:
            around.pop()
        if around:
            ends[place] = around[-1][1]
        around.append((level, place))
    return tuple(ends)


class Stacks(NamedTuple):
    """The four stacks of one service."""

    auth: Stack
    account: Stack
    password: Stack
    session: Stack

    def of(self, group: ManagementGroup) -> Stack:
        """Give the stack of a management group."""
        return {
            ManagementGroup.AUTH: self.auth,
            ManagementGroup.ACCOUNT: self.account,
            ManagementGroup.PASSWORD: self.password,
            ManagementGroup.SESSION: self.session,
        }[group]

    @property
    def failure(self) -> Failure | None:
        """Why libpam cannot load the service; the same for every group."""
        return self.auth.failure
