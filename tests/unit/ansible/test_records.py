"""The records and the reports of a rollout."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HOSTS = ["web1", "web2", "db/1"]


@pytest.fixture
def records(plugin: Callable[[str], Any], tmp_path: Path) -> Any:
    return plugin("plugin_utils.records").Records(str(tmp_path))


def record(host: str, outcome: str, reason: str = "") -> dict[str, Any]:
    steps = [{"at": 0, "step": "looked at <the> PAM files"}]
    return {"host": host, "outcome": outcome, "reason": reason, "steps": steps}


def test_the_first_batch_must_be_one_host(records: Any) -> None:
    assert records.begin("run", HOSTS, HOSTS) == (None, False)
    assert records.begin("run", HOSTS, ["web1"]) == (None, True)
    records.write("web1", record("web1", "confirmed"), stops=False)
    assert records.begin("run", HOSTS, HOSTS[1:]) == (None, True)


@pytest.mark.parametrize("outcome", ["refused", "reverted", "in progress"])
def test_a_canary_that_is_not_done_is_no_canary(records: Any, outcome: str) -> None:
    records.write("web1", record("web1", outcome), stops=False)
    assert records.begin("run", HOSTS, HOSTS[1:]) == (None, False)


def test_a_stop_holds_for_the_run_and_not_for_the_next_one(records: Any) -> None:
    records.begin("1", HOSTS, ["web1"])
    records.write("web1", record("web1", "reverted", "no login"), stops=True)
    records.write("web2", record("web2", "reverted", "another reason"), stops=True)
    stopped, _ = records.begin("1", HOSTS, ["db/1"])
    assert stopped == {"host": "web1", "reason": "no login"}
    assert records.begin("2", HOSTS, ["web1"])[0] is None


def test_the_report_names_every_host_and_why_it_stopped(records: Any, tmp_path: Path) -> None:
    records.begin("1", HOSTS, ["web1"])
    records.write("web1", record("web1", "confirmed"), stops=False)
    records.write("db/1", record("db/1", "reverted", "<b>no</b> login\nsecond line"), stops=True)
    values = json.loads((tmp_path / "report.json").read_text())
    outcomes = {host["host"]: host["outcome"] for host in values["hosts"]}
    assert outcomes == {"web1": "confirmed", "web2": "untouched", "db/1": "reverted"}
    assert values["stopped"]["host"] == "db/1"
    assert values["counts"] == {"confirmed": 1, "untouched": 1, "reverted": 1}
    text = (tmp_path / "report.txt").read_text()
    assert text.startswith("The rollout stopped at db/1. Hosts: 1 confirmed, 1 untouched, 1 rev")
    assert "db/1  reverted\n      <b>no</b> login\n      second line" in text
    page = (tmp_path / "report.html").read_text()
    assert "<b>no</b>" not in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert "&lt;the&gt;" in page
    assert "http" not in page  # one page, which loads nothing


def test_what_is_kept_can_be_read_by_its_owner_only(records: Any, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        records.write("web1", record("web1", "confirmed"), stops=False)
        records.keep_snapshot("web1", [{"path": "/etc/pam.d/sshd"}])
    finally:
        os.umask(old)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 5
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    assert records.snapshot("web1") == [{"path": "/etc/pam.d/sshd"}]


def test_every_outcome_has_a_meaning_and_is_in_the_guide(plugin: Callable[[str], Any]) -> None:
    outcomes = plugin("plugin_utils.outcomes")
    words = {
        value for name, value in vars(outcomes).items() if name.isupper() and type(value) is str
    }
    assert words == outcomes.MEANINGS.keys()
    guide = (Path(__file__).parents[3] / "docs/how-to/ansible.md").read_text()
    assert [word for word in words if f"\n| {word} | " not in guide] == []
