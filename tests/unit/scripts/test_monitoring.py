"""The files in scripts/monitoring fit what creds-doctor prints, and what each monitor documents."""

from __future__ import annotations

import itertools
import re
import shlex

import pytest
from prometheus_client.parser import text_string_to_metric_families

from creds_session.cli.doctor.main import _parser as parser
from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.prometheus import exposition
from creds_session.facts.session import DaemonRole
from tests import monitoring
from tests.monitoring import MONITORING, OF_PROMETHEUS
from tests.unit import examples
from tests.unit.doctor.report.test_verdict import ERROR, result

Labels = dict[str, frozenset[str]]
ILL = Diagnosis(
    examples.WELL._replace(daemons=(examples.daemon(DaemonRole.LOGIN),)), (result(ERROR),)
)
HEALTHY = Diagnosis(examples.WELL, (result(),))
ONLY_IF_ILL = {"creds_session_finding"}


def written(diagnosis: Diagnosis) -> Labels:
    """Return the metrics that the doctor writes, with the labels of each."""
    families = text_string_to_metric_families(exposition(diagnosis))
    return {s.name: frozenset(s.labels) for family in families for s in family.samples}


@pytest.mark.parametrize(("diagnosis", "missing"), [(ILL, set()), (HEALTHY, ONLY_IF_ILL)])
def test_the_doctor_writes_all_that_is_asked_for(diagnosis: Diagnosis, missing: set[str]) -> None:
    found = written(diagnosis)
    asked = list(monitoring.asked())
    assert len(asked) > 15
    assert {one.metric for one in asked} - found.keys() == missing
    for one in asked:
        if one.metric not in missing:
            assert one.labels <= found[one.metric] | OF_PROMETHEUS, one


def test_every_metric_is_on_the_dashboard() -> None:
    assert written(ILL).keys() == {one.metric for one in monitoring.asked()}


def test_the_dashboard_has_the_shape_that_grafana_documents() -> None:
    dashboard = monitoring.dashboard()
    assert dashboard["id"] is None  # Grafana gives it one
    assert re.fullmatch(r"[\w-]{8,40}", dashboard["uid"])
    assert isinstance(dashboard["schemaVersion"], int)
    assert {"title", "tags", "timezone", "editable", "time", "timepicker"} <= dashboard.keys()
    assert {"annotations", "refresh", "version", "links", "panels"} <= dashboard.keys()
    variables = {one["name"]: one for one in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    source = {"type": "prometheus", "uid": "${datasource}"}
    users = [variables["instance"], variables["user"], *dashboard["panels"]]
    users += [target for _, target in monitoring.targets()]
    assert all(one["datasource"] == source for one in users)
    used = set(re.findall(r"\$(\w+)", " ".join(t["expr"] for _, t in monitoring.targets())))
    assert used == variables.keys() - {"datasource"}
    assert {f"${name}" for name in used} == monitoring.VARIABLES.keys()


def test_no_panel_lies_over_another_one() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in monitoring.dashboard()["panels"]:
        place = panel["gridPos"]
        assert place.keys() == {"x", "y", "w", "h"}
        assert place["w"] >= 1
        assert place["h"] >= 1
        assert 0 <= place["x"] <= 24 - place["w"]
        columns = range(place["x"], place["x"] + place["w"])
        for cell in itertools.product(columns, range(place["y"], place["y"] + place["h"])):
            assert cell not in taken, (panel["title"], taken.get(cell))
            taken[cell] = panel["title"]


def test_each_alert_and_each_panel_says_what_it_is_about() -> None:
    panels = monitoring.dashboard()["panels"]
    assert all(panel["title"] and panel["description"] for panel in panels)
    assert len({panel["title"] for panel in panels}) == len(panels)


def commands() -> dict[str, list[str]]:
    """Return the words that each monitor runs on the machine, for alice."""
    nagios = (MONITORING / "nagios.cfg").read_text("utf-8")
    nrpe = (MONITORING / "nrpe.cfg").read_text("utf-8")
    icinga = (MONITORING / "icinga2.conf").read_text("utf-8")
    (by_ssh,) = re.findall(r'-C "(.*)"$', nagios, re.MULTILINE)
    (by_nrpe,) = re.findall(r"^command\[check_keyring_alice\]=(.*)$", nrpe, re.MULTILINE)
    (words,) = re.findall(r"command = \[ (.*) \]$", icinga, re.MULTILINE)
    return {
        "nagios": shlex.split(by_ssh.replace("$ARG1$", "alice")),
        "nrpe": shlex.split(by_nrpe),
        "icinga": [
            word.strip('"') for word in words.replace("$keyring_user$", "alice").split(", ")
        ],
    }


@pytest.mark.parametrize("monitor", ["nagios", "nrpe", "icinga"])
def test_sudo_allows_the_command_of_each_monitor_and_no_other(monitor: str) -> None:
    sudo, no_password, *command = commands()[monitor]
    assert (sudo.rpartition("/")[2], no_password, command[0]) == ("sudo", "-n", "creds-doctor")
    parser().parse_args(command[1:])
    text = (MONITORING / "sudoers").read_text("utf-8").replace("\\\n", "")
    (allowed,) = re.findall(r"^nagios ALL = \(root\) NOPASSWD: (.*)$", text, re.MULTILINE)
    places = ("/usr/bin/", "/usr/local/bin/")
    wanted = [[f"{place}{command[0]}", *command[1:]] for place in places]
    assert [shlex.split(one) for one in allowed.split(",")] == wanted


def test_the_unit_runs_a_command_that_the_doctor_takes() -> None:
    command = (MONITORING / "creds-doctor@.service").read_text("utf-8")
    (line,) = re.findall(r"^ExecStart=creds-doctor (.*)$", command, re.MULTILINE)
    arguments = parser().parse_args(shlex.split(line.replace("%i", "alice").replace("%S", "/s")))
    assert arguments.output == "/s/creds-doctor/node-exporter/keyring-alice.prom"
    assert "StateDirectory=creds-doctor/node-exporter\n" in command
