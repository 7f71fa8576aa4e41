"""What the files in scripts/monitoring ask of Prometheus: metrics, and labels of each metric.

The expressions are read only as far as this project writes them: selectors in braces, ``by (…)``,
and the names in legends and tables. promtool judges the syntax (tests/machine/doctor).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).parents[1]
MONITORING = CHECKOUT / "scripts/monitoring"
OF_PROMETHEUS = frozenset({"instance", "job", "__name__"})
"""The labels that Prometheus itself adds to each sample."""
OF_GRAFANA = frozenset({"Time", "Value"})
"""The columns of a table that are no labels."""
VARIABLES = {"$instance": ".*", "$user": ".*"}


class Asked(NamedTuple):
    """A metric, and the labels that somebody expects of it."""

    metric: str
    labels: frozenset[str]


def dashboard() -> dict[str, Any]:
    """Return the dashboard of Grafana."""
    found = json.loads((MONITORING / "grafana-dashboard.json").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def targets() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each query of the dashboard, with its panel."""
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield panel, target


def rules() -> list[str]:
    """Return the expressions of the alerts."""
    text = (MONITORING / "prometheus-rules.yml").read_text("utf-8")
    return re.findall(r"^ +expr: (.+)$", text, re.MULTILINE)


def expressions() -> list[str]:
    """Return all expressions, with every variable replaced, as Prometheus gets them."""
    found = [target["expr"] for _, target in targets()] + rules()
    for name, value in VARIABLES.items():
        found = [expression.replace(name, value) for expression in found]
    return found


def asked() -> Iterator[Asked]:
    """Yield everything that the dashboard and the alerts ask for."""
    for panel, target in targets():
        names = set(re.findall(r"\{\{\s*([^}]*?)\s*\}\}", target["legendFormat"]))
        for transformation in panel.get("transformations", ()):
            options = transformation["options"]
            names |= {*options["renameByName"], *options["excludeByName"]}
        yield from _of(target["expr"], names - OF_GRAFANA)
    for expression in rules():
        yield from _of(expression, set())
    annotations = (MONITORING / "prometheus-rules.yml").read_text("utf-8")
    for label in re.findall(r"\$labels\.(\w+)", annotations):
        yield Asked("creds_session_healthy", frozenset({label}))
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            assert variable["query"]["query"] == variable["definition"]
            found = re.fullmatch(r"label_values\((\w+)(\{.*\})?, (\w+)\)", variable["definition"])
            assert found, variable["definition"]
            yield from _of(f"{found[1]}{found[2] or ''}", {found[3]})


def _of(expression: str, more: set[str]) -> Iterator[Asked]:
    """Yield each metric of an expression, with its own labels and with ``more``."""
    plain = re.sub(r'"[^"]*"', '""', expression)
    more = more | {
        name.strip()
        for names in re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", plain)
        for name in names.split(",")
    }
    metrics = re.findall(
        r"\b([a-z]\w*_\w+)\b(?:\{([^}]*)\})?", re.sub(r"\bby\s*\([^)]*\)", "", plain)
    )
    assert metrics, expression
    for metric, selectors in metrics:
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors))
        yield Asked(metric, frozenset(labels | more))
