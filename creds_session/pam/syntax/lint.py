"""What libpam refuses in a file, or reads otherwise than its author meant.

An error is what makes libpam fail; a warning is a line that two libpams read differently,
that has no effect, or that is probably a slip. One file is judged alone: whether an
included file exists, or where a jump lands in the including one, is for the stack.
"""

from __future__ import annotations

import difflib
import functools
import math
import operator
import re
from collections.abc import Iterator
from typing import NamedTuple

from creds_session.findings import Severity
from creds_session.pam.syntax.controls import Control, SimpleControl, ValueActionControl, all_words
from creds_session.pam.syntax.lines import LINE_LIMIT, LineEnd, assemble, next_uneven
from creds_session.pam.syntax.nodes import (
    AtInclude,
    Blank,
    Consequence,
    Malformed,
    Node,
    Rule,
    ServiceFile,
    position,
)
from creds_session.pam.syntax.terms import Action, Dialect, Jump, ManagementGroup, ReturnValue

_OTHER_ASSEMBLY = {
    Dialect.DEBIAN_1_5: Dialect.DEBIAN_1_7,
    Dialect.DEBIAN_1_7: Dialect.DEBIAN_1_5,
    Dialect.UPSTREAM_1_5: Dialect.UPSTREAM_1_7,
    Dialect.UPSTREAM_1_7: Dialect.UPSTREAM_1_5,
}
_BOM = b"\xef\xbb\xbf"
_ODD_BYTE = re.compile(rb"[\0\r\v\f]|\xc2\xa0")
_FORCED = ReturnValue.PERM_DENIED


class Diagnostic(NamedTuple):
    """One thing to know about a line; ``id`` is a stable word, line and column from 1."""

    severity: Severity
    id: str
    line: int
    column: int
    reason: str


def lint(file: ServiceFile) -> tuple[Diagnostic, ...]:
    """Judge one file as its dialect's libpam reads it, in the order of its lines."""
    found: list[Diagnostic] = []
    known: dict[bytes, tuple[Node, list[Diagnostic]]] = {}
    for node in file.lines:
        if isinstance(node, Blank):
            continue
        model, diagnostics = known.get(node.source, (None, []))
        if model is None or model[2:] != node[2:]:
            diagnostics = list(_line(node, file.dialect))
            known[node.source] = node, diagnostics
            found += diagnostics
        elif diagnostics:  # the same line again: only its number is another
            found += [_moved(one, node.line - model.line) for one in diagnostics]
    if not any(getattr(node, "service", b"") for node in file.lines):
        found += _jumps(file)
    found += _differences(file.render(), file.dialect)
    return tuple(sorted(found, key=operator.attrgetter("line", "column", "id")))


def _moved(one: Diagnostic, lines: int) -> Diagnostic:
    """Give the same diagnostic some lines further down; ``_replace`` takes thrice as long."""
    return Diagnostic(one.severity, one.id, one.line + lines, one.column, one.reason)


def _line(node: Node, dialect: Dialect) -> Iterator[Diagnostic]:
    """Judge a line by itself."""
    yield from _odd_bytes(node)
    if isinstance(node, Malformed):
        yield malformed(node)
    elif isinstance(node, Rule):
        yield from _rule(node, dialect)


def _at(node: Node, offset: int, severity: Severity, id_: str, reason: str) -> Diagnostic:
    line, column = position(node, offset)
    return Diagnostic(severity, id_, line, column, reason)


_TYPES = tuple(group.value for group in ManagementGroup)
_CONTROLS = tuple(control.value for control in SimpleControl)
_LIKENESS = 0.7


def _guess(word: bytes, words: tuple[str, ...]) -> str:
    """Suggest the word that was meant."""
    text = word[:40].lower()
    candidates = tuple(one for one in words if _may_be_like(text, one))
    return _closest(text, candidates) if candidates else ""


def _may_be_like(text: bytes, word: str) -> bool:
    """Whether enough of the letters are in both: difflib is slow, and most words are not."""
    common = len(text) - len(text.translate(None, word.encode()))
    return 2 * min(common, len(word)) >= _LIKENESS * (len(text) + len(word))


@functools.lru_cache(maxsize=1024)
def _closest(word: bytes, candidates: tuple[str, ...]) -> str:
    text = word.decode("ascii", "replace")
    close = difflib.get_close_matches(text, candidates, n=1, cutoff=_LIKENESS)
    return f" (did you mean {close[0]}?)" if close else ""


_MALFORMED_IDS = {
    Consequence.ABORT: "unfinished-line",
    Consequence.CRASH: "include-without-name",
    Consequence.HANG: "endless-line",
}


_MOST_BYTES = 1023  # BUF_SIZE of pam_handlers.c before 1.6, without its NUL


def malformed(node: Malformed) -> Diagnostic:
    """Say what libpam makes of a line that it cannot read."""
    reason, severity = node.reason, Severity.ERROR
    if node.consequence is Consequence.MUST_FAIL:
        severity, effect = _effect(node)
        reason += _guess(_word_at(node), _TYPES)
        reason += f": {effect}"
    elif node.consequence is Consequence.ABORT:
        reason += ": the file is refused, and with it the service"
    else:
        verb = "dies" if node.consequence is Consequence.CRASH else "waits for ever"
        reason += f": the program that asks libpam {verb}"
    if node.start_column > 1:  # the rest of a line that was cut
        is_one = node.start_column > _MOST_BYTES
        which = "the line is" if is_one else "the line and those that it continues are together"
        reason = (
            f"{which} longer than {_MOST_BYTES:,} bytes, which this libpam cuts, and the rest is"
            f" read as a line of its own: {reason}"
        )
    id_ = _MALFORMED_IDS.get(node.consequence, _must_fail_id(node))
    return _at(node, node.offset, severity, id_, reason)


def _must_fail_id(node: Malformed) -> str:
    """Name the kind of a must-fail line."""
    if node.type is None:
        return "illegal-type"
    return "missing-control" if node.control is None else "missing-module"


def _word_at(node: Malformed) -> bytes:
    """Give the word that stands for the type, when that is what is wrong."""
    if node.type is not None:
        return b""
    words = node.source[node.offset :].split(None, 1)
    return words[0].lstrip(b"-[") if words else b""


def _effect(node: Malformed) -> tuple[Severity, str]:
    """Say what becomes of a must-fail line (pam_handlers.c:_pam_parse_conf_file)."""
    group = node.type.value if node.type else "auth (or what an include asks for)"
    if node.control is not None and node.control.is_include and node.module_path is not None:
        word = node.control.value if isinstance(node.control, SimpleControl) else ""
        return Severity.WARNING, f"read as {group} {word}"
    if node.control is not None and node.control.actions[_FORCED] is Action.IGNORE:
        return Severity.WARNING, f"a failure in {group} that its control ignores"
    return Severity.ERROR, f"a failure in {group}"


def _rule(node: Rule, dialect: Dialect) -> Iterator[Diagnostic]:
    """Judge a rule's fields."""
    yield from _control(node, node.control)
    start, end = node.spans.module_path
    name = node.module_path.rpartition(b"/")[2]
    stem = name.rpartition(b".")[0] if b"." in name else name
    if stem in {b"", b"?"} and node.control is not SimpleControl.INCLUDE:
        yield _at(
            node, start, Severity.ERROR, "no-module-name", "no name before the dot: file refused"
        )
    elif not node.control.is_include and not name.strip(b"\r\v\f").endswith(b".so"):
        yield _at(node, start, Severity.WARNING, "odd-module-name", "module without .so")
    if node.control.is_include and node.module_arguments:
        yield _at(node, end, Severity.WARNING, "ignored-words", "an include takes no arguments")
    if b"[" in node.source:
        yield from _brackets(node, dialect)


def _brackets(node: Rule, dialect: Dialect) -> Iterator[Diagnostic]:
    """Find a bracket without an end; a rule's source read alone is the same line again."""
    line = next(assemble(node.source, dialect))
    open_bracket = line.text.rfind(b"[")
    if open_bracket >= 0 and _is_unclosed(line.text, open_bracket):
        reason = "bracket without an end" + (", cut off by #" if b"#" in node.source else "")
        offset = line.source_offset(open_bracket)
        yield _at(node, offset, Severity.WARNING, "unclosed-bracket", reason)


def _is_unclosed(text: bytes, bracket: int) -> bool:
    """Whether a bracket opens a word that runs to the end of the line."""
    before = text[bracket - 1 : bracket]
    tail = text[bracket:].replace(b"\\]", b"")
    return (not before or before in b" \t\n]") and b"]" not in tail


def _control(node: Rule, control: Control) -> Iterator[Diagnostic]:
    """Judge a control."""
    start = node.spans.control[0]
    if not isinstance(control, ValueActionControl):
        return
    if control.error:
        reason = f"{control.error}: every return value, success too, is bad"
        reason += _guess(control.text, _CONTROLS)
        yield _at(node, start, Severity.ERROR, "bad-control", reason)
    elif not control.text.strip():
        reason = "an empty control: every return value, success too, is bad"
        yield _at(node, start, Severity.ERROR, "bad-control", reason)


def _jumps(file: ServiceFile) -> Iterator[Diagnostic]:
    """Find jumps over more rules than the file has; an include may add any number."""
    followers: dict[ManagementGroup, float] = dict.fromkeys(ManagementGroup, 0)
    of_any_type = 0
    for node in reversed(file.lines):
        if isinstance(node, Rule):
            if node.control is SimpleControl.INCLUDE:
                followers[node.type] = math.inf
                continue
            if not isinstance(node.control, SimpleControl):
                yield from _jump(node, followers[node.type] + of_any_type)
            followers[node.type] += 1
        elif isinstance(node, AtInclude):
            followers = dict.fromkeys(ManagementGroup, math.inf)
        elif isinstance(node, Malformed):
            if node.type is None:
                of_any_type += 1
            else:
                followers[node.type] += 1


def _jump(rule: Rule, followers: float) -> Iterator[Diagnostic]:
    """Compare a rule's longest jump with the number of rules that follow."""
    longest = max((a.over for a in rule.control.actions if isinstance(a, Jump)), default=0)
    if followers < longest:
        reason = f"jumps over {longest} rules, but {followers} follow in this file"
        yield _at(rule, rule.spans.control[0], Severity.WARNING, "jump-past-end", reason)


def _odd_bytes(node: Node) -> Iterator[Diagnostic]:
    """Find bytes that look like blanks, or like nothing, and are part of a word to libpam."""
    if isinstance(node, Malformed) and node.source.startswith(_BOM):
        reason = "a UTF-8 byte order mark stands here, and libpam takes it for a part of the word"
        yield _at(node, 0, Severity.ERROR, "byte-order-mark", reason)
    if not _ODD_BYTE.search(node.source):
        return
    visible = node.source.partition(b"#")[0]
    for byte, name in (
        (b"\0", "NUL, which hides the rest of the line"),
        (b"\r", "carriage return"),
        (b"\v", "vertical tab"),
        (b"\f", "form feed"),
        (b"\xc2\xa0", "no-break space"),
    ):
        offset = visible.find(byte)
        if offset < 0:
            continue
        is_path = isinstance(node, Rule) and byte in node.module_path
        severity = Severity.ERROR if is_path else Severity.WARNING
        yield _at(node, offset, severity, "odd-byte", f"{name} is not a blank to libpam")


def _differences(data: bytes, dialect: Dialect) -> Iterator[Diagnostic]:
    """Find lines that libpam before 1.6 and since then read differently."""
    reason = "libpam before 1.6 and later ones read this line differently: it is longer"
    reason += f" than {LINE_LIMIT} bytes, or a blank or comment line cuts what it continues"
    start, number = 0, 1
    while True:
        uneven = next_uneven(data, start)
        if uneven == len(data):
            return
        number += data.count(b"\n", start, uneven)
        mine, other, start = _both_readings(data, dialect, uneven, number)
        numbers = {key[0] for key, meaning in mine.items() if other.get(key) != meaning}
        numbers |= {key[0] for key in other if key not in mine}
        for differing in sorted(numbers):
            yield Diagnostic(Severity.WARNING, "dialects-differ", differing, 1, reason)
        number += data.count(b"\n", uneven, start)


_Meanings = dict[tuple[int, int], tuple[LineEnd, tuple[bytes, ...]]]
"""The words of each line that counts, by where it starts."""


def _both_readings(
    data: bytes, dialect: Dialect, start: int, number: int
) -> tuple[_Meanings, _Meanings, int]:
    """Read from an uneven line on to where both libpams next begin a line at the same place."""
    readers = [assemble(data, one, start, number) for one in (dialect, _OTHER_ASSEMBLY[dialect])]
    meanings: tuple[_Meanings, _Meanings] = ({}, {})
    stops = [start, start]
    while stops[0] != stops[1] or stops[0] == start:
        behind = stops.index(min(stops))
        line = next(readers[behind])
        stops[behind] += len(line.source)
        if line.end is not LineEnd.IGNORED:
            meanings[behind][line.number, line.column] = line.end, all_words(line.text, 0)
    return (*meanings, stops[0])
