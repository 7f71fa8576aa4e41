"""One thing to know about a line of a service file."""

from __future__ import annotations

from typing import NamedTuple

from creds_session.findings import Severity
from creds_session.pam.syntax.nodes import Mistake, Node, position


class Diagnostic(NamedTuple):
    """One thing to know about a line.

    ``id`` is a stable word. Line and column count from 1. ``mistake`` is set if a remedy is known.
    """

    severity: Severity
    id: str
    line: int
    column: int
    reason: str
    mistake: Mistake | None = None


def diagnostic_at(
    node: Node,
    offset: int,
    severity: Severity,
    id_: str,
    reason: str,
    mistake: Mistake | None = None,
) -> Diagnostic:
    """Return the diagnostic for an offset (bytes) in a node's source."""
    line, column = position(node, offset)
    return Diagnostic(severity, id_, line, column, reason, mistake)
