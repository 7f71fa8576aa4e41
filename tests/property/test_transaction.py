from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from creds_session.setup_pam.transaction import without_edits
from creds_session.system.files.manifest import SavedEdit

RULE = b"session optional pam_gnome_keyring.so auto_start"
OLD_WORD, NEW_WORD = b"auth include a", b"auth substack a"
theirs = st.lists(
    st.sampled_from([b"", b"# c", b"auth required b.so", b"\xff\0\r", b" " + RULE, RULE + b" x"]),
    max_size=8,
)
contents = st.one_of(st.binary(max_size=60), theirs.map(b"\n".join))
edits = st.lists(
    st.builds(
        SavedEdit,
        st.integers(0, 20),
        st.sampled_from([b"", OLD_WORD, b"a\n"]),
        st.sampled_from([RULE, NEW_WORD, b"\n" + RULE, RULE + b"\n"]),
    ),
    max_size=3,
).map(tuple)


def joined(lines: list[bytes], *, newline: bool) -> bytes:
    return b"".join(line + b"\n" for line in lines)[: None if newline or not lines else -1]


@given(contents, contents, edits)
def test_without_edits_leaves_a_file_alone_that_has_none_of_our_lines(
    content: bytes, before: bytes, given_edits: tuple[SavedEdit, ...]
) -> None:
    lines = content.split(b"\n")
    if not {edit.new.strip(b"\n") for edit in given_edits} & set(lines):
        assert without_edits(content, before, given_edits) == content


@given(theirs, theirs, theirs, st.integers(0, 30), st.integers(0, 30))
def test_without_edits_removes_our_line_and_restores_our_word_wherever_they_are(
    top: list[bytes], middle: list[bytes], bottom: list[bytes], first: int, second: int
) -> None:
    now = joined([*top, NEW_WORD, *middle, RULE, *bottom], newline=True)
    ours = (SavedEdit(first, OLD_WORD, NEW_WORD), SavedEdit(second, b"", RULE))
    left = joined([*top, OLD_WORD, *middle, *bottom], newline=True)
    assert without_edits(now, b"", ours) == left
    assert without_edits(now, b"", ours[::-1]) == left


@given(theirs, theirs, st.booleans())
def test_without_edits_keeps_how_the_file_ended(
    top: list[bytes],
    bottom: list[bytes],
    newline: bool,
) -> None:
    now = joined([*top, RULE, *bottom, b"# end"], newline=newline)
    left = joined([*top, *bottom, b"# end"], newline=newline)
    assert without_edits(now, b"", (SavedEdit(1, b"", RULE),)) == left


@given(theirs, theirs, st.integers(0, 3), st.booleans())
def test_without_edits_restores_the_newline_that_our_last_lines_needed(
    before: list[bytes],
    top: list[bytes],
    count: int,
    newline: bool,
) -> None:
    end = b"\n" if newline else b""
    now = b"\n".join([*top, b"# end", *[RULE] * count]) + end
    ours = (SavedEdit(len(before), b"", RULE),) * count
    left = b"\n".join([*top, b"# end"]) + end
    assert without_edits(now, joined([*before, b"x"], newline=newline), ours) == left


@given(theirs, theirs, st.integers(1, 20))
def test_without_edits_removes_one_line_of_two_alike_the_nearer_one(
    top: list[bytes], bottom: list[bytes], line: int
) -> None:
    now = [*top, RULE, b"between", RULE, *bottom]
    left = without_edits(joined(now, newline=True), b"", (SavedEdit(line, b"", RULE),))
    without_first = joined([*top, b"between", RULE, *bottom], newline=True)
    without_second = joined([*top, RULE, b"between", *bottom], newline=True)
    is_first = abs(len(top) + 1 - line) <= abs(len(top) + 3 - line)
    assert left == (without_first if is_first else without_second)


@given(contents, contents, edits)
def test_without_edits_touches_no_line_that_is_not_ours(
    content: bytes, before: bytes, given_edits: tuple[SavedEdit, ...]
) -> None:
    ours = {edit.new.strip(b"\n") for edit in given_edits}
    olds = {edit.old.strip(b"\n") for edit in given_edits}
    left = without_edits(content, before, given_edits).split(b"\n")
    kept = [line for line in content.split(b"\n") if line not in ours | olds]
    assert [line for line in left if line not in ours | olds] in (kept, kept[: len(kept) - 1])
