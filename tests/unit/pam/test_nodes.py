from __future__ import annotations

import pytest

from creds_session.pam.controls import SimpleControl
from creds_session.pam.nodes import Malformed, Rule, position
from creds_session.pam.parser import parse

DATA = b"# a\nauth  include\t\\\n  x # note\nsession optional y\n"


def rule(data: bytes) -> Rule:
    (node,) = parse(data).lines
    assert isinstance(node, Rule)
    return node


def test_with_control_changes_one_word() -> None:
    old = rule(b"\t-auth  [success=1 \\\n default=ignore]\tpam_x.so  a # b")
    new = old.with_control(b"substack")
    assert new.source == b"\t-auth  substack\tpam_x.so  a # b"
    assert new.control is SimpleControl.SUBSTACK
    assert new == rule(new.source)


@pytest.mark.parametrize("word", [b"", b"a b", b" a", b"[a", b"a\n"])
def test_with_control_refuses_what_is_not_one_word(word: bytes) -> None:
    with pytest.raises(ValueError, match="not one word"):
        rule(b"auth required x\n").with_control(word)


def test_insert_replace_and_remove_number_the_lines_and_keep_the_rest() -> None:
    file = parse(DATA)
    new = parse(b"auth optional \\\n z\n").lines
    edited = file.insert(2, *new)
    assert [node.line for node in edited.lines] == [1, 2, 4, 6]
    assert edited == parse(edited.render())
    assert edited.remove(2) == file
    include = file.lines[1]
    assert isinstance(include, Rule)
    replaced = file.replace(1, include.with_control(b"substack"))
    assert replaced.render() == DATA.replace(b"include", b"substack")
    assert file.render() == DATA


def test_position_counts_physical_lines_and_bytes() -> None:
    node = rule(DATA.split(b"\n", 1)[1].rsplit(b"\n", 2)[0] + b"\n")
    assert position(node, node.spans.control[0]) == (1, 7)
    assert position(node, node.spans.module_path[0]) == (2, 3)


def test_a_malformed_line_knows_its_column() -> None:
    node = parse(b"#\n  auht required x\n").lines[1]
    assert isinstance(node, Malformed)
    assert (node.line, node.column) == (2, 3)
