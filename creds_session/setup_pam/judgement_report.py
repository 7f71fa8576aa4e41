"""Write what the judge of a change found, as lines and as values for JSON."""

from __future__ import annotations

from collections.abc import Iterator

from creds_session.pam.changes.findings import Finding, Step
from creds_session.pam.changes.services import Report
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import return_word
from creds_session.text import printable_lines


def judgement_lines(report: Report) -> Iterator[str]:
    """Yield the findings, then the notes, and at last how much was compared."""
    for services, found in report.findings:
        yield printable_lines(f"{', '.join(services)}: {found}")
    for services, note in report.notes:
        yield printable_lines(f"note: {', '.join(services)}: {note}")
    count = len(report.services)
    what = f"{len(report.findings)} found" if report.findings else "nothing found"
    yield f"{count} {'service' if count == 1 else 'services'} compared: {what}"


def judgement_values(report: Report) -> dict[str, object]:
    """Return the report as values for JSON."""
    return {
        "found": bool(report.findings),
        "services": list(report.services),
        "findings": [_finding(services, found) for services, found in report.findings],
        "notes": [
            {
                "services": list(services),
                "topic": note.topic.name.lower(),
                "text": str(note),
                "steps": [_returned(step) for step in note.steps],
            }
            for services, note in report.notes
        ],
    }


def _finding(services: tuple[str, ...], found: Finding) -> dict[str, object]:
    results = found.results or (None, None)
    return {
        "services": list(services),
        "kind": found.kind.name.lower(),
        "pass": found.pass_.value if found.pass_ else None,
        "text": str(found),
        "result_before": _word(results[0]),
        "result_after": _word(results[1]),
        "rule": _step(found.subject) if found.subject else None,
        "steps": [_returned(step) for step in found.steps],
    }


def _returned(step: Step) -> dict[str, object]:
    return {
        **_step(step),
        "returned_before": _word(step.returned_before),
        "returned_after": _word(step.returned_after),
    }


def _step(step: Step) -> dict[str, object]:
    rule = step.after or step.before
    return {
        "module": step.module_path,
        "arguments": list(rule.arguments) if rule else [],
        "before": _place(step.before),
        "after": _place(step.after),
    }


def _place(handler: Handler | None) -> str | None:
    return handler.place if handler else None


def _word(value: int | None) -> str | None:
    return None if value is None else return_word(value)
