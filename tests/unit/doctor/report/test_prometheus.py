from __future__ import annotations

from hypothesis import given
from prometheus_client.parser import text_string_to_metric_families

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.prometheus import exposition
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.session import DaemonRole
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult, Outcome
from creds_session.text import printable
from tests.unit import examples
from tests.unit.diagnoses import facts, quick, results
from tests.unit.doctor.report.test_verdict import ERROR, WARNING, result

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Samples:
    """Read it as Prometheus does; every sample must be another one."""
    samples = [
        (sample.name, frozenset(sample.labels.items()), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]
    told = {(name, labels): value for name, labels, value in samples}
    assert len(told) == len(samples)
    return told


def value(samples: Samples, name: str, **labels: str) -> float:
    labels = {"user": "alice", "uid": "1000", **labels}
    return samples[f"creds_session_{name}", frozenset(labels.items())]


def test_exposition_tells_verdict_findings_daemons_and_keyrings() -> None:
    bus = examples.bus()._replace(
        default=CollectionState.LOCKED, default_path="/org/freedesktop/secrets/collection/other"
    )
    made = examples.WELL._replace(bus=bus, daemons=(examples.daemon(DaemonRole.LOGIN),))
    passed = result(outcome=Outcome.PASSED)
    text = exposition(Diagnosis(made, (passed, result(ERROR, ERROR, WARNING))))
    told = parsed(text)
    assert value(told, "healthy") == 0
    assert value(told, "checked_timestamp_seconds") == examples.NOW
    assert value(told, "checks", outcome="passed") == 1
    assert value(told, "checks", outcome="crashed") == 0
    assert value(told, "findings", severity="error") == 2
    assert value(told, "finding", id="keyring-locked", severity="error") == 2
    assert value(told, "finding", id="first-login-fails", severity="warning") == 1
    assert value(told, "daemons", role="login") == 1
    assert value(told, "daemons", role="unit") == 0
    assert value(told, "collection_unlocked", collection="login") == 1
    assert value(told, "collection_unlocked", collection="other") == 0
    assert value(parsed(exposition(Diagnosis(examples.WELL, (passed,)))), "healthy") == 1
    assert text.endswith("\n")


def test_a_metric_without_samples_is_left_out() -> None:
    assert "creds_session_finding{" not in exposition(Diagnosis(examples.WELL, ()))
    assert "# TYPE creds_session_finding gauge" not in exposition(Diagnosis(examples.WELL, ()))


@quick
@given(facts, results)
def test_any_diagnosis_is_read_back(made: Facts, found: list[CheckResult]) -> None:
    text = exposition(Diagnosis(made, tuple(found)))
    told = parsed(text)
    users = {dict(labels)["user"] for _, labels in told}
    assert users == {printable(made.session.user)}
    named = {dict(labels)["id"] for name, labels in told if name == "creds_session_finding"}
    assert named == {printable(one.id) for result in found for one in result.findings}
    for line in text.splitlines():
        assert line.startswith(("# HELP creds_session_", "# TYPE creds_session_", "creds_session_"))
