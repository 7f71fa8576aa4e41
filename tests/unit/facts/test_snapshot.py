from __future__ import annotations

from collections.abc import Iterable

import pytest

from creds_session.doctor.checks import CHECKS, run
from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.as_json import values
from creds_session.doctor.report.terminal import plain
from creds_session.facts import snapshot
from creds_session.facts.login_log import LoginLog, LogLine, explain_log
from creds_session.facts.session import BusFacts, DaemonRole, NameOwner, daemon_role
from creds_session.facts.snapshot import FirstLoginFacts
from tests.unit import examples

SOCKET = "/usr/lib/systemd/user/gnome-keyring-daemon.socket"


@pytest.mark.parametrize(
    ("arguments", "role"),
    [
        ("--daemonize --login", DaemonRole.LOGIN),
        ("-d -l", DaemonRole.LOGIN),
        ("--foreground --components=pkcs11,secrets --control-directory=/run/x", DaemonRole.UNIT),
        ("-f -C /run/x", DaemonRole.UNIT),
        ("-f -C/run/x", DaemonRole.UNIT),
        ("--start --foreground --components=secrets", DaemonRole.ACTIVATED),
        ("-s -f", DaemonRole.ACTIVATED),
        ("--start --foreground --control-directory=/run/x", DaemonRole.ACTIVATED),
        ("--unlock --daemonize", DaemonRole.BY_HAND),
        ("--unlock --foreground --control-directory=/run/x", DaemonRole.BY_HAND),
        ("--foreground", DaemonRole.BY_HAND),
        ("--control-directory=/run/x", DaemonRole.BY_HAND),
        ("", DaemonRole.BY_HAND),
    ],
)
def test_daemon_role_is_told_by_the_arguments(arguments: str, role: DaemonRole) -> None:
    assert daemon_role(["/usr/bin/gnome-keyring-daemon", *arguments.split()]) is role


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gnome-keyring-d", True),
        ("gnome-keyring-daemon", True),
        ("gnome-keyring-", False),
        ("gnome-keyring", False),
        ("gnome-keyring-daemon2", False),
        ("xgnome-keyring-d", False),
        ("kwalletd6", False),
        ("keepassxc", False),
        ("", False),
    ],
)
def test_name_owner_is_gnome_keyring_by_the_cut_name(name: str, expected: bool) -> None:
    assert NameOwner(7, 1000, name).is_gnome_keyring is expected


def test_bus_answers_only_with_an_address_and_no_reason() -> None:
    assert BusFacts("unix:path=/x").answers
    assert not BusFacts("unix:path=/x", "refused").answers
    assert not BusFacts().answers


@pytest.mark.parametrize(
    ("facts", "breaks"),
    [
        (FirstLoginFacts(), False),
        (FirstLoginFacts(SOCKET), True),
        (FirstLoginFacts(SOCKET, masked=True), False),
        (FirstLoginFacts(SOCKET, conditional=True), False),
    ],
)
def test_first_login_breaks_where_the_socket_is_free(facts: FirstLoginFacts, breaks: bool) -> None:
    assert facts.breaks_first_login is breaks


def test_the_login_log_is_explained_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counting(lines: Iterable[LogLine], user: str, *, port: str, service: str) -> LoginLog:
        calls.append(user)
        return explain_log(lines, user, port=port, service=service)

    monkeypatch.setattr(snapshot, "explain_log", counting)
    accepted = "Accepted password for alice from 10.0.0.1 port 50000 ssh2"
    facts = examples.WELL._replace(log=(LogLine(examples.NOW, "sshd", 4321, accepted),))
    diagnosis = Diagnosis(facts, run(CHECKS, facts))
    assert values(diagnosis)["login_log"]
    assert accepted in plain(diagnosis, titles={})
    assert calls == ["alice"]
