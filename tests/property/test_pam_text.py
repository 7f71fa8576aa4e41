from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from creds_session.pam.syntax import parser
from creds_session.pam.syntax.controls import all_words, next_word, parse_control
from creds_session.pam.syntax.lines import assemble
from creds_session.pam.syntax.lint import lint
from creds_session.pam.syntax.nodes import Rule, position
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect, ReturnValue

WORDS = (
    *("auth", "account", "password", "session", "-auth", "@include", "include", "substack"),
    *("required", "optional", "sufficient", "requisite", "success=1", "default=ignore"),
    *("[success=ok", "pam_unix.so", "common-auth"),
)
PIECES = [
    *(word.encode() for word in WORDS),
    *(bytes([byte]) for byte in b"\\#[]\t\r\v\0\n\n\n \xff="),
]
texts = st.one_of(
    st.binary(max_size=80),
    st.lists(st.sampled_from([*PIECES, b"\\\n", b" ", b"x" * 500])).map(b"".join),
)
dialects = st.sampled_from(Dialect)


@given(texts, dialects)
def test_logical_lines_joined_are_the_file(data: bytes, dialect: Dialect) -> None:
    lines = list(assemble(data, dialect))
    assert b"".join(line.source for line in lines) == data
    assert all(line.source for line in lines)
    for line in lines:
        assert line.number == data[: data.index(line.source)].count(b"\n") + 1 or line.number > 1


@given(texts, dialects, st.booleans())
def test_parse_never_raises_and_loses_nothing(
    data: bytes,
    dialect: Dialect,
    has_service: bool,
) -> None:
    file = parse(data, dialect, has_service_field=has_service)
    assert file.render() == data
    line = 1
    for node in file.lines:
        assert node.line == line
        line += node.source.count(b"\n")


@given(texts, dialects, st.booleans())
def test_lines_read_fast_are_read_as_the_assembler_gives_them(
    data: bytes,
    dialect: Dialect,
    has_service: bool,
) -> None:
    slow = [
        parser._node(line, dialect, has_service_field=has_service)
        for line in assemble(data, dialect)
    ]
    assert list(parse(data, dialect, has_service_field=has_service).lines) == slow


@given(texts, dialects)
def test_the_text_of_a_line_stands_in_its_source(data: bytes, dialect: Dialect) -> None:
    for line in assemble(data, dialect):
        for offset, byte in enumerate(line.text):
            found = line.source[line.source_offset(offset)]
            assert found == byte or (found, byte) == (ord("\\"), ord(" "))


@given(texts, dialects)
def test_spans_hold_the_fields(data: bytes, dialect: Dialect) -> None:
    for node in parse(data, dialect).lines:
        if isinstance(node, Rule):
            type_, _, path = (node.source[start:end] for start, end in node.spans)
            assert node.type.value.encode() in type_.lower()
            if b"\\" not in path:
                assert path.strip(b"[]") == node.module_path.strip(b"[]")


@given(texts, dialects, st.sampled_from([b"substack", b"[default=ignore]", b"OPTIONAL"]))
def test_another_word_in_the_span_of_the_control_is_the_control(
    data: bytes, dialect: Dialect, word: bytes
) -> None:
    """An edit replaces these bytes: all else that libpam reads must stay as it was."""
    file = parse(data, dialect)
    for index, node in enumerate(file.lines):
        if isinstance(node, Rule) and len(node.source) < 900:
            start, end = node.spans.control
            around = node.source[start - 1 : start], node.source[end : end + 1]
            if not set(around) <= {b" ", b"\t"}:
                return
            source = node.source[:start] + word + node.source[end:]
            rest = b"".join(line.source for line in file.lines[index + 1 :])
            before = b"".join(line.source for line in file.lines[:index])
            new = parse(before + source + rest, dialect).lines[index]
            assert isinstance(new, Rule)
            assert new.control == parse_control(word.strip(b"[]"), dialect)
            assert new.source == source
            same = (node.type, node.silent, node.module_path, node.module_arguments)
            assert (new.type, new.silent, new.module_path, new.module_arguments) == same
            return


@given(texts, dialects)
def test_lint_never_raises_and_points_into_the_file(data: bytes, dialect: Dialect) -> None:
    file = parse(data, dialect)
    last = position(file.lines[-1], len(file.lines[-1].source))[0] if file.lines else 1
    for one in lint(file):
        assert 1 <= one.line <= last
        assert one.column >= 1
        assert one.reason


@given(st.binary(max_size=40), dialects)
def test_a_control_always_has_an_action_for_every_value(text: bytes, dialect: Dialect) -> None:
    assert len(parse_control(text, dialect).actions) == len(ReturnValue)


@given(texts.map(lambda data: data.replace(b"\0", b"")))
def test_words_move_on(text: bytes) -> None:
    position_, count = 0, 0
    word = next_word(text, 0)
    while word is not None:
        assert position_ <= word.start < word.end
        position_, count = word.end, count + 1
        word = next_word(text, position_)
    assert count == len(all_words(text, 0))
