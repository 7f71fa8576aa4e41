"""Write an explanation as text: the tree of each group, and a column for each scenario."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from creds_session.pam.syntax.terms import ManagementGroup, Pass, return_word
from creds_session.setup_pam.explain.explanation import (
    PASSES,
    Cell,
    Explanation,
    Tone,
    TreeLine,
    dialect_text,
    numbers,
    tree_lines,
)
from creds_session.setup_pam.explain.narrow_text import fitted, tables
from creds_session.setup_pam.explain.scenarios import Assumption, Scenario
from creds_session.setup_pam.explain.simulation_report import module_text
from creds_session.text import printable

COLOURS = {
    Tone.GOOD: "32",
    Tone.RENEW: "33",
    Tone.BAD: "31",
    Tone.SKIPPED: "2",
    Tone.ABSENT: "2",
}
ASCII = str.maketrans({"├": "|", "└": "`", "─": "-", "│": "|", "→": ">"})
DEFAULT = "every other module: success"
OF_OTHER = "  (no rules of its own: those of the service other)"


class Style(NamedTuple):
    """How to write: with box characters or ASCII only, with or without colours.

    ``width`` is the number of columns of the terminal, or 0 if lines may have any length.
    """

    is_ascii: bool = False
    is_coloured: bool = False
    width: int = 0

    def paint(self, tone: Tone, text: str) -> str:
        """Return a text in the colour of its tone."""
        code = COLOURS.get(tone)
        return f"\033[{code}m{text}\033[0m" if self.is_coloured and code and text else text

    def fitted(self, lines: Iterable[str]) -> list[str]:
        """Break the lines that are wider than the terminal."""
        return [part for line in lines for part in fitted(line, self.width)]

    def bold(self, text: str) -> str:
        """Return a heading in bold letters."""
        return f"\033[1m{text}\033[0m" if self.is_coloured else text


def explanation_lines(shown: Explanation, style: Style | None = None) -> list[str]:
    """Return the whole explanation as lines of text."""
    style = style or Style()
    lines = [style.bold(line) for line in style.fitted([title(shown)])]
    lines += ["", *style.fitted(summary_lines(shown))]
    for group in PASSES:
        lines += ["", *_group(shown, group, style)]
    lines += [
        "",
        style.bold("what the modules are assumed to return"),
        *style.fitted(assumption_lines(shown)),
    ]
    return [to_ascii(line) if style.is_ascii else line for line in lines]


def title(shown: Explanation) -> str:
    """Return a title that names the service and the libpam that reads it."""
    dialect = dialect_text(shown.stacks.auth.dialect)
    return printable(f"PAM service {shown.service}, as {dialect} runs it")


def summary_lines(shown: Explanation) -> list[str]:
    """Return a line for each scenario: the calls in order, and what they return."""
    width = max(len(scenario.value) for scenario in shown.scenarios)
    return [
        f"{scenario.value:<{width}}  {summary(shown, scenario)}" for scenario in shown.scenarios
    ]


def summary(shown: Explanation, scenario: Scenario) -> str:
    """Return the calls of one scenario in order, and what they return."""
    made = [taken for taken in shown.scenarios[scenario] if taken.verdict is not None]
    return ", ".join(f"{t.call.value} {return_word(t.verdict.result)}" for t in made if t.verdict)


def to_ascii(line: str) -> str:
    """Replace characters that are not ASCII: lines of the tree, arrows, letters."""
    return line.translate(ASCII).encode("ascii", "backslashreplace").decode("ascii")


def _group(shown: Explanation, group: ManagementGroup, style: Style) -> Iterator[str]:
    stack = shown.stacks.of(group)
    yield style.bold(group.value) + (OF_OTHER if stack.is_other else "")
    number_of = numbers(stack)
    for line in tree_lines(stack):
        number = "" if line.position is None else number_of[line.position]
        yield from style.fitted([f"{number:>3} {branches(line)}{line.place}  {line.text}"])
    yield ""
    yield from _table(shown, group, style)


def branches(line: TreeLine) -> str:
    """Return the lines of the tree that lead to a rule."""
    *above, last = line.guides
    return "".join("│  " if more else "   " for more in above) + ("├─ " if last else "└─ ")


def _table(shown: Explanation, group: ManagementGroup, style: Style) -> Iterator[str]:
    """Yield a line for each call and each rule, with a column for each scenario."""
    heads = [Cell(Tone.NEUTRAL, scenario.value) for scenario in shown.scenarios]
    rows: list[tuple[str, list[Cell]]] = [("", heads)]
    for pass_ in PASSES[group]:
        rows += _pass_rows(shown, pass_)
    first = max(len(name) for name, _ in rows)
    widths = [max(len(cells[n].text) for _, cells in rows) for n in range(len(heads))]
    if style.width and first + sum(width + 2 for width in widths) > style.width:
        yield from tables(rows, style.width, style.paint)
        return
    for name, cells in rows:
        columns = [
            style.paint(cell.tone, cell.text.ljust(width)) for cell, width in zip(cells, widths)
        ]
        yield "  ".join([name.ljust(first), *columns]).rstrip()


def _pass_rows(shown: Explanation, pass_: Pass) -> list[tuple[str, list[Cell]]]:
    stack = shown.stacks.of(pass_.group)
    results = [shown.result(scenario, pass_) for scenario in shown.scenarios]
    rows = [(_pass_name(pass_), results)]
    if all(cell.tone is Tone.ABSENT for cell in results):
        return rows
    columns = [shown.cells(scenario, pass_) for scenario in shown.scenarios]
    for index, number in numbers(stack).items():
        name = f"  {number:>2} {module_text(stack.handlers[index])}"
        rows.append((name, [column[index] for column in columns]))
    return rows


def _pass_name(pass_: Pass) -> str:
    return pass_.value if pass_.call.value == pass_.value else f"chauthtok, {pass_.value}"


def assumption_lines(shown: Explanation) -> list[str]:
    """Return what modules are assumed to return in these scenarios, one line each."""
    return [
        *(f"  {_assumption(shown, assumption)}" for assumption in shown.assumptions()),
        f"  {DEFAULT}",
    ]


def _assumption(shown: Explanation, assumption: Assumption) -> str:
    """Return one assumption, with those of its modules that the service has."""
    here = {h.module for group in PASSES for h in shown.stacks.of(group).handlers}
    modules = ", ".join(module for module in assumption.modules if module in here)
    calls = ", ".join(pass_.value for pass_ in assumption.passes)
    where = "" if len(assumption.passes) == len(Pass) else f" in {calls}"
    return f"{modules}{where}: {assumption.returns} ({assumption.reason})"
