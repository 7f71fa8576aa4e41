"""The records and the reports of a rollout."""

from __future__ import annotations

import contextlib
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


def latest(place: Path) -> dict[str, str]:
    """Return the outcome of each host that report.txt says, whose later lines count."""
    found = {}
    for line in (place / "report.txt").read_text().splitlines():
        words = line.split()
        is_added = len(words) > 4 and words[2] == "UTC" and words[3] in MANY
        if is_added:
            found[words[3]] = " ".join(words[4:])
        elif words and words[0] in MANY:
            found[words[0]] = " ".join(words[1:])
    return found


MANY = [f"web{number:03}" for number in range(200)]


def test_the_report_is_true_after_each_outcome_and_is_seldom_joined(
    records: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A controller that is killed leaves it as it is then."""
    joined = []
    report = type(records)._report

    def counted(self: Any, **more: Any) -> None:
        joined.append(1)
        report(self, **more)

    monkeypatch.setattr(type(records), "_report", counted)
    wanted = dict.fromkeys(MANY, "untouched")
    for number, host in enumerate(MANY):
        records.begin("1", MANY, [host])
        for outcome in ("in progress", "confirmed"):
            wanted[host] = outcome
            records.write(host, record(host, outcome), stops=False)
            if number % 20 in {0, 1} or number > 190:
                assert latest(tmp_path) == wanted
                is_end = (host, outcome) == (MANY[-1], "confirmed")
                state = json.loads((tmp_path / "report.json").read_text())["state"]
                assert state == ("finished" if is_end else "unfinished")
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["counts"] == {"confirmed": len(MANY)}
    assert len(joined) < 60
    assert "one in a line" not in (tmp_path / "report.txt").read_text()


@pytest.mark.parametrize("dies_in", ["_write", "_report"])
@pytest.mark.parametrize("number", [0, 1, 150, 199])
def test_a_controller_that_dies_while_it_writes_leaves_no_report_that_is_older_than_a_record(
    records: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_in: str, number: int
) -> None:
    records.begin("1", MANY, MANY[:1])
    for host in MANY[:number]:
        records.write(host, record(host, "confirmed"), stops=False)

    def die(*_words: Any, **_more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(records), dies_in, die)
    with contextlib.suppress(KeyboardInterrupt):
        records.write(MANY[number], record(MANY[number], "in progress"), stops=False)
    assert latest(tmp_path)[MANY[number]] == "in progress"


def test_a_run_after_a_killed_one_and_a_stop_are_joined_at_once(
    records: Any, tmp_path: Path
) -> None:
    for host in MANY[:50]:
        records.begin("1", MANY, [host])
        records.write(host, record(host, "confirmed"), stops=False)
    records.begin("2", MANY, MANY[:1])
    records.write(MANY[0], record(MANY[0], "in progress"), stops=False)
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["counts"] == {"in progress": 1, "confirmed": 49, "untouched": 150}
    for host, outcome in zip(MANY[60:63], ("confirmed", "reverted", "confirmed")):
        assert records.begin("2", MANY, MANY[60:63])[1]
        records.write(host, record(host, outcome), stops=outcome == "reverted")
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["state"] == "stopped"
    assert values["counts"]["confirmed"] == 51  # also a host that ends after the stop


def test_a_second_run_over_hosts_that_are_done_is_unfinished_until_its_end(
    records: Any, tmp_path: Path
) -> None:
    for run in ("1", "2"):
        for host in HOSTS:
            records.begin(run, HOSTS, [host])
            records.write(host, record(host, "in progress"), stops=False)
            records.write(host, record(host, "nothing to do"), stops=False)
            state = json.loads((tmp_path / "report.json").read_text())["state"]
            assert state == ("finished" if host == HOSTS[-1] else "unfinished")


def test_a_line_that_is_added_does_nothing_to_a_terminal(plugin: Callable[[str], Any]) -> None:
    line = plugin("plugin_utils.report").line(record("<i>\x1b[2J", "reverted", HOSTILE), 0)
    assert line.startswith("1970-01-01 00:00:00 UTC  <i>\\x1b[2J  reverted  ")
    assert line.count("\n") == 1
    assert line[:-1].isprintable()


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
