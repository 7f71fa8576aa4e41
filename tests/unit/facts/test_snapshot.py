from __future__ import annotations

import pytest

from creds_session.facts.session import BusFacts, DaemonRole, NameOwner, daemon_role
from creds_session.facts.snapshot import FirstLoginFacts

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
