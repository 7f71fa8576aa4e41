"""Explain what libpam does with a line that it cannot read as a rule.

Source: libpam/pam_handlers.c:_pam_parse_conf_file.
"""

from __future__ import annotations

from typing import Final

from creds_session.findings import Severity
from creds_session.pam.syntax.controls import SimpleControl
from creds_session.pam.syntax.diagnostic import Diagnostic, diagnostic_at
from creds_session.pam.syntax.lines import LINE_LIMIT
from creds_session.pam.syntax.nodes import Consequence, Malformed, Mistake
from creds_session.pam.syntax.spelling import suggestion
from creds_session.pam.syntax.terms import Action, ManagementGroup, ReturnValue

_FORCED: Final = ReturnValue.PERM_DENIED
_TYPES: Final = tuple(group.value for group in ManagementGroup)
_IDS: Final = {
    Consequence.ABORT: "unfinished-line",
    Consequence.CRASH: "include-without-name",
    Consequence.HANG: "endless-line",
}


def diagnose_malformed(node: Malformed) -> Diagnostic:
    """Return what libpam does with a line that it cannot read."""
    reason, severity = node.reason, Severity.ERROR
    if node.consequence is Consequence.MUST_FAIL:
        severity, effect = _effect(node)
        reason += suggestion(_word_at(node), _TYPES)
        reason += f": {effect}"
    elif node.consequence is Consequence.ABORT:
        reason += ": libpam refuses the file, and therefore the service"
    else:
        verb = "crashes" if node.consequence is Consequence.CRASH else "hangs"
        reason += f": a program that calls libpam {verb}"
    mistake = None
    if node.start_column > 1:  # the line was too long, and this is the rest of it
        mistake = Mistake.LONG_LINE
        is_one = node.start_column > LINE_LIMIT
        which = "the line is" if is_one else "the line and the lines that it continues are together"
        reason = (
            f"{which} longer than {LINE_LIMIT:,} bytes; this libpam cuts it there and reads the"
            f" rest as another line: {reason}"
        )
    id_ = _IDS.get(node.consequence, _must_fail_id(node))
    return diagnostic_at(node, node.offset, severity, id_, reason, mistake)


def _must_fail_id(node: Malformed) -> str:
    """Return the id of a line that becomes a must-fail rule."""
    if node.type is None:
        return "illegal-type"
    return "missing-control" if node.control is None else "missing-module"


def _word_at(node: Malformed) -> bytes:
    """Return the word that stands for the type, or "" if the type is right."""
    if node.type is not None:
        return b""
    words = node.source[node.offset :].split(None, 1)
    return words[0].lstrip(b"-[") if words else b""


def _effect(node: Malformed) -> tuple[Severity, str]:
    """Return what a line that becomes a must-fail rule does, and how bad that is."""
    group = node.type.value if node.type else ManagementGroup.AUTH.value
    if node.control is not None and node.control.is_include and node.module_path is not None:
        word = node.control.value if isinstance(node.control, SimpleControl) else ""
        return Severity.WARNING, f"libpam reads it as {group} {word}"
    if node.control is not None and node.control.actions[_FORCED] is Action.IGNORE:
        return Severity.WARNING, f"it fails in {group}, and its control ignores that"
    return Severity.ERROR, f"{group} fails"
