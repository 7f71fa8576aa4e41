"""Every face of the doctor in a session where a secret can be read, and in a locked one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.machine.support.login import Login, Result
from tests.machine.support.machine import Boot, Machine
from tests.unit.html_outline import Outline

PASSWORD = "correct horse 7!"
SECRET = "s3cret of the faces"
BY_KEY = ["-o", "PreferredAuthentications=publickey", "-o", "IdentityFile=/root/key"]
CAUSE = "[login-without-password]"
READABLE = "a secret can be read in this session"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(request.param)
    booted.run("creds-setup-pam", "apply")
    booted.add_user("alice", PASSWORD)
    booted.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key")
    booted.sh(
        "install -d -o alice -g alice -m 700 ~alice/.ssh;"
        " install -o alice -g alice -m 600 /root/key.pub ~alice/.ssh/authorized_keys"
    )
    return booted


@pytest.fixture
def healthy(machine: Machine) -> Iterator[Login]:
    """A login by password, which opens the keyring."""
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run(f"printf '{SECRET}' | creds put app me").status == 0
        yield session


@pytest.fixture(scope="module")
def locked(machine: Machine) -> Iterator[Login]:
    """A login by key, with the hook's question answered by no."""
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.wait_until_gone("alice")
    with machine.ssh("alice", None, *BY_KEY, answers=[""]) as session:
        yield session


def metrics(machine: Machine, path: str) -> dict[str, float]:
    """Read a file of metrics as Prometheus does; the labels but the user's, then the value."""
    families = text_string_to_metric_families((machine.root / path).read_text())
    told = {}
    for sample in (sample for family in families for sample in family.samples):
        assert sample.labels.pop("user") == "alice"
        assert sample.labels.pop("uid") == "1000"
        named = ",".join(sample.labels.values())
        told[f"{sample.name}({named})"] = sample.value
    return told


def attributes(machine: Machine, path: str) -> str:
    return machine.run("stat", "-c", "%F %a %U", f"/{path}").stdout.strip()


def shown(session: Login, *, term: str = "xterm", no_colour: str = "") -> Result:
    """Return what the doctor prints; on standard error a slow one only says that it waits."""
    return session.run(f"TERM={term} NO_COLOR={no_colour} creds-doctor 2>/dev/null")


def test_healthy_faces(machine: Machine, healthy: Login) -> None:
    doctor = shown(healthy, term="dumb")
    assert doctor.status == 0, doctor
    lines = doctor.output.splitlines()
    assert lines[0] == READABLE
    assert lines[2].startswith("session of alice (user id 1000), by ssh")
    assert "session bus unix:path=/run/user/1000/bus" in lines[3]
    assert "org.freedesktop.secrets: served by gnome-keyring-d" in lines[4]
    assert re.search(r"keyring daemon, pid \d+: serves; started by ", doctor.output)
    assert "control socket /run/user/1000/keyring/control: listens" in doctor.output
    assert "\N{OPEN LOCK} keyring login, the default: unlocked" in doctor.output
    assert re.fullmatch(r"\d+ of \d+ checks found nothing.* \(-v shows each\)", lines[-1])
    verbose = healthy.run("creds-doctor -v | cat").output
    assert re.search(r"^no +keyring-ghost +the login keyring was created", verbose, re.MULTILINE)

    told = json.loads(healthy.run("creds-doctor --json 2>/dev/null").output)
    assert (told["schema"], told["healthy"], told["verdict"]) == (1, True, READABLE)
    line = healthy.run("creds-doctor --format line 2>/dev/null")
    assert (line.status, line.output) == (0, f"keyring: {READABLE}")
    nagios = healthy.run("creds-doctor --format nagios 2>/dev/null")
    assert nagios.status == 0
    assert nagios.output.startswith(f"KEYRING OK: {READABLE} | errors=0;;0;0 warnings=0;0;;0 ")

    assert healthy.run("creds-doctor --format prometheus --output keyring.prom").status == 0
    samples = metrics(machine, "home/alice/keyring.prom")
    assert samples["creds_session_healthy()"] == 1
    assert samples["creds_session_collection_unlocked(login)"] == 1
    assert attributes(machine, "home/alice/keyring.prom") == "regular file 644 alice"

    assert healthy.run("umask 0; creds-doctor --report ok.html | cat").status == 0
    page = (machine.root / "home/alice/ok.html").read_text()
    assert Outline(page).elements[0][0] == "html"
    assert "A secret can be read in this session." in page
    assert attributes(machine, "home/alice/ok.html") == "regular file 600 alice"
    assert SECRET not in page


def test_locked_faces(machine: Machine, locked: Login) -> None:
    doctor = shown(locked, term="dumb")
    assert doctor.status == 1, doctor
    lines = doctor.output.splitlines()
    assert lines[0].startswith("no secret can be read here: the login keyring is locked")
    assert lines[0].endswith(CAUSE)
    assert "\N{LOCK} keyring login, the default: locked" in doctor.output
    errors = [line for line in lines if line.startswith("error: ")]
    assert errors[0].endswith(CAUSE)
    assert "           creds unlock" in lines

    told = json.loads(locked.run("creds-doctor --json 2>/dev/null").output)
    assert (told["healthy"], told["verdict"]) == (False, lines[0])
    line = locked.run("creds-doctor --format line 2>/dev/null")
    assert line.status == 1
    assert line.output.startswith(f"keyring: {lines[0]}; run: creds unlock")
    nagios = locked.run("creds-doctor --format nagios 2>/dev/null")
    assert nagios.status == 2
    assert nagios.output.startswith(f"KEYRING CRITICAL: {lines[0]} | errors=1;;0;0 ")

    written = locked.run("creds-doctor --format prometheus --output keyring.prom")
    assert (written.status, written.output) == (1, "")
    samples = metrics(machine, "home/alice/keyring.prom")
    assert samples["creds_session_healthy()"] == 0
    assert samples["creds_session_finding(login-without-password,error)"] == 1
    assert samples["creds_session_collection_unlocked(login)"] == 0

    assert locked.run("creds-doctor --report locked.html | cat").status == 0  # cat's
    page = (machine.root / "home/alice/locked.html").read_text()
    assert Outline(page).elements[0][0] == "html"
    assert "No secret can be read here." in page
    assert "<pre><code>creds unlock</code></pre>" in page


# Python takes the locale C for UTF-8, and an isolated one no variable that forbids it (PEP 540).
IN_ASCII = (
    "TERM=dumb LC_ALL=C /opt/creds-session/current/bin/python -I -X utf8=0 -c"
    " 'import sys; from creds_session.cli.doctor.main import main; sys.argv[1:] = [];"
    " sys.exit(main())'"
)


def test_colour_is_for_a_terminal_that_wants_it(locked: Login) -> None:
    assert "\x1b[1;31mno secret can be read here" in shown(locked).output
    plain = [
        shown(locked, no_colour="1").output,
        shown(locked, term="dumb").output,
        locked.run("TERM=xterm creds-doctor | cat").output,
    ]
    assert not any("\x1b" in text for text in plain)
    ascii_only = locked.run(IN_ASCII).output
    assert ascii_only.isascii()
    assert "`- keyring login, the default: locked" in ascii_only


def test_files_are_written_whole_where_they_may_be(machine: Machine, locked: Login) -> None:
    locked.run("mkdir there; echo mine >there/mine; ln -s mine there/link")
    for place in ("--report there/link", "--output there/link", "--report there"):
        refused = locked.run(f"creds-doctor --format line {place}")
        assert refused.status == 65, refused
    assert locked.run("cat there/mine").output == "mine"
    assert locked.run("creds-doctor --report /usr/report.html").status == 73
    assert locked.run("creds-doctor --format json --output there/mine").status == 1
    assert json.loads((machine.root / "home/alice/there/mine").read_text())["schema"] == 1
    assert locked.run("ls -A there").output.split() == ["link", "mine"]


def test_root_tells_of_another_and_a_saved_look_is_told_elsewhere(
    machine: Machine, locked: Login
) -> None:
    command = ("creds-doctor", "--user", "alice")
    written = machine.run(
        *(*command, "--format", "prometheus", "--output", "/var/lib/alice.prom"), check=False
    )
    assert written.returncode == 1, written
    assert metrics(machine, "var/lib/alice.prom")["creds_session_healthy()"] == 0
    nagios = machine.run(*command, "--format", "nagios", check=False)
    assert (nagios.returncode, CAUSE in nagios.stdout) == (2, True), nagios
    assert locked.run("creds-doctor --save facts.json --format line").status == 1
    saved = machine.sh("creds-doctor --from ~alice/facts.json --report /root/x.html", check=False)
    assert (saved.returncode, CAUSE in saved.stdout) == (1, True), saved
    assert "No secret can be read here." in (machine.root / "root/x.html").read_text()


def test_nagios_hears_of_every_failure_in_its_words(locked: Login) -> None:
    failed = locked.run("creds-doctor --format nagios --output /usr/x")
    assert (failed.status, failed.output.split(":")[0]) == (3, "KEYRING UNKNOWN")
    unknown = locked.run("creds-doctor --format nagios --only nonsense")
    assert (unknown.status, unknown.output.split(":")[0]) == (3, "KEYRING UNKNOWN")
    unreached = locked.run("DBUS_SESSION_BUS_ADDRESS=unix:path=/x creds-doctor --format nagios")
    assert unreached.status == 2
    assert re.search(r"\[bus-[a-z]+\] \|", unreached.output.splitlines()[0])
