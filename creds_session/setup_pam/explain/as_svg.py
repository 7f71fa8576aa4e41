"""Draw an explanation as an SVG picture: a row for each rule, a column for each scenario.

A cell is coloured if the rule runs. The picture needs nothing else: no style sheet, no script, no
font. Its background is white, and its text is ASCII.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from creds_session.pam.syntax.terms import ManagementGroup, Pass
from creds_session.setup_pam.explain.as_text import OF_OTHER, assumption_lines, summary, title
from creds_session.setup_pam.explain.explanation import (
    PASSES,
    Cell,
    Explanation,
    Tone,
    TreeLine,
    numbers,
    tree_lines,
)
from creds_session.setup_pam.explain.scenarios import Scenario

FONT = "ui-monospace, 'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace"
CHARACTER = 7.3  # width at 12 px
ROW, INDENT, MARGIN = 20, 16, 16
LONGEST = 72  # characters of a rule
FILL = {
    Tone.GOOD: ("#d5efdc", "#2e7d4f", "#14432a"),
    Tone.NEUTRAL: ("#dce9fa", "#4a7ab8", "#1d3b63"),
    Tone.RENEW: ("#fdf0c8", "#a37b12", "#5c4508"),
    Tone.BAD: ("#fadad6", "#b3372b", "#6e1a12"),
    Tone.SKIPPED: ("#ffffff", "#b0b7c0", "#69727d"),
}
"""The colours of a cell: background, border and letters."""
_Cells = dict[Pass, dict[Scenario, dict[int, Cell]]]


@dataclass
class _Canvas:
    """A picture that is drawn from top to bottom."""

    label: float
    names: float
    columns: dict[Scenario, tuple[float, float]]
    width: float
    y: float = MARGIN

    def __post_init__(self) -> None:
        self.parts: list[str] = []

    def text(self, x: float, text: str, *, fill: str = "#1c232b", more: str = "") -> None:
        """Write text in the row that begins at y; several blanks in a row are kept."""
        text = escape(text).replace("  ", "\N{NO-BREAK SPACE}" * 2)
        self.parts.append(
            f'<text x="{x:.0f}" y="{self.y + 14:.0f}" fill="{fill}"{more}>{text}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """Draw a thin line."""
        self.parts.append(
            f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="#b0b7c0"/>'
        )

    def box(self, x: float, width: float, cell: Cell) -> None:
        """Draw a cell; its title explains it."""
        if cell.tone is Tone.ABSENT:
            self.text(x + 6, cell.text or "\N{MIDDLE DOT}", fill="#8a929c")
            return
        ground, border, letters = FILL[cell.tone]
        dash = ' stroke-dasharray="3 2"' if cell.tone is Tone.SKIPPED else ""
        self.parts.append(
            f"<g><title>{escape(cell.reason or cell.text)}</title>"
            f'<rect x="{x:.0f}" y="{self.y + 1:.0f}" width="{width:.0f}" height="{ROW - 3}"'
            f' rx="3" fill="{ground}" stroke="{border}"{dash}/>'
        )
        self.text(x + 6, cell.text, fill=letters)
        self.parts.append("</g>")


def explanation_svg(shown: Explanation) -> str:
    """Return the picture as text."""
    canvas = _canvas(shown)
    _head(canvas, shown)
    for group in PASSES:
        _group(canvas, shown, group)
    _legend(canvas)
    _notes(canvas, shown)
    height = canvas.y + MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{canvas.width:.0f}"'
        f' height="{height:.0f}" viewBox="0 0 {canvas.width:.0f} {height:.0f}" role="img">\n'
        f"<title>{escape(title(shown))}</title>\n"
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f'<g font-family="{FONT}" font-size="12">\n'
    )
    picture = head + "\n".join(canvas.parts) + "\n</g>\n</svg>\n"
    return picture.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _canvas(shown: Explanation) -> _Canvas:
    """Measure the columns: labels by the longest rule, scenarios by their longest cell."""
    label = max(
        [len(_label(line)) * CHARACTER + len(line.guides) * INDENT for line in _all_lines(shown)]
        or [200]
    )
    names = MARGIN + 30 + label + 16
    columns, x = {}, names + 13 * CHARACTER
    for scenario in shown.scenarios:
        columns[scenario] = x, _longest(shown, scenario) * CHARACTER + 12
        x += columns[scenario][1] + 8
    notes = max(len(line) for line in [*assumption_lines(shown), *_summaries(shown)])
    legend = sum(len(tone.value) * CHARACTER + 28 for tone in Tone)
    width = max(x, MARGIN + notes * CHARACTER, MARGIN + legend, len(title(shown)) * 10)
    return _Canvas(MARGIN + 30, names, columns, width + MARGIN)


def _all_lines(shown: Explanation) -> list[TreeLine]:
    return [line for group in PASSES for line in tree_lines(shown.stacks.of(group))]


def _longest(shown: Explanation, scenario: Scenario) -> int:
    passes = [pass_ for group in PASSES.values() for pass_ in group]
    cells = [cell for pass_ in passes for cell in shown.cells(scenario, pass_).values()]
    results = [shown.result(scenario, pass_) for pass_ in passes]
    return max(len(scenario.value), *(len(cell.text) for cell in [*cells, *results]))


def _label(line: TreeLine) -> str:
    """Shorten a rule that is too long: first its control, because the module must stay."""
    text = f"{line.place}  {line.text}"
    if len(text) > LONGEST:
        text = re.sub(r"\[([^]]{16})[^]]{2,}\]", "[\\1\N{HORIZONTAL ELLIPSIS}]", text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _summaries(shown: Explanation) -> list[str]:
    width = max(len(scenario.value) for scenario in shown.scenarios)
    return [
        f"{scenario.value:<{width}}  {summary(shown, scenario)}" for scenario in shown.scenarios
    ]


def _head(canvas: _Canvas, shown: Explanation) -> None:
    canvas.text(MARGIN, title(shown), more=' font-size="15" font-weight="bold"')
    canvas.y += ROW + 8
    for line in _summaries(shown):
        canvas.text(MARGIN, line)
        canvas.y += ROW - 2


def _group(canvas: _Canvas, shown: Explanation, group: ManagementGroup) -> None:
    """Draw a heading with the scenarios, the result of each pass, and the rules."""
    stack = shown.stacks.of(group)
    canvas.y += 14
    canvas.parts.append(
        f'<rect x="{MARGIN}" y="{canvas.y:.0f}" width="{canvas.width - 2 * MARGIN:.0f}"'
        f' height="{ROW}" fill="#e9edf1"/>'
    )
    bold = ' font-weight="bold"'
    origin = OF_OTHER if stack.is_other else ""
    canvas.text(MARGIN + 6, group.value + origin, more=bold)
    for scenario, (x, _) in canvas.columns.items():
        canvas.text(x + 6, scenario.value, more=bold)
    canvas.y += ROW + 3
    for pass_ in PASSES[group]:
        canvas.text(canvas.names, pass_.value, more=bold)
        for scenario, (x, width) in canvas.columns.items():
            canvas.box(x, width, shown.result(scenario, pass_))
        canvas.y += ROW
    canvas.line(MARGIN, canvas.y + 1, canvas.width - MARGIN, canvas.y + 1)
    canvas.y += 4
    cells = {
        pass_: {scenario: shown.cells(scenario, pass_) for scenario in shown.scenarios}
        for pass_ in PASSES[group]
    }
    number_of = numbers(stack)
    for line in tree_lines(stack):
        if line.position is None:
            _tree(canvas, line, ROW)
            canvas.y += ROW
        else:
            _rule(canvas, cells, line, number_of[line.position])


def _rule(canvas: _Canvas, cells: _Cells, line: TreeLine, number: int) -> None:
    """Draw a rule, and for each scenario what happened to the rule in each pass."""
    _tree(canvas, line, ROW * len(cells))
    bold = ' font-weight="bold" text-anchor="end"'
    canvas.text(MARGIN + 22, str(number), more=bold)
    for pass_, of_scenario in cells.items():
        canvas.text(canvas.names, pass_.value, fill="#8a929c")
        for scenario, (x, width) in canvas.columns.items():
            canvas.box(x, width, of_scenario[scenario][line.position or 0])
        canvas.y += ROW


def _tree(canvas: _Canvas, line: TreeLine, height: float) -> None:
    x = canvas.label
    for depth, more in enumerate(line.guides):
        x = canvas.label + depth * INDENT + 4
        is_own = depth == len(line.guides) - 1
        if more or is_own:
            canvas.line(x, canvas.y, x, canvas.y + (height if more else ROW / 2))
    canvas.line(x, canvas.y + ROW / 2, x + 8, canvas.y + ROW / 2)
    canvas.parts.append(f"<g><title>{escape(f'{line.place}  {line.text}')}</title>")
    is_rule = line.position is not None
    canvas.text(x + 12, _label(line), fill="#1c232b" if is_rule else "#69727d")
    canvas.parts.append("</g>")


def _legend(canvas: _Canvas) -> None:
    canvas.y += 14
    x: float = MARGIN
    for tone in FILL:
        width = len(tone.value) * CHARACTER + 16
        canvas.box(x, width, Cell(tone, tone.value))
        x += width + 12
    canvas.text(x, "\N{MIDDLE DOT} not called", fill="#69727d")
    canvas.y += ROW + 8


def _notes(canvas: _Canvas, shown: Explanation) -> None:
    canvas.text(MARGIN, "what the modules are assumed to return", more=' font-weight="bold"')
    canvas.y += ROW
    for line in assumption_lines(shown):
        canvas.text(MARGIN + 14, line.strip(), fill="#414b56")
        canvas.y += ROW - 2
