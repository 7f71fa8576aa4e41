"""A service file as frozen nodes that have their exact bytes.

A node never changes, and no function formats a node: rendering joins the sources. The names of the
fields are those of pam.conf(5).
"""

from __future__ import annotations

import enum
from typing import NamedTuple, Union

from creds_session.pam.syntax.controls import Control
from creds_session.pam.syntax.terms import Dialect, ManagementGroup

Span = tuple[int, int]
"""The place of a field in a node's source: its first offset, and the one after its last."""


class Blank(NamedTuple):
    """A line without words."""

    source: bytes
    line: int
    start_column: int = 1


class Comment(NamedTuple):
    """A line that libpam ignores although it is not blank."""

    source: bytes
    line: int
    start_column: int = 1


class Spans(NamedTuple):
    """The places of a rule's fields in its source; brackets belong to the field."""

    type: Span
    control: Span
    module_path: Span


class Rule(NamedTuple):
    """A rule: type, control, module path, module arguments.

    With the controls ``include`` and ``substack``, the module path names a file of rules, and
    libpam ignores arguments. ``silent`` is the leading ``-`` (PAM_HT_SILENT_MODULE). ``service`` is
    empty except in /etc/pam.conf.
    """

    source: bytes
    line: int
    type: ManagementGroup
    control: Control
    module_path: bytes
    module_arguments: tuple[bytes, ...]
    silent: bool
    spans: Spans
    service: bytes = b""
    start_column: int = 1


class AtInclude(NamedTuple):
    """Debian's ``@include NAME``: rules of every type in that file (patch 031_pam_include)."""

    source: bytes
    line: int
    module_path: bytes
    service: bytes = b""
    start_column: int = 1


class Consequence(enum.Enum):
    """What libpam does with a malformed line."""

    MUST_FAIL = "must_fail"
    """A rule that returns perm_denied without a module (PAM_HT_MUST_FAIL)."""
    ABORT = "abort"
    """The file is refused: pam_start fails, or the include of it must fail."""
    CRASH = "crash"
    """The program that called libpam crashes."""
    HANG = "hang"
    """pam_start never returns."""
    UNDEFINED = "undefined"
    """libpam continues with memory that it has never set."""


class Mistake(enum.Enum):
    """A mistake in a file for which a remedy is known."""

    CARRIAGE_RETURN = "carriage_return"
    BYTE_ORDER_MARK = "byte_order_mark"
    LONG_LINE = "long_line"
    NO_SUCH_FILE = "no_such_file"
    CIRCLE = "circle"


class Malformed(NamedTuple):
    """A line that libpam cannot read as a rule.

    ``reason`` says why, ``offset`` where in the source. ``type`` is the group that the line belongs
    to. None means the group that an including rule asked for, and at top level auth, "most
    sensitive" (pam_handlers.c:_pam_parse_conf_file). libpam uses what else it has read: the control
    decides the effect of the forced perm_denied, and an ``include`` is followed even if the type is
    illegal.
    """

    source: bytes
    line: int
    reason: str
    offset: int
    consequence: Consequence
    type: ManagementGroup | None = None
    control: Control | None = None
    module_path: bytes | None = None
    module_arguments: tuple[bytes, ...] = ()
    service: bytes = b""
    start_column: int = 1

    @property
    def column(self) -> int:
        """The column of the mistake in its physical line, in bytes from 1."""
        return position(self, self.offset)[1]


Node = Union[Blank, Comment, Rule, AtInclude, Malformed]


def position(node: Node, offset: int) -> tuple[int, int]:
    """Return the physical line and column, from 1, of an offset in a node's source."""
    before = node.source[:offset]
    newline = before.rfind(b"\n")
    if newline < 0:
        return node.line, node.start_column + offset
    return node.line + before.count(b"\n"), offset - newline


class ServiceFile(NamedTuple):
    """The lines of one file of /etc/pam.d, or of /etc/pam.conf.

    Places are indexes into ``lines``.
    """

    lines: tuple[Node, ...]
    dialect: Dialect = Dialect.DEBIAN_1_7

    def render(self) -> bytes:
        """Return the exact bytes of the file."""
        return b"".join(node.source for node in self.lines)
