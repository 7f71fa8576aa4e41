from __future__ import annotations

import pytest

from creds_session.pam.syntax.controls import SimpleControl, ValueActionControl
from creds_session.pam.syntax.nodes import AtInclude, Blank, Comment, Consequence, Malformed, Rule
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect, ManagementGroup


def test_a_rule_has_the_fields_of_the_man_page() -> None:
    (rule,) = parse(b"-Auth [success=1 default=ignore] pam_x.so a [b c] # d\n").lines
    assert isinstance(rule, Rule)
    assert (rule.type, rule.silent, rule.module_path) == (ManagementGroup.AUTH, True, b"pam_x.so")
    assert rule.module_arguments == (b"a", b"b c")
    assert isinstance(rule.control, ValueActionControl)
    places = [rule.source[start:end] for start, end in rule.spans]
    assert places == [b"-Auth", b"[success=1 default=ignore]", b"pam_x.so"]


def test_brackets_are_no_part_of_a_word() -> None:
    (rule,) = parse(b"[auth][required][pam_x.so][a]").lines
    assert isinstance(rule, Rule)
    assert (rule.control, rule.module_path) == (SimpleControl.REQUIRED, b"pam_x.so")
    assert rule.module_arguments == (b"a",)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\n", Blank),
        (b" \t", Blank),
        (b" # a\n", Comment),
        (b"\0auth\n", Comment),
        (b"@INCLUDE a\n", AtInclude),
        (b"-@include a b\n", AtInclude),
    ],
)
def test_lines_that_are_no_rules(data: bytes, kind: type) -> None:
    (node,) = parse(data).lines
    assert isinstance(node, kind)


@pytest.mark.parametrize(
    ("data", "reason", "consequence", "type_"),
    [
        (b"auht required x\n", "illegal module type: auht", Consequence.MUST_FAIL, None),
        (b"\xef\xbb\xbf# a\n", "illegal module type: ", Consequence.MUST_FAIL, None),
        (b"auth\n", "no control flag supplied", Consequence.MUST_FAIL, ManagementGroup.AUTH),
        (b"auth [a x\n", "no module name supplied", Consequence.MUST_FAIL, ManagementGroup.AUTH),
        (b"auth include\n", "include without a name", Consequence.CRASH, ManagementGroup.AUTH),
        (b"@include # a\n", "@include without a name", Consequence.CRASH, None),
        (b"auth required x \\", "a backslash continues", Consequence.ABORT, None),
    ],
)
def test_malformed_lines_say_what_libpam_makes_of_them(
    data: bytes, reason: str, consequence: Consequence, type_: ManagementGroup | None
) -> None:
    (node,) = parse(data).lines
    assert isinstance(node, Malformed)
    assert node.reason.startswith(reason)
    assert (node.consequence, node.type) == (consequence, type_)


@pytest.mark.parametrize("data", [b"@include a\n", b"auth include\n"])
def test_upstream_has_no_at_include_and_survives_a_missing_name(data: bytes) -> None:
    (node,) = parse(data, Dialect.UPSTREAM_1_7).lines
    assert isinstance(node, Malformed)
    assert node.consequence is Consequence.MUST_FAIL


@pytest.mark.parametrize("dialect", [Dialect.DEBIAN_1_5, Dialect.DEBIAN_1_7])
@pytest.mark.parametrize(
    "again",
    [b"\n", b" # a\n", b"auth required x a # b\n", b"auth \\\n a\n", b"a\n", b"@include a\n"],
)
def test_the_same_line_again_differs_by_its_number_alone(again: bytes, dialect: Dialect) -> None:
    first, _, second = parse(again + b"x\n" + again, dialect).lines
    assert (first,) == parse(again, dialect).lines
    assert second == first._replace(line=again.count(b"\n") + 2)


def test_at_include_without_a_name_is_pointed_at() -> None:
    for dialect in (Dialect.DEBIAN_1_5, Dialect.DEBIAN_1_7):
        (node,) = parse(b"  @include # a\n", dialect).lines
        assert isinstance(node, Malformed)
        assert node.column == 3


def test_pam_conf_has_the_service_in_front() -> None:
    rule, empty = parse(b"SVC auth required x\nsvc\n", has_service_field=True).lines
    assert isinstance(rule, Rule)
    assert (rule.service, rule.type) == (b"SVC", ManagementGroup.AUTH)
    assert isinstance(empty, Malformed)
    assert (empty.service, empty.reason) == (b"svc", "empty module type")
