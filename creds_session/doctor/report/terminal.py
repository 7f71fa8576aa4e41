"""Print the diagnosis for a person: the verdict, the map, what is wrong, and the remedies.

At a terminal, rich adds colours and wraps the lines. It is imported only then, because importing it
takes as long as everything else that the doctor does, and a pipe needs the lines as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.login_log import log_lines
from creds_session.doctor.report.session_map import Node, Tone, session_map, tree_lines
from creds_session.doctor.report.verdict import (
    commands,
    findings,
    has_fix,
    tally,
    verdict,
)
from creds_session.facts.login_log import Alarm
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult, Finding, Outcome, Severity
from creds_session.records import NamedTuple
from creds_session.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Union

    from rich.tree import Tree

    Titles = Optional[Mapping[str, str]]
    Part = Union["Row", Node]

LABEL = 9
NARROWEST, WIDEST = 40, 110
SIGNS = {True: "\N{OPEN LOCK} ", False: "\N{LOCK} ", None: ""}
STYLES = {
    "good": "bold green",
    "bad": "bold red",
    "warning": "bold yellow",
    "note": "bold blue",
    "command": "bold",
    "faint": "dim",
    "": "",
}
SEVERITIES = {Severity.ERROR: "bad", Severity.WARNING: "warning", Severity.NOTE: "note"}
TONES = {Tone.GOOD: "green", Tone.BAD: "red", Tone.PLAIN: ""}
WORDS = {
    Outcome.PASSED: "no",
    Outcome.FOUND: "yes",
    Outcome.SKIPPED: "-",
    Outcome.CRASHED: "crashed",
}


class Row(NamedTuple):
    """A line and the label before it; lines that people search for or copy are not wrapped."""

    text: str = ""
    label: str = ""
    style: str = ""
    wraps: bool = True


def plain(
    diagnosis: Diagnosis,
    *,
    titles: Titles = None,
    ascii_only: bool = False,
) -> str:
    """Return the diagnosis as plain lines, for a file, a pipe or a simple terminal.

    ``titles`` are the titles of the checks by id; with them, each check is listed.
    """
    lines: list[str] = []
    for part in _parts(diagnosis, titles):
        if isinstance(part, Node):
            signs = {True: "", False: "", None: ""} if ascii_only else SIGNS
            tree = tree_lines(part, ascii_only=ascii_only)
            lines += [f"{guides}{signs[node.is_open]}{node.text}" for guides, node in tree]
        else:
            lines.append(f"{part.label}{part.text}")
    return "\n".join(lines)


def coloured(
    diagnosis: Diagnosis,
    width: int,
    *,
    titles: Titles = None,
    colour: bool = True,
) -> str:
    """Return the diagnosis for a terminal of this width, in columns."""
    import io

    from rich.console import Console  # see above
    from rich.text import Text

    width = max(min(width, WIDEST), NARROWEST)
    output = io.StringIO()
    console = Console(
        file=output,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        _environ={},
    )
    for part in _parts(diagnosis, titles):
        if isinstance(part, Node):
            console.print(_tree(part), highlight=False, emoji=False)
            continue
        text = Text(part.text, STYLES[part.style])
        wrapped = text.wrap(console, width - len(part.label)) if part.wraps else [text]
        for number, line in enumerate(wrapped or [text]):
            line.rstrip()
            label = part.label if number == 0 else " " * len(part.label)
            shown = Text().append(label, STYLES["faint"]).append_text(line)
            console.print(shown, soft_wrap=True)
    return output.getvalue().rstrip("\n")


def _tree(node: Node) -> Tree:
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(f"{SIGNS[node.is_open]}{node.text}", TONES[node.tone]), guide_style="dim")
    for child in node.children:
        tree.children.append(_tree(child))
    return tree


def _parts(diagnosis: Diagnosis, titles: Titles) -> Iterator[Part]:
    facts, results = diagnosis
    style = "good" if diagnosis.is_healthy else "bad"
    yield Row(printable(verdict(diagnosis)), "", style, wraps=False)
    yield Row()
    yield session_map(facts)
    found = findings(results)
    folded = [finding.id for finding in found if finding.is_moot and titles is None]
    for finding in found:
        if finding.id in folded:
            continue
        yield Row()
        title, *rest = _finding(finding)
        yield title
        if titles is not None or finding.severity is not Severity.NOTE:
            yield from rest
    yield from _folded(folded)
    yield from _crashes(results)
    yield Row()
    if titles is None:
        yield Row(printable(f"{tally(results)} (-v shows each)"), "", "faint")
    else:
        yield from _login_log(facts)
        yield from _checks(results, titles)


def _folded(names: list[str]) -> Iterator[Row]:
    """Yield one row for all notes that are only about logins, if nobody logs in."""
    if names:
        many = f"{len(names)} more notes are" if len(names) > 1 else "1 more note is"
        text = f"{many} only about logins, and nobody logs in here: {', '.join(names)}"
        yield from (Row(), Row(printable(f"note: {text}"), "", "note"))


def _crashes(results: tuple[CheckResult, ...]) -> Iterator[Row]:
    for result in results:
        if result.outcome is Outcome.CRASHED:
            text = printable(f"the check {result.check} crashed: {result.summary}")
            yield from (Row(), Row(text, "", "bad"))


def _finding(finding: Finding) -> Iterator[Row]:
    title = printable(f"{finding.severity.value}: {finding.title} [{finding.id}]")
    yield Row(title, "", SEVERITIES[finding.severity], wraps=False)
    if finding.cause:
        yield Row(printable(finding.cause), _label("cause"))
    for evidence in finding.evidence:
        for number, line in enumerate(evidence.split("\n")):
            yield Row(printable(line), _label("" if number else "seen"), wraps=False)
    if finding.remediation:
        fix = " (or: creds-doctor --fix)" if has_fix(finding) else ""
        yield Row(printable(f"{finding.remediation.text}{fix}"), _label("remedy"))
    for command in commands(finding):
        yield Row(printable(command), _label("") + "  ", "command", wraps=False)
    for other in finding.remediation.alternatives if finding.remediation else ():
        yield Row(printable(other.text), _label("or"))
        for line in other.lines:
            yield Row(printable(line), _label("") + "  ", "command", wraps=False)
    yield Row(printable(f"creds-doctor --explain {finding.id}"), _label("more"), wraps=False)


def _label(word: str) -> str:
    return f"  {word}".ljust(LABEL)


def _login_log(facts: Facts) -> Iterator[Row]:
    lines = log_lines(facts)
    if not lines:
        return
    yield Row("What the log says about the last login:")
    for line, meaning, alarm in lines:
        yield Row(line, "  ", "bad" if alarm is Alarm.TRUE else "", wraps=False)
        if meaning:
            yield Row(meaning, " " * LABEL, "faint")
    yield Row()


def _checks(results: tuple[CheckResult, ...], titles: Mapping[str, str]) -> Iterator[Row]:
    yield Row("What was checked, and whether it was found:")
    width = max([len(result.check) for result in results] or [0])
    for result in results:
        style = "bad" if result.outcome is Outcome.CRASHED else ""
        label = f"{WORDS[result.outcome]:<8} {result.check:<{width}}  "
        is_open = result.outcome in {Outcome.SKIPPED, Outcome.CRASHED}
        text = f"{titles.get(result.check, '')}{f' ({result.summary})' if is_open else ''}"
        yield Row(printable(text), printable(label), style)
