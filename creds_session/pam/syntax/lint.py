"""List what libpam refuses in a file, or reads in another way than its author probably meant.

An error makes libpam fail. A warning is a line that two releases of libpam read differently, that
has no effect, or that is probably a mistake. One file is judged alone: only the stack shows whether
an included file exists, or which rule of the including file a jump reaches.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterator
from typing import Final

from creds_session.findings import Severity
from creds_session.pam.syntax.controls import Control, SimpleControl, ValueActionControl
from creds_session.pam.syntax.diagnostic import Diagnostic, diagnostic_at
from creds_session.pam.syntax.lines import assemble
from creds_session.pam.syntax.malformed_line import diagnose_malformed
from creds_session.pam.syntax.nodes import (
    AtInclude,
    Blank,
    Malformed,
    Mistake,
    Node,
    Rule,
    ServiceFile,
)
from creds_session.pam.syntax.reading_differences import reading_differences
from creds_session.pam.syntax.spelling import suggestion
from creds_session.pam.syntax.terms import Dialect, Jump, ManagementGroup

__all__ = ["Diagnostic", "lint"]

_BOM: Final = b"\xef\xbb\xbf"
_ODD_BYTE: Final = re.compile(rb"[\0\r\v\f]|\xc2\xa0")
_ODD_BYTES: Final = (
    (b"\0", "NUL, which hides the rest of the line"),
    (b"\r", "carriage return"),
    (b"\v", "vertical tab"),
    (b"\f", "form feed"),
    (b"\xc2\xa0", "no-break space"),
)
_CONTROLS: Final = tuple(control.value for control in SimpleControl)


def lint(file: ServiceFile) -> tuple[Diagnostic, ...]:
    """Return what libpam refuses or may misread in a file, in the order of its lines.

    The file is judged as the libpam of its dialect reads it.
    """
    found: list[Diagnostic] = []
    known: dict[bytes, tuple[Node, list[Diagnostic]]] = {}
    for node in file.lines:
        if isinstance(node, Blank):
            continue
        # A file can repeat one line half a million times: each line is judged once, and the
        # diagnostics of its copies differ in the line number only.
        model, diagnostics = known.get(node.source, (None, []))
        if model is None or model[2:] != node[2:]:
            diagnostics = list(_line(node, file.dialect))
            known[node.source] = node, diagnostics
            found += diagnostics
        elif diagnostics:
            found += [_moved(diagnostic, node.line - model.line) for diagnostic in diagnostics]
    if not any(getattr(node, "service", b"") for node in file.lines):
        found += _jumps(file)
    found += reading_differences(file.render(), file.dialect)
    return tuple(sorted(found, key=operator.attrgetter("line", "column", "id")))


def _moved(diagnostic: Diagnostic, lines: int) -> Diagnostic:
    """Return the same diagnostic some lines further down; ``_replace`` would be slower."""
    severity, id_, line, column, reason, mistake = diagnostic
    return Diagnostic(severity, id_, line + lines, column, reason, mistake)


def _line(node: Node, dialect: Dialect) -> Iterator[Diagnostic]:
    """Judge a line by itself."""
    yield from _odd_bytes(node)
    if isinstance(node, Malformed):
        yield diagnose_malformed(node)
    elif isinstance(node, Rule):
        yield from _rule(node, dialect)


def _rule(node: Rule, dialect: Dialect) -> Iterator[Diagnostic]:
    """Judge the fields of a rule."""
    yield from _control(node, node.control)
    start, end = node.spans.module_path
    name = node.module_path.rpartition(b"/")[2]
    stem = name.rpartition(b".")[0] if b"." in name else name
    if stem in {b"", b"?"} and node.control is not SimpleControl.INCLUDE:
        reason = "no module name before the dot: libpam refuses the file"
        yield diagnostic_at(node, start, Severity.ERROR, "no-module-name", reason)
    elif not node.control.is_include and not name.strip(b"\r\v\f").endswith(b".so"):
        reason = "the name of the module does not end with .so"
        yield diagnostic_at(node, start, Severity.WARNING, "odd-module-name", reason)
    if node.control.is_include and node.module_arguments:
        reason = "an include takes no arguments: libpam ignores them"
        yield diagnostic_at(node, end, Severity.WARNING, "ignored-words", reason)
    if b"[" in node.source:
        yield from _brackets(node, dialect)


def _brackets(node: Rule, dialect: Dialect) -> Iterator[Diagnostic]:
    """Find a bracket that is not closed."""
    line = next(assemble(node.source, dialect))
    open_bracket = line.text.rfind(b"[")
    if open_bracket >= 0 and _is_unclosed(line.text, open_bracket):
        reason = "a bracket is not closed" + (", because # ends the line" * (b"#" in node.source))
        offset = line.source_offset(open_bracket)
        yield diagnostic_at(node, offset, Severity.WARNING, "unclosed-bracket", reason)


def _is_unclosed(text: bytes, bracket: int) -> bool:
    """Return whether a bracket opens a word that runs to the end of the line."""
    before = text[bracket - 1 : bracket]
    tail = text[bracket:].replace(b"\\]", b"")
    return (not before or before in b" \t\n]") and b"]" not in tail


def _control(node: Rule, control: Control) -> Iterator[Diagnostic]:
    """Judge a control."""
    start = node.spans.control[0]
    if not isinstance(control, ValueActionControl):
        return
    if control.error:
        reason = f"{control.error}: libpam takes every return value for bad, success too"
        reason += suggestion(control.text, _CONTROLS)
        yield diagnostic_at(node, start, Severity.ERROR, "bad-control", reason)
    elif not control.text.strip():
        reason = "an empty control: libpam takes every return value for bad, success too"
        yield diagnostic_at(node, start, Severity.ERROR, "bad-control", reason)


def _jumps(file: ServiceFile) -> Iterator[Diagnostic]:
    """Find jumps over more rules than the file has; an include may add any number of rules."""
    followers: dict[ManagementGroup, float] = dict.fromkeys(ManagementGroup, 0)
    of_any_type = 0
    # From the last line to the first, so that the rules that follow are counted already.
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
        start = rule.spans.control[0]
        yield diagnostic_at(rule, start, Severity.WARNING, "jump-past-end", reason)


def _odd_bytes(node: Node) -> Iterator[Diagnostic]:
    """Find bytes that look like blanks, or like nothing, and are part of a word to libpam."""
    if isinstance(node, Malformed) and node.source.startswith(_BOM):
        reason = "the file begins with a UTF-8 byte order mark, which libpam reads as a part of"
        reason += " the first word"
        mistake = Mistake.BYTE_ORDER_MARK
        yield diagnostic_at(node, 0, Severity.ERROR, "byte-order-mark", reason, mistake)
    if not _ODD_BYTE.search(node.source):
        return
    visible = node.source.partition(b"#")[0]
    for byte, name in _ODD_BYTES:
        offset = visible.find(byte)
        if offset < 0:
            continue
        is_path = isinstance(node, Rule) and byte in node.module_path
        severity = Severity.ERROR if is_path else Severity.WARNING
        reason = f"{name} is not a blank to libpam"
        known = Mistake.CARRIAGE_RETURN if byte == b"\r" else None
        yield diagnostic_at(node, offset, severity, "odd-byte", reason, known)
