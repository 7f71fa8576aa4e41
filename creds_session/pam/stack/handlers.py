"""What libpam loads from service files: a row of handlers for each group.

Names follow libpam/pam_private.h (struct handler, stack_level, PAM_HT_MUST_FAIL,
PAM_HT_SUBSTACK, PAM_HT_SILENT_MODULE).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from creds_session.pam.syntax.nodes import Consequence, Mistake, Node
from creds_session.pam.syntax.terms import ActionTable, Dialect, ManagementGroup


class Origin(NamedTuple):
    """The place of a rule: its file, its first physical line, and its index among the nodes."""

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
    ``must_fail`` returns perm_denied without a module, and its path may be empty. ``is_substack``
    only marks the begin of a substack; it is never called, and its path is the name of the file.
    ``silent``: libpam does not log it if the module cannot be loaded.
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
    """A rule in the tree of files, with the rules that it includes.

    ``position`` is the index of the rule's own handler in the row: the module, the must-fail entry
    or the mark of a substack; it is None for an include without a handler. ``included`` is the path
    of the included file, or None. ``reason`` says why an include failed. ``group`` is None for an
    @include at top level.
    """

    origin: Origin
    node: Node
    group: ManagementGroup | None
    position: int | None = None
    included: str | None = None
    children: tuple[Branch, ...] = ()
    reason: str = ""
    mistake: Mistake | None = None

    def prune(self, group: ManagementGroup) -> Branch | None:
        """Return the branch with the rules of one group only, or None if there are none."""
        if self.group is group:
            return self
        if self.group is not None:
            return None
        return self._replace(children=prune(self.children, group))


def prune(branches: tuple[Branch, ...], group: ManagementGroup) -> tuple[Branch, ...]:
    """Return the branches with the rules of one group only."""
    kept = (branch.prune(group) for branch in branches)
    return tuple(branch for branch in kept if branch is not None)


class Failure(NamedTuple):
    """Why libpam cannot load a service at all; no call runs a module then.

    ``consequence`` is ABORT (pam_start returns it), CRASH, HANG or UNDEFINED. ``mistake`` is set if
    a remedy is known.
    """

    consequence: Consequence
    reason: str
    origin: Origin | None = None
    mistake: Mistake | None = None


class Stack(NamedTuple):
    """All that libpam runs for one management group of a service, in order.

    ``is_other``: the service has no rule of this group, so that libpam uses the rules of the
    service ``other``. ``files`` were read; ``missing`` do not exist. ``tree`` has the same rules by
    file. ``frame_ends`` has an index for each handler; see the function of that name.
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
    """Return for each handler the index of the first one after its substack, or after the stack."""
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
        """Return the stack of a management group."""
        return {
            ManagementGroup.AUTH: self.auth,
            ManagementGroup.ACCOUNT: self.account,
            ManagementGroup.PASSWORD: self.password,
            ManagementGroup.SESSION: self.session,
        }[group]

    @property
    def failure(self) -> Failure | None:
        """Why libpam cannot load the service, or None; it is the same for every group."""
        return self.auth.failure
