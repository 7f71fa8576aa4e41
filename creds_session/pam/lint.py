"""What libpam refuses in a file, or reads otherwise than its author meant.

An error is what makes libpam fail; a warning is a line that two libpams read differently,
that has no effect, or that is probably a slip. One file is judged alone: whether an
included file exists, or where a jump lands in the including one, is for the stack.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import NamedTuple

from creds_session.findings import Severity
from creds_session.pam.controls import (
    Control,
    SimpleControl,
    ValueActionControl,
    all_words,
)
from creds_session.pam.lines import LINE_LIMIT, LineEnd, LogicalLine, assemble
from creds_session.pam.nodes import (
    AtInclude,
    Consequence,
    Malformed,
    Node,
    Rule,
    ServiceFile,
    position,
)
from creds_session.pam.terms import Action, Dialect, Jump, ManagementGroup, ReturnValue

_OTHER_ASSEMBLY = {
    Dialect.DEBIAN_1_5: Dialect.DEBIAN_1_7,
    Dialect.DEBIAN_1_7: Dialect.DEBIAN_1_5,
    Dialect.UPSTREAM_1_5: Dialect.UPSTREAM_1_7,
    Dialect.UPSTREAM_1_7: Dialect.UPSTREAM_1_5,
}
_BOM = b"\xef\xbb\xbf"
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
    data = file.render()
    found: list[Diagnostic] = []
    has_service_field = any(getattr(node, "service", b"") for node in file.lines)
    for index, (node, line) in enumerate(zip(file.lines, assemble(data, file.dialect))):
        found += _odd_bytes(node)
        if isinstance(node, Malformed):
            found.append(_malformed(node))
        elif isinstance(node, Rule):
            found += _rule(node, line)
            found += () if has_service_field else _jumps(file, index, node)
    found += _differences(file, data)
    return tuple(sorted(found, key=lambda one: (one.line, one.column, one.id)))


def _at(node: Node, offset: int, severity: Severity, id_: str, reason: str) -> Diagnostic:
    line, column = position(node, offset)
    return Diagnostic(severity, id_, line, column, reason)


def _guess(word: bytes, words: list[str]) -> str:
    """Suggest the word that was meant."""
    text = word.decode("ascii", "replace").lower()
    close = difflib.get_close_matches(text[:40], words, n=1, cutoff=0.7)
    return f" (did you mean {close[0]}?)" if close else ""


_MALFORMED_IDS = {
    Consequence.ABORT: "unfinished-line",
    Consequence.CRASH: "include-without-name",
    Consequence.HANG: "endless-line",
}


def _malformed(node: Malformed) -> Diagnostic:
    """Say what libpam makes of a line that it cannot read."""
    reason, severity = node.reason, Severity.ERROR
    if node.consequence is Consequence.MUST_FAIL:
        severity, effect = _effect(node)
        reason += _guess(_word_at(node), [group.value for group in ManagementGroup])
        reason += f": {effect}"
    elif node.consequence is Consequence.ABORT:
        reason += ": the file is refused, and with it the service"
    else:
        verb = "dies" if node.consequence is Consequence.CRASH else "waits for ever"
        reason += f": the program that asks libpam {verb}"
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


def _rule(node: Rule, line: LogicalLine) -> Iterator[Diagnostic]:
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
        words = [word.value for word in SimpleControl]
        reason = f"{control.error}: every return value, success too, is bad"
        reason += _guess(control.text, words)
        yield _at(node, start, Severity.ERROR, "bad-control", reason)
    elif not control.text.strip():
        reason = "an empty control: every return value, success too, is bad"
        yield _at(node, start, Severity.ERROR, "bad-control", reason)


def _jumps(file: ServiceFile, index: int, rule: Rule) -> Iterator[Diagnostic]:
    """Find jumps over more rules than the file has; an include may add any number."""
    longest = max((a.over for a in rule.control.actions if isinstance(a, Jump)), default=0)
    if longest <= 0 or rule.control.is_include:
        return
    rest = 0
    for node in file.lines[index + 1 :]:
        if rest >= longest or isinstance(node, AtInclude):
            return
        if isinstance(node, Rule) and node.type is rule.type:
            if node.control is SimpleControl.INCLUDE:
                return
            rest += 1
        rest += isinstance(node, Malformed) and node.type in {rule.type, None}
    if rest < longest:
        reason = f"jumps over {longest} rules, but {rest} follow in this file"
        yield _at(rule, rule.spans.control[0], Severity.WARNING, "jump-past-end", reason)


def _odd_bytes(node: Node) -> Iterator[Diagnostic]:
    """Find bytes that look like blanks, or like nothing, and are part of a word to libpam."""
    if isinstance(node, Malformed) and node.source.startswith(_BOM):
        yield _at(node, 0, Severity.ERROR, "byte-order-mark", "libpam reads it as a word")
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


def _differences(file: ServiceFile, data: bytes) -> Iterator[Diagnostic]:
    """Find lines that libpam before 1.6 and since then read differently."""
    mine = _meanings(data, file.dialect)
    other = _meanings(data, _OTHER_ASSEMBLY[file.dialect])
    numbers = {key[0] for key, meaning in mine.items() if other.get(key) != meaning}
    numbers |= {key[0] for key in other if key not in mine}
    for number in sorted(numbers):
        reason = "libpam before 1.6 and later ones read this line differently: it is longer"
        reason += f" than {LINE_LIMIT} bytes, or a blank or comment line cuts what it continues"
        yield Diagnostic(Severity.WARNING, "dialects-differ", number, 1, reason)


def _meanings(
    data: bytes, dialect: Dialect
) -> dict[tuple[int, int], tuple[LineEnd, tuple[bytes, ...]]]:
    """Give the words of each line that counts, by where it starts."""
    return {
        (line.number, line.column): (line.end, all_words(line.text, 0))
        for line in assemble(data, dialect)
        if line.end is not LineEnd.IGNORED
    }
