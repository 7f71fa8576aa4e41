from __future__ import annotations

import pytest

from creds_session.pam.stack.handlers import Stacks
from creds_session.pam.stack.resolve import resolve, resolve_all, service_name
from creds_session.pam.syntax.nodes import Consequence
from creds_session.pam.syntax.terms import Dialect, ManagementGroup

AUTH, SESSION = ManagementGroup.AUTH, ManagementGroup.SESSION
ALL = (Dialect.DEBIAN_1_5, Dialect.DEBIAN_1_7, Dialect.UPSTREAM_1_5, Dialect.UPSTREAM_1_7)


def load(dialect: Dialect = Dialect.DEBIAN_1_7, /, **files: bytes) -> Stacks:
    by_path = {f"/etc/pam.d/{name}": data for name, data in files.items()}
    return resolve_all("svc", by_path.get, dialect=dialect)


def row(stacks: Stacks, group: ManagementGroup = AUTH) -> list[tuple[str, int]]:
    return [(handler.module_path, handler.stack_level) for handler in stacks.of(group).handlers]


def test_include_is_flat_and_substack_is_a_level() -> None:
    stacks = load(
        svc=b"auth include a\nauth substack a\nauth optional x.so\n",
        a=b"auth required y.so u v\nsession required z.so\n",
    )
    assert row(stacks) == [("y.so", 0), ("a", 0), ("y.so", 1), ("x.so", 0)]
    handler = stacks.auth.handlers[0]
    assert (handler.origin.file, handler.origin.line, handler.origin.node) == (
        "/etc/pam.d/a",
        1,
        0,
    )
    assert (handler.module, handler.arguments) == ("y.so", ("u", "v"))
    assert row(stacks, SESSION) == []
    assert stacks.auth.files == ("/etc/pam.d/svc", "/etc/pam.d/a")
    assert stacks.auth.missing == ("/etc/pam.d/other", "/usr/lib/pam.d/other")


def test_at_include_brings_every_type() -> None:
    stacks = load(svc=b"@include a\n", a=b"auth required y.so\nsession required z.so\n")
    assert (row(stacks), row(stacks, SESSION)) == ([("y.so", 0)], [("z.so", 0)])


def test_other_answers_for_the_types_that_a_service_lacks() -> None:
    stacks = load(svc=b"auth required y.so\n", other=b"auth required a.so\nsession required b.so\n")
    assert (row(stacks), stacks.auth.is_other) == ([("y.so", 0)], False)
    assert (row(stacks, SESSION), stacks.session.is_other) == ([("b.so", 0)], True)


def test_a_substack_of_an_empty_file_keeps_other_away() -> None:
    other = b"auth required a.so\n"
    assert load(svc=b"auth substack e\n", e=b"", other=other).auth.is_other is False
    assert load(svc=b"auth include e\n", e=b"", other=other).auth.is_other is True


@pytest.mark.parametrize("control", [b"include", b"substack"])
def test_a_missing_include_must_fail_for_its_type_alone(control: bytes) -> None:
    stacks = load(svc=b"auth %s nope\nsession required z.so\n" % control)
    assert stacks.failure is None
    assert stacks.auth.handlers[-1].must_fail
    assert stacks.auth.tree[0].reason
    assert row(stacks, SESSION) == [("z.so", 0)]


def test_malformed_lines_are_charged_to_auth_or_to_what_was_asked_for() -> None:
    stacks = load(svc=b"foo required x.so\nsession include a\n", a=b"foo required x.so\n")
    assert [handler.must_fail for handler in stacks.auth.handlers] == [True]
    assert [handler.must_fail for handler in stacks.session.handlers] == [True]


def test_an_include_is_followed_though_its_type_is_illegal() -> None:
    assert row(load(svc=b"foo include a\n", a=b"auth required y.so\n")) == [("y.so", 0)]


@pytest.mark.parametrize(
    ("files", "consequence"),
    [
        ({"svc": b"auth include\n"}, Consequence.CRASH),
        ({"svc": b"@include nope\n"}, Consequence.ABORT),
        ({"svc": b"auth required x \\"}, Consequence.ABORT),
        ({"svc": b"auth required .so"}, Consequence.ABORT),
        ({"svc": b"auth required x", "other": b"@include nope\n"}, Consequence.ABORT),
        ({"svc": b"auth include a\n", "a": b"@include nope\n"}, Consequence.UNDEFINED),
        ({"svc": b"auth include a\n", "a": b"auth required ?\n"}, Consequence.UNDEFINED),
        ({}, Consequence.ABORT),
    ],
)
def test_what_stops_libpam_stops_every_type(
    files: dict[str, bytes], consequence: Consequence
) -> None:
    by_path = {f"/etc/pam.d/{name}": data for name, data in files.items()}
    stacks = resolve_all("svc", by_path.get)
    failures = [stacks.of(group).failure for group in ManagementGroup]
    assert len(set(failures)) == 1
    assert failures[0] is not None
    assert failures[0].consequence is consequence


def test_an_unfinished_include_must_fail_after_what_it_brought() -> None:
    stacks = load(svc=b"auth include a\n", a=b"auth required y.so\nauth required z.so \\")
    assert stacks.failure is None
    assert [handler.must_fail for handler in stacks.auth.handlers] == [False, True]


def test_depth_is_limited() -> None:
    files = {f"n{i}": b"auth include n%d\n" % (i + 1) for i in range(1, 17)}
    files["n17"] = b"auth required x.so\n"
    deep = load(Dialect.DEBIAN_1_5, svc=b"auth include n1\n", **files)
    assert row(deep) == [("x.so", 0)]
    assert load(svc=b"auth include n1\n", **files).auth.handlers[0].must_fail


@pytest.mark.parametrize("dialect", ALL)
def test_a_file_that_includes_itself(dialect: Dialect) -> None:
    failure = load(dialect, svc=b"auth include svc\n").failure
    assert (failure is None) is dialect.counts_includes
    assert load(dialect, svc=b"auth substack svc\n").failure is None
    worse = load(dialect, svc=b"auth substack svc\n" * 4).failure
    assert worse is not None
    assert worse.consequence is Consequence.HANG


def test_debian_looks_for_includes_in_etc_alone() -> None:
    files = {"/usr/lib/pam.d/svc": b"auth include a\n", "/usr/lib/pam.d/a": b"auth required x.so\n"}
    debian = resolve("svc", AUTH, files.get)
    assert debian.handlers[0].must_fail
    upstream = resolve("svc", AUTH, files.get, dialect=Dialect.UPSTREAM_1_7)
    assert upstream.handlers[0].module == "x.so"
    assert upstream.tree[0].included == "/usr/lib/pam.d/a"


def test_pam_conf_is_read_when_there_is_no_directory() -> None:
    text = b"svc auth required x.so\nelse auth required y.so\nother session required z.so\n"
    stacks = resolve_all("SVC", {"/etc/pam.conf": text}.get, directories=())
    assert (row(stacks), row(stacks, SESSION)) == ([("x.so", 0)], [("z.so", 0)])


@pytest.mark.parametrize(
    ("name", "read"), [("SSHD", "sshd"), ("/usr/sbin/Cron", "cron"), ("Ä", "Ä")]
)
def test_service_name(name: str, read: str) -> None:
    assert service_name(name) == read


def test_the_tree_names_each_rules_handler() -> None:
    stack = load(
        svc=b"# a\nauth substack a\n@include a\nsession required s.so\n", a=b"auth required y.so\n"
    ).auth
    substack, at_include = stack.tree
    assert (substack.position, substack.children[0].position) == (0, 1)
    assert (at_include.position, at_include.children[0].position) == (None, 2)
    assert substack.origin.line == 2
