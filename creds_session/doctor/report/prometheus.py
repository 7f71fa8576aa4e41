r"""Print the diagnosis as metrics in Prometheus's text format, version 0.0.4.

The textfile collector of node_exporter reads the file, so no sample has its own time. A
label's value has ``\``, ``"`` and newlines escaped; the last line ends with a newline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.session_map import collections
from creds_session.doctor.report.verdict import findings
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.session import DaemonRole
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult, Outcome, Severity
from creds_session.records import NamedTuple
from creds_session.text import printable
from creds_session.version import __version__

PREFIX = "creds_session"
Labels = Mapping[str, str]


class Metric(NamedTuple):
    """One family of metrics: its name without the prefix, its help text, and its samples."""

    name: str
    help: str
    samples: list[tuple[Labels, float]]


def exposition(diagnosis: Diagnosis) -> str:
    """Return the metrics of one session, each of them with its user."""
    facts, results = diagnosis
    user = {"user": facts.session.user, "uid": str(facts.session.uid)}
    metrics = [*_verdict(diagnosis), *_findings(results), *_session(facts)]
    return "".join(_render(metric, user) for metric in metrics)


def _verdict(diagnosis: Diagnosis) -> list[Metric]:
    outcomes = Counter(result.outcome for result in diagnosis.results)
    return [
        Metric("info", "The version of creds-session.", [({"version": __version__}, 1)]),
        Metric(
            "healthy",
            "Whether a secret can be read in this session and no finding is an error.",
            [({}, int(diagnosis.is_healthy))],
        ),
        Metric("checked_timestamp_seconds", "When the doctor looked.", [({}, diagnosis.facts.now)]),
        Metric(
            "checks",
            "How many checks had which outcome.",
            [({"outcome": member.value}, outcomes[member]) for member in Outcome],
        ),
    ]


def _findings(results: tuple[CheckResult, ...]) -> list[Metric]:
    found = findings(results)
    severities = Counter(finding.severity for finding in found)
    ids = Counter((finding.id, finding.severity.value) for finding in found)
    named: list[tuple[Labels, float]] = [
        ({"id": name, "severity": severity}, number) for (name, severity), number in ids.items()
    ]
    return [
        Metric(
            "findings",
            "How many findings there are of each severity.",
            [({"severity": member.value}, severities[member]) for member in Severity],
        ),
        Metric("finding", "A finding that there is, by its id.", named),
    ]


def _session(facts: Facts) -> list[Metric]:
    roles = Counter(daemon.role for daemon in facts.daemons)
    keyrings = dict(collections(facts))
    return [
        Metric(
            "daemons",
            "How many gnome-keyring-daemon processes of this user run.",
            [({"role": member.value}, roles[member]) for member in DaemonRole],
        ),
        Metric(
            "collection_unlocked",
            "Whether a keyring is served and unlocked.",
            [
                ({"collection": name}, int(state is CollectionState.UNLOCKED))
                for name, state in keyrings.items()
            ],
        ),
    ]


def _render(metric: Metric, user: Labels) -> str:
    """Return a family as text, or nothing if it has no samples."""
    if not metric.samples:
        return ""
    name = f"{PREFIX}_{metric.name}"
    lines = [f"# HELP {name} {metric.help}", f"# TYPE {name} gauge"]
    for labels, value in metric.samples:
        pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in {**user, **labels}.items())
        lines.append(f"{name}{{{pairs}}} {value:.15g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Return a label's value: printable, so that no newline is left, and escaped."""
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
