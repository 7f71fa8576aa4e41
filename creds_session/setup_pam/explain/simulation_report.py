"""Write what ``creds-setup-pam simulate`` prints: one call, rule by rule."""

from __future__ import annotations

from collections.abc import Sequence

from creds_session.pam.stack.dispatch import TraceEntry, Verdict
from creds_session.pam.stack.handlers import Handler, Stack
from creds_session.pam.syntax.terms import return_word
from creds_session.setup_pam.explain.trace import Fate, effect, fates, how_skipped
from creds_session.text import printable


def simulation_values(service: str, verdict: Verdict) -> dict[str, object]:
    """Return the result and the trace as values for JSON."""
    return {
        "service": service,
        "call": verdict.call.value,
        "result": return_word(verdict.result),
        "code": verdict.result,
        "trace": [_entry(entry) for entry in verdict.trace],
    }


def _entry(entry: TraceEntry) -> dict[str, object]:
    return {
        "file": entry.handler.origin.file,
        "line": entry.handler.origin.line,
        "type": entry.handler.group.value,
        "module": entry.handler.module_path,
        "arguments": list(entry.handler.arguments),
        "returned": return_word(entry.returned),
        "action": entry.action.value,
    }


def simulation_lines(stack: Stack, verdict: Verdict) -> list[str]:
    """Return a table with a line for each rule, skipped ones too, and the result of the call."""
    lines = []
    for pass_ in verdict.call.passes:
        found = fates(stack, verdict, pass_)
        rows = [_row(fate, found) for fate in found if not fate.handler.is_substack]
        lines += [pass_.value, *_table([HEADINGS, *rows]), ""]
    result = return_word(verdict.result)
    return [*lines, f"{verdict.call.value} of {stack.service} returns {result} ({verdict.result})"]


HEADINGS = ("rule", "module", "returned", "action")


def _row(fate: Fate, found: Sequence[Fate]) -> tuple[str, ...]:
    entry = fate.entry
    rule = (place(fate.handler), module_text(fate.handler))
    if entry is not None:
        return (*rule, returned_text(entry), effect(entry))
    if fate.skipped_by is None:
        return (*rule, "-", "not called")
    by = found[fate.skipped_by].entry
    how = how_skipped(by) if by is not None else ""
    return (*rule, "-", f"skipped: {place(found[fate.skipped_by].handler)} {how}")


def returned_text(entry: TraceEntry) -> str:
    """Return what a module returned, and in a frozen chain the value that libpam used instead."""
    returned = return_word(entry.returned)
    earlier = entry.pass_.earlier
    if entry.deciding == entry.returned or earlier is None:
        return returned
    return f"{returned} (libpam uses {earlier.value}'s {return_word(entry.deciding)})"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def place(handler: Handler) -> str:
    """Return the name of a rule's file, without directories, and its line."""
    return printable(f"{handler.origin.file.rpartition('/')[2]}:{handler.origin.line}")


def module_text(handler: Handler) -> str:
    """Return a rule's module, or the text for a rule without one."""
    return printable(handler.module_path) or "(a malformed rule)"
