"""Parse bytes to a ServiceFile as libpam reads them; never raise, and lose nothing.

Source: libpam/pam_handlers.c:_pam_parse_conf_file and Debian's patch 031_pam_include.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple

from creds_session.pam.syntax.controls import Control, Word, all_words, next_word, parse_control
from creds_session.pam.syntax.lines import LineEnd, LogicalLine, assemble, even_line, next_uneven
from creds_session.pam.syntax.nodes import (
    AtInclude,
    Blank,
    Comment,
    Consequence,
    Malformed,
    Node,
    Rule,
    ServiceFile,
    Spans,
)
from creds_session.pam.syntax.terms import Dialect, ManagementGroup

_TYPES = {group.value.encode(): group for group in ManagementGroup}


@lru_cache(maxsize=64)
def parse(
    data: bytes, dialect: Dialect = Dialect.DEBIAN_1_7, *, has_service_field: bool = False
) -> ServiceFile:
    """Parse a service file, or with ``has_service_field`` /etc/pam.conf; never raises.

    A plan reads the same few files many times, and nodes never change, so the last files are kept.
    """
    nodes: list[Node] = []
    shapes = _Shapes(dialect, has_service_field=has_service_field)
    position, number = 0, 1
    while position < len(data):
        uneven = next_uneven(data, position)
        for source in BytesIO(data[position:uneven]):
            kind, rest = shapes[source]
            # In a file of a million lines, calls of the constructor would take a second more.
            nodes.append(tuple.__new__(kind, (source, number, *rest)))
            number += 1
        position = uneven
        for line in assemble(data, dialect, position, number):
            nodes.append(shapes.node(line))
            position += len(line.source)
            number += line.source.count(b"\n")
            if line.source.endswith(b"\n"):
                break
    return ServiceFile(tuple(nodes), dialect)


class _Shapes(dict[bytes, tuple[type[Node], tuple[Any, ...]]]):
    """The kind of node of each line, and its fields except source and number.

    They depend on the bytes of a whole line only, so a line is read once, however often the file
    repeats it. The rest of a line that was too long also depends on its column, and is not kept.
    """

    def __init__(self, dialect: Dialect, *, has_service_field: bool) -> None:
        super().__init__()
        self._dialect = dialect
        self._has_service_field = has_service_field

    def __missing__(self, source: bytes) -> tuple[type[Node], tuple[Any, ...]]:
        node = self._read(even_line(source))
        shape = self[source] = type(node), node[2:]
        return shape

    def node(self, line: LogicalLine) -> Node:
        """Return the node of any line."""
        if line.column == 1 and line.source in self:
            kind, rest = self[line.source]
            return tuple.__new__(kind, (line.source, line.number, *rest))
        node = self._read(line)
        if line.column == 1:
            self[line.source] = type(node), node[2:]
        return node

    def _read(self, line: LogicalLine) -> Node:
        return _node(line, self._dialect, has_service_field=self._has_service_field)


def _node(line: LogicalLine, dialect: Dialect, *, has_service_field: bool) -> Node:
    """Return the node of a logical line."""
    if line.end is LineEnd.IGNORED:
        is_blank = not line.source.strip(b" \t\n")
        kind = Blank if is_blank else Comment
        return kind(line.source, line.number, line.column)
    if line.end is LineEnd.UNFINISHED:
        return _unread(line, "a backslash continues the last line", Consequence.ABORT)
    if line.end is LineEnd.ENDLESS:
        return _unread(line, "a backslash is byte 1023 of a line", Consequence.HANG)
    service = next_word(line.text, 0) if has_service_field else None
    start = service.end if service else 0
    fields = _read_fields(line.text, start, dialect)
    return _rule_or_malformed(line, fields, service.value if service else b"", dialect)


def _unread(line: LogicalLine, reason: str, consequence: Consequence) -> Malformed:
    """Return the node of a line that libpam does not parse at all."""
    offset = len(line.source.rstrip(b" \t\n")) - 1
    return Malformed(
        line.source, line.number, reason, offset, consequence, start_column=line.column
    )


class _Fields(NamedTuple):
    """The words of a line, as far as it has them.

    ``group`` is None if the word for it is missing or unknown. For Debian's @include, ``control``
    is the name of the file.
    """

    text: bytes
    start: int
    type: Word | None
    group: ManagementGroup | None
    is_at_include: bool
    control: Word | None
    path: Word | None
    parsed: Control | None


def _read_fields(text: bytes, start: int, dialect: Dialect) -> _Fields:
    """Return type, control and module path of a line."""
    type_ = next_word(text, start)
    if type_ is None:
        return _Fields(text, start, None, None, False, None, None, None)  # noqa: FBT003
    word = type_.value
    name = word[word.startswith(b"-") :].lower()
    group, is_at_include = _TYPES.get(name), name == b"@include"
    control = next_word(text, type_.end)
    if control is None:
        return _Fields(text, start, type_, group, is_at_include, None, None, None)
    path = next_word(text, control.end)
    parsed = parse_control(control.value, dialect)
    return _Fields(text, start, type_, group, is_at_include, control, path, parsed)


def _rule_or_malformed(
    line: LogicalLine, fields: _Fields, service: bytes, dialect: Dialect
) -> Node:
    """Return the node that the words of a line make."""
    if fields.is_at_include and dialect.is_debian:
        return _at_include(line, fields, service)
    trouble = _trouble(fields, dialect)
    if trouble is not None:
        return _malformed(line, fields, service, trouble)
    if not (fields.type and fields.control and fields.path and fields.parsed and fields.group):
        return _malformed(line, fields, service, _Trouble("empty line", fields.start))
    return Rule(
        source=line.source,
        line=line.number,
        type=fields.group,
        control=fields.parsed,
        module_path=fields.path.value,
        module_arguments=all_words(fields.text, fields.path.end),
        silent=fields.type.value.startswith(b"-"),
        spans=Spans(*(_span(line, word) for word in (fields.type, fields.control, fields.path))),
        service=service,
        start_column=line.column,
    )


def _span(line: LogicalLine, word: Word) -> tuple[int, int]:
    """Return the place of a word in the source.

    The last byte is looked up, and not the one after it, because a continued line may end there.
    """
    return line.source_offset(word.start), line.source_offset(word.end - 1) + 1


def _at_include(line: LogicalLine, fields: _Fields, service: bytes) -> Node:
    """Return the node of Debian's @include, which follows a null pointer if the name is missing."""
    if fields.control is None:
        start = fields.type.start if fields.type else fields.start
        trouble = _Trouble("@include without a name", start, Consequence.CRASH)
        return _malformed(line, fields, service, trouble)
    name = fields.control.value
    return AtInclude(line.source, line.number, name, service, line.column)


class _Trouble(NamedTuple):
    """Why a line is malformed, where in its text, and with what consequence."""

    reason: str
    offset: int
    consequence: Consequence = Consequence.MUST_FAIL


_LONGEST_QUOTE = 40


def _quoted(word: bytes) -> str:
    """Decode a word for a message, and shorten it."""
    text = word[:_LONGEST_QUOTE].decode("ascii", "backslashreplace")
    return text if len(word) <= _LONGEST_QUOTE else f"{text}…"


def _trouble(fields: _Fields, dialect: Dialect) -> _Trouble | None:
    """Return the first mistake that libpam finds, or None for a proper rule."""
    if fields.type is None:
        return _Trouble("empty module type", fields.start)
    if fields.parsed and fields.parsed.is_include and not fields.path and dialect.is_debian:
        return _Trouble("include without a name", fields.type.start, Consequence.CRASH)
    if fields.group is None:
        return _Trouble(f"illegal module type: {_quoted(fields.type.value)}", fields.type.start)
    if fields.parsed is None:
        return _Trouble("no control flag supplied", fields.type.start)
    if fields.path is None:
        return _Trouble("no module name supplied", fields.type.start)
    return None


def _malformed(line: LogicalLine, fields: _Fields, service: bytes, trouble: _Trouble) -> Malformed:
    """Return the node of a malformed line, with all that libpam still uses of it."""
    path = fields.path
    # Without keywords, because a file can have half a million of these lines.
    return Malformed(
        line.source,
        line.number,
        trouble.reason,
        line.source_offset(trouble.offset),
        trouble.consequence,
        fields.group,
        fields.parsed,
        path.value if path else None,
        all_words(fields.text, path.end) if path else (),
        service,
        line.column,
    )
