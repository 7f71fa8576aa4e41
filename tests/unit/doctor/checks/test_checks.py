from __future__ import annotations

from typing import Any

import pytest

from creds_session.doctor.checks import CHECKS, run
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.control_holder import own_bus_lines
from creds_session.facts.machine import (
    ClientFacts,
    ControlFacts,
    HomeFacts,
    InitFacts,
    RuntimeFacts,
    UnitsFacts,
)
from creds_session.facts.next_step import START
from creds_session.facts.session import (
    BusFacts,
    BusProblem,
    ControlHolder,
    DaemonRole,
    KeyringFacts,
    NameOwner,
    SessionFacts,
)
from creds_session.facts.snapshot import (
    Facts,
    FirstLoginFacts,
    InstallationFacts,
    PamFacts,
    VendorFile,
)
from creds_session.findings import Finding, Outcome, Remediation, Severity
from tests.oracle.oracle_services import JUMP
from tests.unit.examples import (
    ADDRESS,
    FILE,
    KWALLET,
    SSHD,
    WELL,
    WITHOUT_RULES,
    bus,
    daemon,
    keyring,
)

E, W, N = Severity.ERROR, Severity.WARNING, Severity.NOTE
LOCKED, ABSENT, GHOST = CollectionState.LOCKED, CollectionState.ABSENT, CollectionState.GHOST
OPEN = CollectionState.UNLOCKED
IDLE = BusFacts(ADDRESS, "nobody has used it yet", is_idle=True)
INSTALLED = WELL.installation
SSHD_PATH = "/etc/pam.d/sshd"
BY_PASSWORD = SessionFacts("alice", 1000, by_ssh=True, login_method="password")
BY_KEY = SessionFacts("alice", 1000, by_ssh=True, login_method="publickey")
BY_DIALOGUE = SessionFacts("alice", 1000, login_method="keyboard-interactive/pam")
BY_SU = SessionFacts("alice", 1000)
OPEN_TO_ALL = b"auth sufficient pam_unix.so\nauth optional pam_gnome_keyring.so\n"
LET_IN = "pam-wrong-password-let-in"
UNREACHED = OPEN_TO_ALL + b"auth required pam_deny.so\n"
PAST_IT = b"auth sufficient pam_faillock.so authsucc\n" + SSHD
KEPT_BEHIND = SSHD.replace(b"password   required", b"password   sufficient")
GUESSES = b"auth [default=ignore] pam_gnome_keyring.so auto_start\n" + SSHD
NO_MODULE = INSTALLED._replace(pam_module=None)
SOCKET = FirstLoginFacts("/usr/lib/systemd/user/gnome-keyring-daemon.socket")


def findings(facts: Facts) -> list[Finding]:
    return [finding for result in run(CHECKS, facts) for finding in result.findings]


def pam(content: bytes) -> PamFacts:
    return PamFacts(files={SSHD_PATH: content})


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (OPEN_TO_ALL, "put the line `auth requisite pam_deny.so` right after /etc/pam.d/sshd:1"),
        (PAST_IT, "remove /etc/pam.d/sshd:1 (pam_faillock.so)"),
        (
            JUMP.replace("auth requisite pam_deny.so\n", "").encode(),
            "put the line `auth requisite pam_deny.so` right after /etc/pam.d/sshd:1",
        ),
    ],
)
def test_what_shuts_out_a_wrong_password_is_named(content: bytes, remedy: str) -> None:
    (found,) = (one for one in findings(WELL._replace(pam=pam(content))) if one.id == LET_IN)
    assert found.remediation is not None
    assert found.remediation.text == f"while you are logged in, {remedy}"
    # What is said without a file to look at can fit no stack in particular.
    (registered,) = (one.remedy for one in CHECKS if one.id == LET_IN)
    assert isinstance(registered, Remediation)
    assert "pam_deny" not in registered.text


def test_nothing_is_found_where_all_is_well() -> None:
    results = run(CHECKS, WELL)
    assert [(one.check, one.outcome, one.summary) for one in results if one.findings] == []
    assert Outcome.CRASHED not in {one.outcome for one in results}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (WELL._replace(installation=INSTALLED._replace(daemon=None)), ("daemon-not-installed", W)),
        (WELL._replace(installation=NO_MODULE), ("pam-module-not-installed", W)),
        (WELL._replace(pam=PamFacts()), ("pam-service-absent", N)),
        (WELL._replace(pam=pam(b"@include nothing\n")), ("pam-file-malformed", E)),
        (WELL._replace(pam=pam(WITHOUT_RULES)), ("pam-rule-missing", W)),
        (WELL._replace(pam=pam(UNREACHED)), ("pam-rule-ineffective", W)),
        (WELL._replace(pam=pam(OPEN_TO_ALL)), ("pam-wrong-password-let-in", E)),
        (WELL._replace(pam=pam(PAST_IT)), ("pam-wrong-password-let-in", E)),
        (WELL._replace(pam=pam(KEPT_BEHIND)), ("pam-password-left-behind", W)),
        (WELL._replace(pam=pam(GUESSES)), ("pam-starts-at-wrong-password", W)),
        (WELL._replace(first_login=SOCKET), ("first-login-fails", W)),
        (WELL._replace(bus=BusFacts()), ("bus-absent", E)),
        (WELL._replace(bus=BusFacts(ADDRESS, "refused")), ("bus-unreachable", E)),
        (
            WELL._replace(bus=bus(None, None), daemons=(daemon(DaemonRole.LOGIN),)),
            ("daemon-waiting", E),
        ),
        (WELL._replace(bus=bus(KWALLET, None)), ("other-provider", E)),
        (WELL._replace(bus=bus(None, None)), ("daemon-on-another-bus", E)),
        (WELL._replace(bus=bus(None, None), daemons=()), ("secret-service-unowned", E)),
        (WELL._replace(bus=IDLE, daemons=()), ("secret-service-unowned", E)),
        (WELL._replace(bus=bus(login=GHOST)), ("keyring-ghost", E)),
        (
            WELL._replace(bus=bus(login=ABSENT), keyring=keyring(exists=False)),
            ("keyring-absent", E),
        ),
        (
            WELL._replace(bus=bus(None, None), daemons=(), keyring=keyring(exists=False)),
            ("keyring-absent", E),
        ),
        (WELL._replace(bus=bus(login=LOCKED), session=BY_PASSWORD), ("keyring-locked", E)),
        (WELL._replace(bus=bus(login=LOCKED), session=BY_SU), ("keyring-locked", E)),
        (WELL._replace(bus=bus(login=LOCKED), session=BY_KEY), ("login-without-password", E)),
        (WELL._replace(bus=bus(login=LOCKED), session=BY_DIALOGUE), ("login-without-password", E)),
        (WELL._replace(bus=bus(login=LOCKED)), ("login-without-password", E)),
    ],
)
def test_one_fault_is_one_finding(facts: Facts, expected: tuple[str, Severity]) -> None:
    assert [(one.id, one.severity) for one in findings(facts)] == [expected]


def test_a_missing_rule_concerns_later_logins_and_stands_behind_the_locked_keyring() -> None:
    facts = WELL._replace(pam=pam(WITHOUT_RULES), bus=bus(login=LOCKED), session=BY_KEY)
    found = sorted(findings(facts), key=lambda one: [E, W, N].index(one.severity))
    assert [(one.id, one.severity) for one in found] == [
        ("login-without-password", E),
        ("pam-rule-missing", W),
    ]
    assert found[0].remediation is not None
    assert found[0].remediation.lines == ("creds unlock",)
    (later,) = found[0].remediation.alternatives
    assert later.lines == ("sudo creds-setup-pam apply",)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (WELL._replace(bus=bus(login=LOCKED), session=BY_KEY), "accepted a public key"),
        (WELL._replace(bus=bus(login=LOCKED), session=BY_DIALOGUE), "keyboard-interactive"),
        (WELL._replace(bus=bus(login=LOCKED), session=BY_PASSWORD), "not the one that was typed"),
        (
            WELL._replace(bus=bus(login=LOCKED), session=BY_SU),
            "logind names no login for this session (su, cron, a container)",
        ),
        (
            WELL._replace(bus=bus(login=LOCKED), session=BY_SU._replace(service="login")),
            "can be read here says it of this login (service login)",
        ),
    ],
)
def test_a_locked_keyring_has_the_cause_that_its_login_tells(facts: Facts, words: str) -> None:
    (finding,) = findings(facts)
    assert words in finding.cause
    assert FILE in finding.evidence


@pytest.mark.parametrize(("age", "left"), [(20, "100 s"), (119.6, "0 s"), (123, "0 s")])
def test_a_waiting_daemon_tells_how_long_it_waits(age: float, left: str) -> None:
    waiting = daemon(DaemonRole.LOGIN, age=age)
    (finding,) = findings(WELL._replace(bus=bus(None, None), daemons=(waiting,)))
    assert f"ends in {left}" in finding.title
    assert "pid 7, role login, child of systemd (pid 1), user id 1000" in finding.evidence[0]


def test_a_waiting_daemon_is_no_fault_beside_one_that_serves() -> None:
    both = (daemon(DaemonRole.LOGIN), daemon(DaemonRole.UNIT, 9))
    assert [one.id for one in findings(WELL._replace(daemons=both))] == ["daemon-several"]
    assert findings(WELL._replace(daemons=both[:1])) == []


def test_a_cure_is_a_command_or_words() -> None:
    no_daemon = WELL._replace(installation=INSTALLED._replace(daemon=None))
    (finding,) = findings(no_daemon)
    assert finding.remediation is not None
    assert finding.remediation.commands == (("sudo", "apt", "install", "gnome-keyring"),)


def test_a_cure_that_is_words_is_no_command() -> None:
    unknown = InstallationFacts(None, "/x", "/y", "ID=plan9\n")
    (finding,) = findings(WELL._replace(installation=unknown))
    assert finding.remediation is not None
    assert finding.remediation.commands == ()


def test_a_keyring_that_cannot_be_looked_at_is_not_said_to_be_absent() -> None:
    facts = WELL._replace(bus=bus(None, None), daemons=(), keyring=keyring(exists=None))
    assert "keyring-absent" not in [one.id for one in findings(facts)]


LATE: dict[str, Any] = {
    "bus": BusFacts(
        None, "the session bus was not looked at in time", problem=BusProblem.NOT_LOOKED_AT
    ),
    "keyring": KeyringFacts("", None),
    "units": UnitsFacts(reason="systemd was not asked in time"),
    "session": SessionFacts("?", 1000),
    "log": (),
    "home": HomeFacts(),
    "runtime": RuntimeFacts(),
    "client": ClientFacts(),
    "activations": None,
}


@pytest.mark.parametrize("part", LATE)
def test_what_was_not_looked_at_in_time_is_not_said_to_be_broken(part: str) -> None:
    facts = WELL._replace(**{part: LATE[part]}, late=(part,))
    errors = {one.id for one in findings(facts) if one.severity is E}
    assert errors <= {"facts-incomplete"}
    assert "facts-incomplete" in [one.id for one in findings(facts)]


def test_a_keyring_whose_file_is_there_is_not_absent_because_the_bus_was_slow() -> None:
    facts = WELL._replace(bus=LATE["bus"], daemons=(), late=("bus", "processes"))
    assert "keyring-absent" not in [one.id for one in findings(facts)]


def test_pam_files_that_could_not_be_read_are_told() -> None:
    reason = "/etc/pam.d/common-auth: Permission denied"
    content = b"@include common-auth\n" + SSHD
    facts = WELL._replace(pam=PamFacts(files={SSHD_PATH: content}, reason=reason))
    assert reason in repr(run(CHECKS, facts))


@pytest.mark.parametrize("login", [None, *CollectionState])
@pytest.mark.parametrize("default", [None, *CollectionState])
@pytest.mark.parametrize("owner", [None, KWALLET, WELL.bus.owner])
def test_healthy_means_that_the_owner_of_the_name_says_unlocked(
    login: CollectionState | None, default: CollectionState | None, owner: NameOwner | None
) -> None:
    facts = WELL._replace(bus=WELL.bus._replace(owner=owner, login=login, default=default))
    healthy = not any(result.has_error for result in run(CHECKS, facts))
    assert healthy is facts.is_readable


@pytest.mark.parametrize(
    ("owner", "login", "default", "readable"),
    [
        (WELL.bus.owner, OPEN, OPEN, True),
        (WELL.bus.owner, OPEN, None, True),
        (WELL.bus.owner, OPEN, LOCKED, False),
        (WELL.bus.owner, LOCKED, LOCKED, False),
        (KWALLET, OPEN, LOCKED, False),
        (KWALLET, None, OPEN, True),
        (None, OPEN, OPEN, False),
    ],
)
def test_a_secret_can_be_read_where_the_keyring_that_programs_use_is_open(
    owner: NameOwner | None,
    login: CollectionState | None,
    default: CollectionState | None,
    readable: bool,
) -> None:
    facts = WELL._replace(bus=WELL.bus._replace(owner=owner, login=login, default=default))
    assert facts.is_readable is readable


@pytest.mark.parametrize(
    "line", [b"auht required x.so", b"auth requierd x.so", b"auth include nothing", b"auth"]
)
def test_a_line_that_refuses_every_login_is_an_error(line: bytes) -> None:
    found = findings(WELL._replace(pam=pam(SSHD + line + b"\n")))
    assert [(one.id, one.severity) for one in found] == [("pam-file-malformed", E)]


@pytest.mark.parametrize(
    ("state", "expected"),
    [(LOCKED, ["default-keyring-locked"]), (CollectionState.UNLOCKED, []), (None, [])],
)
def test_a_locked_default_keyring_is_an_error_beside_an_open_login_keyring(
    state: CollectionState | None, expected: list[str]
) -> None:
    path = "/org/freedesktop/secrets/collection/work"
    found = findings(WELL._replace(bus=WELL.bus._replace(default=state, default_path=path)))
    assert [one.id for one in found] == expected
    for finding in found:
        assert (finding.severity, finding.evidence) == (E, (path,))
        assert "work" in finding.title
        assert finding.remediation is not None
        assert finding.remediation.commands == (("creds", "unlock"),)


def test_a_locked_login_keyring_that_is_the_default_is_one_finding() -> None:
    facts = WELL._replace(bus=bus(login=LOCKED)._replace(default=LOCKED), session=BY_SU)
    assert [one.id for one in findings(facts)] == ["keyring-locked"]


@pytest.mark.parametrize(
    ("session", "command"), [(BY_PASSWORD, "rekey"), (BY_SU, "unlock"), (BY_KEY, "unlock")]
)
def test_a_keyring_that_refused_the_typed_password_is_to_be_given_it(
    session: SessionFacts, command: str
) -> None:
    (finding,) = findings(WELL._replace(bus=bus(login=LOCKED), session=session))
    assert finding.remediation is not None
    assert finding.remediation.commands == (("creds", command),)


def test_who_cannot_read_pams_files_is_told_how_root_looks_at_them() -> None:
    session = SessionFacts("a b", 1000, by_ssh=True, login_method="password")
    facts = WELL._replace(session=session, pam=WELL.pam._replace(reason="denied"))
    (found,) = (one for one in findings(facts) if one.id == "pam-files-unread")
    assert found.remediation is not None
    assert found.remediation.text == "look as root: sudo creds-doctor --user 'a b'"


NEWER = VendorFile("/etc/pam.d/sshd", "/usr/lib/pam.d/sshd", ("auth a.so",), ("auth b.so",))


def test_a_newer_file_of_a_vendor_is_named_with_the_rules_of_both_sides() -> None:
    facts = WELL._replace(pam=WELL.pam._replace(vendor_files=(NEWER,)))
    (found,) = (one for one in findings(facts) if one.id == "pam-vendor-newer")
    assert found.evidence == (
        "/etc/pam.d/sshd: /usr/lib/pam.d/sshd is newer",
        "/usr/lib/pam.d/sshd alone has: auth a.so",
        "/etc/pam.d/sshd alone has: auth b.so",
    )
    assert found.remediation is not None
    assert found.remediation.commands == (("sudo", "creds-setup-pam", "rebase"),)


def test_a_newer_file_is_not_judged_for_who_cannot_read_what_was_changed() -> None:
    facts = WELL._replace(pam=WELL.pam._replace(vendor_files=None))
    (result,) = (one for one in run(CHECKS, facts) if one.check == "pam-vendor-newer")
    assert result.outcome is Outcome.SKIPPED
    assert "only root" in result.summary


UNSEEN = SessionFacts("alice", 1000, by_ssh=True)
RESTARTED = (daemon(DaemonRole.ACTIVATED, age=5),)


@pytest.mark.parametrize("session", [UNSEEN, BY_PASSWORD])
def test_a_locked_keyring_asserts_nothing_about_the_login_that_nobody_saw(
    session: SessionFacts,
) -> None:
    """The daemon was killed after the login, and D-Bus started another one, which is locked."""
    facts = WELL._replace(bus=bus(login=LOCKED), session=session, daemons=RESTARTED)
    (found,) = findings(facts)
    assert found.title == "the login keyring is locked"
    assert "the daemon that had unlocked it has ended" in found.cause


def test_a_shell_whose_bus_ended_is_led_to_the_page_about_that() -> None:
    (about,) = (check.about for check in CHECKS if check.id == "bus-stale")
    assert "how-to/reconnect-a-shell.md" in about


HOLDER = ControlHolder(7, "unix:path=/tmp/dbus-x,guid=1", bus_listens=False)


@pytest.mark.parametrize("age", [4, 200])
def test_a_daemon_that_dbus_started_on_another_bus_is_found_by_the_control_socket(
    age: float,
) -> None:
    """dbus-run-session was hung up: a daemon of --start holds the socket, and serves nothing."""
    started = daemon(DaemonRole.ACTIVATED, age=age)
    facts = WELL._replace(bus=bus(None, None), daemons=(started,))
    assert "daemon-on-another-bus" not in {one.id for one in findings(facts)}
    held = facts._replace(control=ControlFacts("/run/user/1000/keyring/control", 1, 7))
    (found,) = findings(held._replace(control=held.control._replace(holder=HOLDER)))
    assert found.id == "daemon-on-another-bus"
    assert found.remediation is not None
    assert found.remediation.lines == ("kill 7", "creds unlock")
    assert found.evidence[1:] == (
        "pid 7 listens at /run/user/1000/keyring/control",
        "pid 7 was started with DBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/dbus-x,guid=1",
        "no process listens at that address any more",
    )


def test_nothing_is_said_of_a_bus_that_cannot_be_seen_or_is_this_one() -> None:
    for address in ("", ADDRESS):
        assert own_bus_lines(ControlHolder(7, address, bus_listens=None), ADDRESS) == ()
    lines = own_bus_lines(ControlHolder(7, "unix:path=/x", bus_listens=True), ADDRESS)
    assert lines == ("pid 7 was started with DBUS_SESSION_BUS_ADDRESS=unix:path=/x",)


@pytest.mark.parametrize("is_readable", [False, True])
def test_where_nobody_logs_in_a_note_about_pam_says_so_and_shows_what_works_there(
    *, is_readable: bool
) -> None:
    facts = WELL._replace(
        init=InitFacts("sh"), first_login=SOCKET, session=BY_SU, pam=pam(WITHOUT_RULES)
    )
    if not is_readable:
        facts = facts._replace(
            bus=BusFacts(None, "no bus"), daemons=(), keyring=keyring(exists=False)
        )
    notes = {one.id: one for one in findings(facts) if one.severity is N}
    for name in ("first-login-fails", "pam-rule-missing"):
        note = notes[name]
        assert note.title.startswith("no init runs here (process 1 is sh), so nobody logs in; on")
        assert note.remediation is not None
        lines = () if is_readable else (START, "creds unlock --create")
        assert note.remediation.lines == lines
    moot = {name for name, note in notes.items() if note.is_moot}
    assert moot >= {"first-login-fails", "pam-rule-missing"}
    assert "container-without-init" not in moot
    at_logins = facts._replace(init=WELL.init)
    assert not any(one.is_moot for one in findings(at_logins))
