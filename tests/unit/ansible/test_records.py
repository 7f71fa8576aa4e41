"""The records and the reports of a rollout."""

from __future__ import annotations

import json
import os
import unicodedata
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


HOSTILE = "\x1b]0;title\x07\x1b[2J <img src=x> \u202e \udcff \x00 \r \t'\"&"


def test_what_a_host_says_does_nothing_to_a_terminal_or_a_browser(
    records: Any, tmp_path: Path
) -> None:
    host = "<i>web\x1b[2J"
    failed = {**record(host, "reverted", HOSTILE), "steps": [{"at": 0, "step": HOSTILE}]}
    failed["earlier"] = [{**failed, "earlier": []}]
    records.begin("1", [host], [host])
    records.write(host, failed, stops=True)
    text = (tmp_path / "report.txt").read_text("utf-8")
    page = (tmp_path / "report.html").read_text("utf-8")
    for shown in (text, page):
        assert not [c for c in shown if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs"}]
        assert "\\x1b[2J" in shown
    assert "<i>" not in page
    assert "<img" not in page
    assert page.count("&lt;img src=x&gt;") == 4  # the reason above, the one in the row, two steps
    values = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert values["hosts"][0]["reason"] == HOSTILE
    assert values["stopped"]["host"] == host


def test_a_rollout_that_was_ended_is_not_said_to_be_done(records: Any, tmp_path: Path) -> None:
    records.begin("1", HOSTS, ["web1"])
    records.write("web1", record("web1", "confirmed"), stops=False)
    records.write("web2", record("web2", "in progress"), stops=False)
    assert json.loads((tmp_path / "report.json").read_text())["state"] == "unfinished"
    text = (tmp_path / "report.txt").read_text()
    assert text.startswith("The rollout has not finished. If it is not running, run it again.")
    for host in ("web2", "db/1"):
        records.write(host, record(host, "nothing to do"), stops=False)
    assert json.loads((tmp_path / "report.json").read_text())["state"] == "finished"
    assert (tmp_path / "report.txt").read_text().startswith("The rollout has finished. Hosts: ")


def test_a_stop_always_has_a_reason(records: Any, tmp_path: Path) -> None:
    records.begin("1", HOSTS, ["web1"])
    records.write("web1", record("web1", "not changed"), stops=True)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["state"] == "stopped"
    assert report["stopped"]["reason"].startswith("The change could not be made")


def test_a_refused_host_that_does_not_stop_the_rollout_is_an_end(
    records: Any, tmp_path: Path
) -> None:
    records.begin("1", ["web1"], ["web1"])
    records.write("web1", record("web1", "refused", "no safe edit"), stops=False)
    assert json.loads((tmp_path / "report.json").read_text())["state"] == "finished"


def test_a_process_that_has_the_number_of_an_earlier_one_is_another_run(
    plugin: Callable[[str], Any],
) -> None:
    records = plugin("plugin_utils.records")
    own = records.run_of(os.getpid())
    assert own == records.run_of(os.getpid())
    assert own != str(os.getpid())  # the time of its start belongs to it
    assert records.run_of(os.getppid()) != own


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
