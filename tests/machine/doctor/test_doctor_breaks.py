"""The doctor names what was broken for real, first, and what it says cures it.

CREDS_DOCTOR_TABLE=FILE has the table of docs/explanation/doctor-table.md written, or added to.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.doctor.checks import CHECKS
from creds_session.doctor.pam_memory import FOLDER, NAME
from tests.machine.support import doctor as ward
from tests.machine.support.breakages import (
    ALONE,
    AS_ROOT,
    ENVIRONMENT,
    HANG,
    HOOK,
    KEYRINGS,
    LET_GO,
    MASK,
    NO_HOOK,
    SESSIONS,
    SESSIONS_ALONE,
    SHARED,
    UNMASK,
    Breakage,
)
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot

RUNTIME = "/run/user/1000/"
ALWAYS = ["pam-other-services"]  # Debian's `login` is left alone


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def patient(request: pytest.FixtureRequest, boot: Boot) -> ward.Patient:
    release = str(request.param)
    machine = boot(release)
    ward.prepare(machine)
    return ward.Patient(machine, release)


@pytest.fixture(scope="module")
def table() -> Iterator[dict[str, dict[str, set[str]]]]:
    place = os.environ.get("CREDS_DOCTOR_TABLE")
    rows = known(Path(place)) if place and Path(place).exists() else {}
    yield rows
    if place:
        Path(place).write_text(page(rows))


def known(place: Path) -> dict[str, dict[str, set[str]]]:
    """Read what runs before this one saw; remove the file to begin with nothing."""
    found = re.findall(r"^\| \[(\S+)\]\(.*\) \| (.*) \| (.+) \|$", place.read_text(), re.MULTILINE)
    return {
        check: {"named": set(named.split(", ")), "cured": set(cured.split(", "))}
        for check, named, cured in found
        if cured.strip()
    }


HEAD = """\
# Which faults were tried on real machines

`tests/machine/doctor/test_doctor_breaks.py` writes this page. It breaks a healthy machine in
exactly one way, and the doctor must name that fault: before all others, unless it is only a note.
Then the fault is repaired, and the doctor must find nothing wrong.

Read a row as: this fault was tried on these Debian releases (bookworm is Debian 12, trixie is
Debian 13), and was repaired in this way:

- *`--fix`*: by `creds-doctor --fix`;
- *root by the command shown* and *the user by the command shown*: by the commands of the remedy, as
  the doctor printed them;
- *by hand*: the test undid what it had done, as a person does who follows a remedy in words.

| check | tried on | repaired by |
|---|---|---|"""
WHAT_IS_IMITATED = """
## What stands in for the real thing

These faults were imitated, because the real thing was not at hand:

- `wsl-without-login`: a kernel release of WSL is mounted over `/proc/sys/kernel/osrelease`. The
  doctor reads nothing else of WSL.
- `bus-sandboxed`: the variables that snapd sets; no snap is installed.
- `prompt-waiting`: the daemon starts its own `gcr-prompter`, on a display that accepts the
  connection and does not answer.
- `facts-incomplete`, `home-hung`: a FUSE file system that nobody serves.
- `other-provider`, `other-provider-locked`, `daemon-hung`: a program of a few lines owns the name.

## Several faults at once

`tests/machine/doctor/test_doctor_faults.py` breaks machines in two or three of these ways at once,
in combinations that a seed chooses: 40 in each commit, always the same, and 400 in a nightly run
(`CREDS_FAULTS_SEED` and `CREDS_FAULTS_COUNT` choose others). The first finding must be one of the
faults, or one that `STANDS_FOR` and `behind` allow in its place. Carrying out the remedies, one
after the other, must end with a healthy session. Which faults exclude each other, and why, is in
`tests/machine/support/faults.py`.
"""


def page(rows: dict[str, dict[str, set[str]]]) -> str:
    """Return the document: each check, and what was seen of it on which release."""
    told = [HEAD]
    for check in CHECKS:
        row = rows.get(check.id)
        named = ", ".join(sorted(row["named"])) if row else "no machine: unit tests only"
        cured = ", ".join(sorted(row["cured"])) if row else ""
        told.append(f"| [{check.id}](../reference/checks/{check.id}.md) | {named} | {cured} |")
    return "\n".join([*told, WHAT_IS_IMITATED])


def note(
    table: dict[str, dict[str, set[str]]], patient: ward.Patient, breakage: Breakage, cure: str
) -> None:
    row = table.setdefault(breakage.id, {"named": set(), "cured": set()})
    row["named"].add(patient.release)
    row["cured"].add(cure)


def is_named(told: ward.Told, breakage: Breakage) -> None:
    """Fail unless the doctor named it first, with what is to be seen of it, and in time."""
    assert told.ids[:1] == [breakage.behind or breakage.id], told.findings[:2]
    assert breakage.id in told.ids
    assert breakage.evidence in told.evidence(breakage.id)
    assert told.seconds - told.starting < ward.PATIENCE


# Where the daemon sees what became of its files, and has locked or dropped the keyring.
NOTICED = {
    *("home-foreign", "home-denied", "keyrings-foreign", "keyrings-not-a-folder"),
    *("keyring-foreign", "keyring-not-a-file"),
    *("keyring-broken", "keyring-plaintext", "keyrings-cannot-be-made", "home-full"),
}
CURED_BY = {
    "fix": "`--fix`",
    "user": "the user by the command shown",
    "root": "root by the command shown",
    "undo": "by hand",
}


@pytest.mark.in_turn
@pytest.mark.parametrize("breakage", [*SHARED, *ALONE], ids=lambda one: one.id)
def test_named_first_in_a_healthy_session(
    patient: ward.Patient, breakage: Breakage, table: dict[str, dict[str, set[str]]]
) -> None:
    machine, session = patient.machine, patient.session
    try:
        ward.broken(machine, session, breakage)
        told = ward.ask(machine, session, breakage.ask)
        is_named(told, breakage)
        if breakage.cure == "fix":
            said = ward.fix(session)
            assert f"{breakage.id}: fixed" in said, said
        elif breakage.cure == "root":
            ward.carry_out_as_root(machine, told, breakage.id)
        elif breakage.cure == "user":
            ward.carry_out_as_user(session, told, breakage.id)
    except BaseException:
        patient.drop()
        machine.sh(breakage.undo, check=False)
        raise
    if breakage in ENVIRONMENT and not (breakage.root or breakage.leave):
        # it was broken for one command alone
        note(table, patient, breakage, CURED_BY["undo"])
        return
    if breakage.cure in {"root", "user"}:
        assert breakage.id not in ward.ask(machine, session, breakage.ask).ids
    ward.mend(machine, session, breakage)
    if session.run("creds get app me").status:
        assert breakage.id in NOTICED, "what was broken is whole again, and no secret can be read"
        ward.fix(session)
    ward.is_healthy(machine, session)
    note(table, patient, breakage, CURED_BY[breakage.cure])


@pytest.mark.in_turn
@pytest.mark.parametrize("breakage", [*SESSIONS, *SESSIONS_ALONE], ids=lambda one: one.id)
def test_named_first_in_a_session_that_began_broken(
    patient: ward.Patient, breakage: Breakage, table: dict[str, dict[str, set[str]]]
) -> None:
    machine = patient.machine
    patient.drop()
    ward.reset(machine)
    session = None
    try:
        session = ward.broken(machine, None, breakage)
        told = ward.ask(machine, session, breakage.ask)
        is_named(told, breakage)
        if breakage.cure == "fix":
            said = ward.fix(session)
            assert breakage.id not in ward.ask(machine, session).ids, said
            got = session.run("creds get app me")
            assert got.output == "s3cret" or breakage.id == "keyring-ghost", got
        note(table, patient, breakage, CURED_BY[breakage.cure])
    finally:
        if session is not None:
            if breakage.leave:
                session.run(breakage.leave)
            session.close()
        machine.sh(breakage.undo or ":", check=False)


def unlock_by_hand(session: Login) -> None:
    done = session.run(f"printf {ward.PASSWORD} | creds unlock --password-stdin")
    assert done.status == 0, done


@pytest.mark.parametrize("way", ["units", "no units", "key", "su", "nested", "loginless"])
def test_no_false_alarm(patient: ward.Patient, way: str) -> None:
    """Healthy sessions of every kind: exit 0, and nothing above a note."""
    machine = patient.machine
    patient.drop()
    ward.reset(machine)
    machine.sh(NO_HOOK)
    if way == "no units":
        machine.sh(MASK)
    try:
        kinds = {"key": "key", "su": "su", "loginless": "key"}
        with ward.log_in(machine, kinds.get(way, "password")) as session:
            if way == "su":
                session.run('eval "$(creds env --start)"')
            if way == "nested":
                session.enter("dbus-run-session -- bash --norc")
            if way == "loginless":  # as a service or cron has it: no variable at all
                session.enter("env -i HOME=$HOME PATH=$PATH TERM=dumb bash --norc")
            if way != "units":
                unlock_by_hand(session)
            ward.is_healthy(machine, session)
    finally:
        machine.sh(f"{HOOK} {UNMASK}")


def seen(session: Login) -> str:
    """Return processes, sockets, files, names on the bus and locks."""
    lock = (
        "busctl --user get-property org.freedesktop.secrets"
        " /org/freedesktop/secrets/collection/login org.freedesktop.Secret.Collection Locked"
    )
    return session.run(
        # Not through a pipe: ps would see the shell's child that is about to become its reader.
        "ps -u alice -o pid=,args= >/tmp/told; grep -v 'ps -u' /tmp/told;"
        # What the test itself writes there is left out by name.
        " find /run/user/1000 ~ /tmp -not -path /tmp/told -not -path /tmp/errors"
        " -printf '%p %s %T@\\n' 2>&1 | sort;"
        " sed 's/^[^:]*: //' /proc/net/unix | grep -c keyring;"
        " systemctl --user is-active gnome-keyring-daemon.service dbus.service;"
        f" systemctl --user -q is-active dbus.service && {lock} --auto-start=no"
    ).output


def settled(session: Login) -> str:
    """Return what is seen once it is the same twice: what the login began has ended."""
    deadline, before = time.monotonic() + 20, ""
    while (now := seen(session)) != before:
        assert time.monotonic() < deadline, (before, now)
        before = now
    return now


def left(before: str, after: str) -> list[str]:
    """Return the paths in the runtime directory that are seen only afterwards."""
    known = {line.split(" ")[0] for line in before.splitlines()}
    paths = [line.split(" ")[0] for line in after.splitlines() if line.startswith(RUNTIME)]
    return [path for path in paths if path not in known]


@pytest.mark.parametrize("kind", ["password", "key"])
def test_looking_leaves_no_trace(patient: ward.Patient, kind: str) -> None:
    """What runs, lies there, listens and is locked is the same before and after; nothing began.

    The first look leaves its memory of PAM's files; a look that has it leaves nothing.
    """
    machine = patient.machine
    patient.drop()
    ward.reset(machine)
    machine.sh(NO_HOOK)
    try:
        with ward.log_in(machine, kind) as session:
            session.run("true >/tmp/told; true >/tmp/errors")
            bare = settled(session)
            ward.ask(machine, session)
            assert left(bare, seen(session)) == [RUNTIME + FOLDER, f"{RUNTIME}{FOLDER}/{NAME}"]
            before = settled(session)
            for _time in range(2):
                ward.ask(machine, session)
            machine.run("creds-doctor", "--user", "alice", check=False)
            after = seen(session)
            assert after.splitlines() == before.splitlines()
    finally:
        machine.sh(HOOK)


def test_an_answer_in_time_where_the_keyrings_hang(patient: ward.Patient) -> None:
    """The disk answers nobody, as a dead NFS server: what was seen in time is told."""
    machine, session = patient.machine, patient.session
    machine.sh(HANG.format(KEYRINGS))
    try:
        for way in ("creds-doctor", AS_ROOT):
            told = ward.ask(machine, session, way)
            assert told.status == 1
            assert "home: nothing within its time" in told.evidence("facts-incomplete")
            assert told.ids[0] == "home-hung" or "home-hung" not in told.ids
            assert told.seconds - told.starting < ward.PATIENCE
    finally:
        machine.sh(LET_GO.format(KEYRINGS))
        patient.drop()


def test_what_su_keeps_of_another_login_is_not_taken_for_its_own(patient: ward.Patient) -> None:
    """su without a dash: SSH_CONNECTION is bob's, and the log of alice's last login is of that."""
    machine = patient.machine
    patient.drop()
    ward.reset(machine)
    ward.log_in(machine, "password").close()
    with machine.ssh("bob", ward.PASSWORD) as session:
        session.enter("su alice", ward.PASSWORD)
        assert "127.0.0.1" in session.run("echo $SSH_CONNECTION").output
        session.run(
            "unset XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS; cd; creds-doctor --save /tmp/f"
        )
        facts = json.loads((machine.root / "tmp/f").read_text())["facts"]
        assert facts["session"]["by_ssh"] is False
        assert any("gkr-pam" in line["text"] for line in facts["log"])  # that older one
        told = ward.ask(machine, session)
        assert not any("log:" in line for one in told.findings for line in one["evidence"])
        assert "login-without-password" not in told.ids


def test_root_looks_at_another_session_and_others_judge_it(patient: ward.Patient) -> None:
    machine, session = patient.machine, patient.session
    session.run("creds lock")
    told = ward.ask(machine, session, "creds-doctor --user alice")
    assert told.ids[0] == "keyring-locked"
    machine.run(
        *["creds-doctor", "--user", "alice", "--save", "/tmp/facts", "--anonymous"], check=False
    )
    text = (machine.root / "tmp/facts").read_text()
    assert "alice" not in text
    judged = machine.run("creds-doctor", "--from", "/tmp/facts", check=False)
    assert judged.returncode == 1
    assert "[keyring-locked]" in judged.stdout.splitlines()[0]
    ward.fix(session)
    ward.is_healthy(machine, session)
    assert machine.run("creds-doctor", "--user", "nobody-has-it", check=False).returncode == 66
    assert session.run("creds-doctor --user bob").status == 77


def test_a_dry_run_changes_nothing_and_says_what_is_roots(patient: ward.Patient) -> None:
    machine, session = patient.machine, patient.session
    keyrings = "/home/alice/.local/share/keyrings"
    session.run(f"chmod 755 {keyrings}")
    machine.sh("cp -p /etc/pam.d/sshd /root/sshd; sed -i 's/ auto_start//' /etc/pam.d/sshd")
    try:
        shown = session.run("creds-doctor --fix --dry-run").output
        assert f"chmod 700 {keyrings}" in shown
        assert "pam-no-auto-start: this requires root: sudo creds-setup-pam apply" in shown
        unasked = session.run("creds-doctor --fix </dev/null").output
        assert "nobody is at the terminal" in unasked
        assert session.run(f"stat -c %a {keyrings}").output == "755"
        session.type("creds-doctor --fix")
        session.expect(r"\[y/N\] ")
        session.type("y")
        session.expect("keyrings-open: fixed")
        session.expect("<ready>")
    finally:
        machine.sh("cp -p /root/sshd /etc/pam.d/sshd")
    ward.is_healthy(machine, session)


def test_every_breakage_is_of_a_check() -> None:
    known = {check.id for check in CHECKS}
    assert {one.id for one in (*SHARED, *ALONE, *SESSIONS, *SESSIONS_ALONE)} <= known


CROWD = """\
import os, signal, time

for _one in range(5000):
    if os.fork() == 0:
        signal.pause()
open("/tmp/crowded", "w").close()
time.sleep(300)
"""


def test_an_answer_in_time_without_a_journal_and_among_a_crowd(patient: ward.Patient) -> None:
    machine, session = patient.machine, patient.session
    (machine.root / "opt/crowd.py").write_text(CROWD)
    machine.sh(
        "setpriv --reuid 1000 --clear-groups env -i HOME=/home/alice python3 -ISE /opt/crowd.py"
        " >/dev/null 2>&1 & until test -e /tmp/crowded; do sleep 0.1; done;"
        " systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald;"
        " mv /var/log/journal /var/log/j 2>/dev/null; mv /run/log/journal /run/log/j || :"
    )
    try:
        told = ward.ask(machine, session)
        assert (told.status, told.above_note) == (0, [])
        assert told.seconds - told.starting < ward.PATIENCE
        told = ward.ask(machine, session, AS_ROOT)
        assert (told.status, told.above_note) == (0, [])
        assert told.seconds - told.starting < ward.PATIENCE
    finally:
        machine.sh(
            "pkill -KILL -f /opt/crowd.py; rm /tmp/crowded; mv /run/log/j /run/log/journal;"
            " mv /var/log/j /var/log/journal;"
            " systemctl start systemd-journald",
            check=False,
        )
        patient.drop()  # the log of this session is gone
