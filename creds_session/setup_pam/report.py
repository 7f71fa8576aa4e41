"""Write what ``creds-setup-pam`` prints: verdicts and the diff."""

from __future__ import annotations

from collections.abc import Iterable

from creds_session.pam.keyring_rules.group_verdict import GroupVerdict
from creds_session.pam.keyring_rules.plan import Edit, Plan
from creds_session.text import printable, printable_lines

ABSENT = "/dev/null"


def verdict_lines(verdicts: Iterable[GroupVerdict]) -> list[str]:
    """Return a line for each management group, with the counterexample if there is one."""
    return [f"{verdict.group.value:<9} {printable_lines(_text(verdict))}" for verdict in verdicts]


def _text(verdict: GroupVerdict) -> str:
    notes = "".join(f"; {note}" for note in verdict.notes)
    if verdict.problem:
        return verdict.problem + (f"\n{verdict.notes[0]}" if verdict.applies and notes else "")
    if not verdict.applies:
        return f"not needed: {'; '.join(verdict.notes) or 'no module here asks for a password'}"
    return f"present, reached, proved safe{notes}"


def alarm_lines(service: str, alarm: str, remedy: str) -> list[str]:
    """Return the warning about a service that lets a wrong password in, with the remedy."""
    title, _, steps = alarm.partition("\n")
    return [
        f"WARNING: {service} lets people in with a WRONG PASSWORD",
        *printable_lines(f"{title}\n{steps}").split("\n"),
        f"  {printable(remedy)}; do this yourself while you are logged in",
    ]


def verdict_values(verdicts: Iterable[GroupVerdict]) -> list[dict[str, object]]:
    """Return the verdicts as values for JSON."""
    return [
        {
            "group": verdict.group.value,
            "applies": verdict.applies,
            "present": verdict.present,
            "reached": verdict.reached,
            "proved_safe": not verdict.problem or not verdict.present,
            "problem": verdict.problem,
            **_alarm_values(verdict),
            **({"notes": list(verdict.notes)} if verdict.notes else {}),
        }
        for verdict in verdicts
    ]


def _alarm_values(verdict: GroupVerdict) -> dict[str, object]:
    if not verdict.alarm:
        return {}
    return {
        "lets_wrong_password_in": verdict.alarm,
        "wrong_password_remedy": verdict.alarm_remedy,
    }


def unified_diff(path: str, before: bytes | None, after: bytes) -> str:
    """Return the diff in the form of diff -u, with special characters escaped."""
    import difflib  # a check needs none

    shown = printable(path)
    lines = difflib.unified_diff(
        _lines(before or b""),
        _lines(after),
        fromfile=ABSENT if before is None else shown,
        tofile=shown,
        lineterm="",
    )
    return "".join(f"{printable_lines(line)}\n" for line in lines)


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8", "backslashreplace")
    lines = text.split("\n")
    if lines[-1] == "":
        return lines[:-1]
    return [*lines[:-1], lines[-1] + "\n\\ No newline at end of file"]


def reasons(planned: Plan) -> list[str]:
    """Return the reason for each edit, one line each."""
    lines = []
    if planned.edits and planned.path != planned.target:
        lines.append(
            f"{planned.target}: a copy of {planned.path}, which belongs to a package; libpam reads"
            " the copy instead"
        )
    lines += [
        f"{planned.target}:{edit.line}: {_what(edit)}: {edit.reason}" for edit in planned.edits
    ]
    return lines


def _what(edit: Edit) -> str:
    new = " / ".join(edit.new.decode(errors="replace").strip().splitlines())
    return f"{edit.old.decode(errors='replace')} becomes {new}" if edit.old else new
