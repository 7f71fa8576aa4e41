from __future__ import annotations

from creds_session.pam.syntax.nodes import Malformed, Rule, position
from creds_session.pam.syntax.parser import parse

DATA = b"# a\nauth  include\t\\\n  x # note\nsession optional y\n"


def rule(data: bytes) -> Rule:
    (node,) = parse(data).lines
    assert isinstance(node, Rule)
    return node


def test_position_counts_physical_lines_and_bytes() -> None:
    node = rule(DATA.split(b"\n", 1)[1].rsplit(b"\n", 2)[0] + b"\n")
    assert position(node, node.spans.control[0]) == (1, 7)
    assert position(node, node.spans.module_path[0]) == (2, 3)


def test_a_malformed_line_knows_its_column() -> None:
    node = parse(b"#\n  auht required x\n").lines[1]
    assert isinstance(node, Malformed)
    assert (node.line, node.column) == (2, 3)
