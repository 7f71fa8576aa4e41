from __future__ import annotations

import pytest

from creds_session.findings import Severity
from creds_session.pam.syntax.lint import lint
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect

E, W = Severity.ERROR, Severity.WARNING
OK = b"auth required pam_unix.so\n"


@pytest.mark.parametrize(
    ("data", "id_", "severity", "place"),
    [
        (b"auht required x.so\n", "illegal-type", E, (1, 1)),
        (OK + b" auht optional x.so\n", "illegal-type", W, (2, 2)),
        (b"auht include x\n", "illegal-type", W, (1, 1)),
        (b"auth\n", "missing-control", E, (1, 1)),
        (b"auth required\n", "missing-module", E, (1, 1)),
        (b"auth optional # x.so\n", "missing-module", W, (1, 1)),
        (b"auth include\n", "include-without-name", E, (1, 1)),
        (OK + b"auth required x.so \\\n", "unfinished-line", E, (2, 20)),
        (b"auth requierd x.so\n", "bad-control", E, (1, 6)),
        (b"auth [success=0] x.so\n", "bad-control", E, (1, 6)),
        (b"auth [] x.so\n", "bad-control", E, (1, 6)),
        (b"auth required /lib/\n", "no-module-name", E, (1, 15)),
        (b"auth required pam_unix\n", "odd-module-name", W, (1, 15)),
        (b"auth include x y\n", "ignored-words", W, (1, 15)),
        (b"auth required pam_unix.so\r\n", "odd-byte", E, (1, 26)),
        (b"auth required pam_unix.so a\vb\n", "odd-byte", W, (1, 28)),
        (b"auth required pam_unix.so a\0b\n", "odd-byte", W, (1, 28)),
        (b"auth required pam_unix.so [a # b]\n", "unclosed-bracket", W, (1, 27)),
        (b"auth [success=1 default=ignore] x.so\n", "jump-past-end", W, (1, 6)),
        (b"auth required x.so \\\n\n", "dialects-differ", W, (1, 1)),
        (b"#".ljust(1024, b"-") + b"\n", "dialects-differ", W, (1, 1)),
        (b"\xef\xbb\xbf# a\n", "byte-order-mark", E, (1, 1)),
    ],
)
def test_lint_finds(data: bytes, id_: str, severity: Severity, place: tuple[int, int]) -> None:
    found = [one for one in lint(parse(data)) if one.id == id_]
    assert [(one.severity, (one.line, one.column)) for one in found] == [(severity, place)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        OK,
        b"# a [\n-session [success=1 default=ignore] pam_x.so a [b \\] c] # [\n@include x\n",
        b"auth [success=2 default=ignore] pam_unix.so\nauth include x\n",
        b"auth substack a\nauth required pam_unix.so a \\\n  b\n",
    ],
)
def test_lint_is_silent_about_good_files(data: bytes) -> None:
    assert lint(parse(data)) == ()


def test_lint_guesses_what_was_meant() -> None:
    reasons = [one.reason for one in lint(parse(b"auht required x.so\nauth requierd x.so\n"))]
    assert "did you mean auth?" in reasons[0]
    assert "did you mean required?" in reasons[1]


def test_lint_reports_the_same_line_again_by_its_number() -> None:
    places = [(one.line, one.id) for one in lint(parse(b"a\n\na\nauth x y.so\na\n"))]
    assert places == [
        (1, "illegal-type"),
        (3, "illegal-type"),
        (4, "bad-control"),
        (5, "illegal-type"),
    ]


@pytest.mark.parametrize(
    ("followers", "is_past"),
    [
        (b"auth required a.so\n", True),
        (b"auth required a.so\n" * 2, False),
        (b"auth required a.so\nsession required a.so\n", True),
        (b"auth required a.so\nauth\n", False),
        (b"auth required a.so\nwrong required a.so\n", False),
        (b"auth required a.so\nauth substack a\n", False),
        (b"auth include a\n", False),
        (b"session include a\n", True),
        (b"@include a\n", False),
    ],
)
def test_jumps_are_compared_with_what_follows(followers: bytes, *, is_past: bool) -> None:
    found = lint(parse(b"auth [success=2 default=ignore] a.so\n" + followers))
    assert ("jump-past-end" in [one.id for one in found]) is is_past


@pytest.mark.parametrize("dialect", [Dialect.DEBIAN_1_5, Dialect.DEBIAN_1_7])
def test_lines_that_libpams_read_differently_are_found_among_others(dialect: Dialect) -> None:
    cut_by_a_blank = OK[:-1] + b" \\\n\n"
    data = b"#\n\n" + cut_by_a_blank + OK + b"auth \\\nrequired a.so\n" + cut_by_a_blank + OK
    found = lint(parse(data, dialect))
    assert [one.line for one in found if one.id == "dialects-differ"] == [3, 5, 8, 10]


def test_lint_knows_the_dialect() -> None:
    data = b"@include common-auth\n"
    assert lint(parse(data)) == ()
    assert [one.severity for one in lint(parse(data, Dialect.UPSTREAM_1_7))] == [E]
