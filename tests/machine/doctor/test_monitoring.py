"""docs/how-to/monitoring.md on a booted machine: node_exporter, Prometheus, NRPE and check_by_ssh.

The commands of the page are typed, and the monitors themselves judge what they get.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import monitoring, recipes
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine, wait_until
from tests.monitoring import OF_PROMETHEUS

# The root file system with the monitors may have to be made first.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1200)]
PAGE = "docs/how-to/monitoring.md"
MONITORS = (
    "prometheus",
    "prometheus-node-exporter",
    "nagios-nrpe-server",
    "nagios-nrpe-plugin",
    "monitoring-plugins-basic",
    "curl",
)
PLACE = "/usr/local/share/doc/creds-session/examples/monitoring"
METRICS = "/var/lib/creds-doctor/node-exporter/keyring-alice.prom"
PLUGINS = "/usr/lib/nagios/plugins"
PASSWORD = "correct horse 7!"
SERVICE = "creds-doctor@alice.service"
TIMER = "creds-doctor@alice.timer"
ONLY_IF_ILL = {"creds_session_finding"}
OFTEN = """\
[Timer]
OnCalendar=
OnCalendar=*:*:*
RandomizedDelaySec=0
AccuracySec=1ms
"""
READS = """\
import os, sys, time
names, last = set(), time.monotonic() + 120
while len(names) < 4 and time.monotonic() < last:
    with open(sys.argv[1]) as file:
        text = file.read()
        names.add(os.fstat(file.fileno()).st_ino)
    assert text.startswith("# HELP creds_session_info "), text
    assert text.endswith("\\n") and "creds_session_daemons{" in text, text
print(len(names))
"""


def typed(machine: Machine, holding: str) -> list[str]:
    """Type the block of the page that holds a text, in the directory of the files."""
    return [
        machine.sh(f"cd {PLACE}; {command}").stdout for command in recipes.commands(PAGE, holding)
    ]


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(request.param, packages=MONITORS)
    booted.run("creds-setup-pam", "apply")
    booted.add_user("alice", PASSWORD)
    typed(booted, "enable --now creds-doctor@alice.timer")
    (line,) = recipes.block(PAGE, "ARGS=").splitlines()
    booted.sh(f"printf '%s\\n' {shlex.quote(line)} >/etc/default/prometheus-node-exporter")
    return booted


@pytest.fixture(scope="module")
def session(machine: Machine) -> Iterator[Login]:
    """A login by password, which unlocks the keyring."""
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
        yield session


def checked(machine: Machine) -> dict[str, frozenset[str]]:
    """Run the check; return the metrics that it writes, with the labels of each."""
    # It is started more often here than systemd allows.
    machine.run("systemctl", "reset-failed", SERVICE, check=False)
    machine.run("systemctl", "start", SERVICE)
    text = machine.run("cat", METRICS).stdout
    families = text_string_to_metric_families(text)
    return {s.name: frozenset(s.labels) for family in families for s in family.samples}


def lock(session: Login, *, is_locked: bool) -> None:
    if is_locked:
        assert session.run("creds lock").status == 0
    else:
        session.type("creds unlock; printf '<co''de=%d>' $?")
        session.expect("assword[^:]*: ?")
        session.type_secretly(PASSWORD)
        session.expect("<code=0>")


def test_nobody_installs_a_unit_unasked(boot: Boot, machine: Machine) -> None:
    assert machine.sh(f"ls {PLACE}").stdout.split() == sorted(
        path.name for path in monitoring.MONITORING.iterdir()
    )
    other = boot("bookworm")
    units = "systemctl list-unit-files --no-pager | grep -c creds-doctor"
    assert other.sh(units, check=False).stdout.strip() == "0"


def test_the_timer_replaces_the_file_in_one_step(machine: Machine, session: Login) -> None:
    assert session.run("creds get app me 2>/dev/null").output == "s3cret"
    unit = f"/etc/systemd/system/{TIMER.replace('alice', '')}"
    machine.run("systemd-analyze", "--man=no", "verify", unit)
    assert "creds_session_healthy" in typed(machine, "cat /var/lib/creds-doctor")[-1]
    attributes = machine.run("stat", "-c", "%U %a", METRICS, "/var/lib/creds-doctor").stdout
    assert attributes.split() == ["root", "644", "root", "755"]
    drop_in = f"/etc/systemd/system/{TIMER}.d"
    machine.sh(f"mkdir {drop_in}; cat >{drop_in}/often.conf", stdin=OFTEN.encode())
    machine.sh(f"systemctl daemon-reload; systemctl restart {TIMER}")
    try:
        read = machine.run("python3", "-c", READS, METRICS)
        assert int(read.stdout) >= 4  # different files, none of them half written
    finally:
        machine.sh(f"rm -r {drop_in}; systemctl daemon-reload; systemctl restart {TIMER}")
    timers = machine.run("systemctl", "list-timers", "--no-pager", TIMER).stdout
    assert SERVICE in timers


def test_the_metrics_are_those_that_the_dashboard_asks_for(
    machine: Machine, session: Login
) -> None:
    asked = list(monitoring.asked())
    healthy = checked(machine)
    assert {one.metric for one in asked} - healthy.keys() <= ONLY_IF_ILL
    lock(session, is_locked=True)
    ill = checked(machine)
    assert {one.metric for one in asked} == ill.keys()
    for one in asked:
        assert one.labels <= ill[one.metric] | OF_PROMETHEUS, one
    lock(session, is_locked=False)


def test_promtool_accepts_the_metrics(machine: Machine, session: Login) -> None:
    for is_locked in (True, False):
        lock(session, is_locked=is_locked)
        checked(machine)
        judged = machine.sh(f"promtool check metrics <{METRICS} 2>&1", check=False)
        assert (judged.returncode, judged.stdout) == (0, "")


def test_node_exporter_and_prometheus_read_them(machine: Machine, session: Login) -> None:
    """Prometheus evaluates each expression of the dashboard, in an ill session."""
    lock(session, is_locked=True)
    checked(machine)
    printed = typed(machine, "curl --silent")[-1]
    assert 'creds_session_healthy{uid="1000",user="alice"} 0' in printed
    assert "node_textfile_scrape_error 0" in machine.sh("curl -s localhost:9100/metrics").stdout
    lines = [f"  - record: x{n}\n    expr: {e!r}" for n, e in enumerate(monitoring.expressions())]
    text = "groups:\n- name: dashboard\n  rules:\n" + "\n".join(lines) + "\n"
    machine.sh("cat >/root/expressions.yml", stdin=text.encode())
    machine.run("promtool", "check", "rules", "/root/expressions.yml")
    query = ("promtool", "query", "instant", "http://localhost:9090")
    has_it = "creds_session_healthy"
    wait_until(lambda: has_it in machine.run(*query, has_it, check=False).stdout, 120)
    for panel, target in monitoring.targets():
        expression = target["expr"]
        for name, value in monitoring.VARIABLES.items():
            expression = expression.replace(name, value)
        assert machine.run(*query, expression).stdout.strip(), panel["title"]
    lock(session, is_locked=False)


def series(machine: Machine) -> list[dict[str, str]]:
    """Return the file of metrics as the input of a test of rules: each value stays the same."""
    lines = [line for line in machine.run("cat", METRICS).stdout.splitlines() if line[0] != "#"]
    pairs = [line.rsplit(" ", 1) for line in lines]
    return [{"series": name, "values": f"{float(value):.0f}+0x60"} for name, value in pairs]


def alerts(machine: Machine, rule: str, at: str, given: list[dict[str, str]], count: int) -> None:
    """Require that a rule fires for so many series (promtool test rules)."""
    labels = {"severity": "warning", "user": "alice", "uid": "1000"}
    expected = [{"exp_labels": labels}] * count
    test = {"eval_time": at, "alertname": rule, "exp_alerts": expected}
    written = {
        "rule_files": ["rules.yml"],
        "tests": [{"interval": "1m", "input_series": given, "alert_rule_test": [test]}],
    }
    # The texts of the alerts are not compared, so the rules are tested without them.
    machine.sh(
        f"sed '/annotations:/d; /summary:/d; /description:/d' {PLACE}/prometheus-rules.yml"
        " >/root/rules.yml; cat >/root/test.yml; promtool test rules /root/test.yml",
        stdin=json.dumps(written).encode(),
    )


def test_the_alerts_fire_in_an_ill_session_alone(machine: Machine, session: Login) -> None:
    typed(machine, "promtool check rules")
    for is_locked in (True, False):
        lock(session, is_locked=is_locked)
        checked(machine)
        alerts(machine, "KeyringNotReadable", "20m", series(machine), int(is_locked))
        alerts(machine, "KeyringNotReadable", "10m", series(machine), 0)
    # The clock of such a test begins with 0, so a check at 0 is old after two hours.
    checks = [one for one in series(machine) if "checked_timestamp" in one["series"]]
    old = [{**one, "values": "0+0x180"} for one in checks]
    alerts(machine, "KeyringNotChecked", "130m", old, 1)
    alerts(machine, "KeyringNotChecked", "30m", old, 0)


@pytest.fixture(scope="module")
def nagios(machine: Machine) -> None:
    """Set NRPE, sudo and a login of the user nagios up, as the page says."""
    assert "parsed OK" in "".join(typed(machine, "sudo visudo"))
    typed(machine, "restart nagios-nrpe-server")
    machine.sh(
        "usermod -s /bin/sh nagios; d=~nagios/.ssh; install -d -o nagios -m 700 $d;"
        " mkdir -p -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519;"
        " install -o nagios -m 600 /root/.ssh/id_ed25519.pub $d/authorized_keys;"
        " ssh-keyscan 127.0.0.1 >>/root/.ssh/known_hosts"
    )


@pytest.mark.usefixtures("nagios")
@pytest.mark.parametrize("name", ["check_keyring_by_nrpe", "check_keyring_by_ssh"])
def test_nagios_is_answered(machine: Machine, session: Login, name: str) -> None:
    text = (monitoring.MONITORING / "nagios.cfg").read_text("utf-8")
    (command,) = [
        block.split("command_line", 1)[1].strip().splitlines()[0]
        for block in text.split("define command {")
        if f"  {name}\n" in block
    ]
    macros = {"$USER1$": PLUGINS, "$HOSTADDRESS$": "127.0.0.1", "$ARG1$": "alice"}
    for macro, value in macros.items():
        command = command.replace(macro, value)
    for is_locked, state, status in ((True, "CRITICAL", 2), (False, "OK", 0)):
        lock(session, is_locked=is_locked)
        answer = machine.sh(command, check=False)
        assert answer.returncode == status, answer
        assert answer.stdout.startswith(f"KEYRING {state}: "), answer
        assert "errors=" in answer.stdout


@pytest.mark.usefixtures("nagios")
def test_nagios_may_run_nothing_else(machine: Machine) -> None:
    for words in ("creds-doctor --user root --format nagios --timeout 10", "id"):
        refused = machine.sh(f"runuser -u nagios -- sudo -n {words}", check=False)
        assert (refused.returncode, refused.stdout) == (1, ""), refused


def test_a_user_without_a_session_is_not_healthy(machine: Machine) -> None:
    machine.add_user("bob", PASSWORD)
    machine.run("systemctl", "start", "creds-doctor@bob.service")
    text = machine.run("cat", METRICS.replace("alice", "bob")).stdout
    assert 'creds_session_healthy{user="bob",uid="1001"} 0\n' in text


def test_everything_is_removed(machine: Machine) -> None:
    typed(machine, "disable --now creds-doctor@alice.timer")
    assert machine.sh("ls -d /var/lib/creds-doctor", check=False).stdout == ""
    left = machine.sh("systemctl list-timers --all --no-pager | grep -c creds-doctor", check=False)
    assert left.stdout.strip() == "0"
