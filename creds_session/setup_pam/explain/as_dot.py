"""Write an explanation for Graphviz: a cluster for each pass, and an edge for each step."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from creds_session.pam.syntax.terms import Pass
from creds_session.setup_pam.explain.as_text import assumption_lines, title
from creds_session.setup_pam.explain.explanation import PASSES, Explanation, numbers
from creds_session.setup_pam.explain.scenarios import Scenario
from creds_session.setup_pam.explain.simulation_report import module_text, place, returned_text
from creds_session.setup_pam.explain.trace import effect, fates

COLOURS = {
    Scenario.PASSWORD: "#0072b2",
    Scenario.WRONG_PASSWORD: "#d55e00",
    Scenario.KEY: "#009e73",
    Scenario.EXPIRED: "#cc79a7",
    Scenario.CHANGE: "#0072b2",
}
"""Okabe and Ito's colours, which colour-blind people can distinguish."""

HEAD = """\
  rankdir=TB; labelloc=t; fontname="sans-serif"; fontsize=18; nodesep=0.5;
  node [shape=box, style="filled", fillcolor="#ffffff", fontname="monospace", fontsize=11];
  edge [fontname="sans-serif", fontsize=10, penwidth=2];
"""
NEWLINE, LEFT = "\\n", "\\l"  # in a label: a new line after centred text, after text to the left
_Edge = tuple[str, str, str]


def explanation_dot(shown: Explanation) -> str:
    """Return the graph as text, in ASCII."""
    lines = [f"digraph pam {{\n  label={_quoted(title(shown))};\n{HEAD}", _legend(shown)]
    for passes in PASSES.values():
        for pass_ in passes:
            lines += _cluster(shown, pass_)
    notes = "\n".join(["what the modules are assumed to return", *assumption_lines(shown), ""])
    lines.append(f"  notes [shape=note, label={_quoted(notes).replace(NEWLINE, LEFT)}];\n}}\n")
    return "\n".join(lines).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _quoted(text: str) -> str:
    r"""Quote a label: Graphviz reads \n and entities in it (its docs: escString)."""
    escaped = escape(text, quote=False).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n") + '"'


def _legend(shown: Explanation) -> str:
    rows = "".join(map(_legend_row, shown.scenarios))
    table = f'<table border="0" cellborder="0" cellspacing="2">{rows}</table>'
    return f'  legend [shape=plain, style="", label=<{table}>];'


def _legend_row(scenario: Scenario) -> str:
    name = f"<b>{escape(scenario.value)}</b>"
    return f'<tr><td><font color="{COLOURS[scenario]}">{name}</font></td></tr>'


def _cluster(shown: Explanation, pass_: Pass) -> Iterator[str]:
    """Yield the statements of one pass; there are none if no scenario has this pass."""
    edges: dict[_Edge, list[Scenario]] = {}
    for scenario in shown.scenarios:
        for edge in _edges(shown, scenario, pass_):
            edges.setdefault(edge, []).append(scenario)
    if not edges:
        return
    stack = shown.stacks.of(pass_.group)
    name = pass_.value
    yield f'  subgraph cluster_{name} {{\n    label={_quoted(name)}; color="#b0b7c0";'
    yield f'    "{name}:begin" [shape=circle, label="", width=0.2, fillcolor="#444444"];'
    before = f"{name}:begin"
    touched = {node for start, end, _ in edges for node in (start, end)}
    for index, number in numbers(stack).items():
        handler = stack.handlers[index]
        node = f"{name}:{number}"
        label = _quoted(f"{number}  {place(handler)}\n{module_text(handler)}")
        style = "" if node in touched else ', style="dashed", fontcolor="#6b7480"'
        yield f'    "{node}" [label={label}{style}];'
        yield f'    "{before}" -> "{node}" [style=invis, weight=9];'
        before = node
    for node in dict.fromkeys(end for _, end, _ in edges if end.startswith(f"{name}=")):
        yield f'    "{node}" [shape=oval, label={_quoted(node.partition("=")[2])}];'
    for edge, scenarios in edges.items():
        yield f"    {_edge(edge, scenarios)}"
    yield "  }"


def _edge(edge: _Edge, scenarios: list[Scenario]) -> str:
    colours = ":".join(COLOURS[scenario] for scenario in scenarios)
    label = f", label={_quoted(edge[2])}" if edge[2] else ""
    return f'"{edge[0]}" -> "{edge[1]}" [color="{colours}"{label}];'


def _edges(shown: Explanation, scenario: Scenario, pass_: Pass) -> Iterator[_Edge]:
    """Yield the edges of one pass: from rule to rule, and then to the result."""
    taken, result = shown.call(scenario, pass_), shown.result(scenario, pass_)
    if taken.verdict is None or result.reason:
        return
    stack = shown.stacks.of(taken.call.group)
    found = fates(stack, taken.verdict, pass_)
    here, label = f"{pass_.value}:begin", ""
    for index, number in numbers(stack).items():
        entry = found[index].entry
        if entry is not None:
            node = f"{pass_.value}:{number}"
            yield here, node, label
            here, label = node, f"{returned_text(entry)}: {effect(entry)}"
    yield here, f"{pass_.value}={result.text}", label
