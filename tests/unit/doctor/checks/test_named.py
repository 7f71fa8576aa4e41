"""What cannot be broken for real, or not everywhere, is judged of facts made up."""

from __future__ import annotations

from typing import Any

import pytest

from creds_session.doctor.checks import CHECKS, run
from creds_session.facts.login_log import LogLine
from creds_session.facts.machine import (
    ClientFacts,
    HomeFacts,
    InitFacts,
    OtherProcess,
    PathFacts,
    PathKind,
    ProcessFacts,
    RuntimeFacts,
    UnitFacts,
    UnitsFacts,
)
from creds_session.facts.session import BusFacts, NameOwner, SessionFacts
from creds_session.facts.snapshot import Facts
from tests.unit.examples import ADDRESS, WELL

CLIENT, BUS = WELL.client, WELL.bus
HUNG = BusFacts(ADDRESS, "no answer to ReadAlias", WELL.bus.owner)
FOREIGN = PathFacts("/run/user/7", PathKind.FOLDER, 7, 0o700)
FAILED = UnitFacts("loaded", "failed", "failed", "exit-code")
SILENT = BusFacts(ADDRESS, "refused")
LINES = (
    LogLine(1, "sshd", 9, "Accepted password for alice from ::1 port 5"),
    LogLine(2, "sshd", 9, "gkr-pam: gnome-keyring-daemon started properly and unlocked keyring"),
)


def with_client(**changes: Any) -> Facts:
    return WELL._replace(client=CLIENT._replace(**changes))


def with_processes(**changes: Any) -> Facts:
    return WELL._replace(processes=ProcessFacts()._replace(**changes))


@pytest.mark.parametrize(
    ("check_id", "facts"),
    [
        ("facts-incomplete", WELL._replace(late=("log: nothing within its time",))),
        ("wsl-without-login", WELL._replace(init=InitFacts("systemd", is_wsl=True))),
        ("container-without-init", WELL._replace(init=InitFacts("sh"))),
        ("processes-hidden", WELL._replace(init=InitFacts(hides_processes=True))),
        ("daemon-capabilities", WELL._replace(init=InitFacts(lacks_capability="CAP_IPC_LOCK"))),
        ("bus-sandboxed", with_client(sandbox="flatpak")),
        (
            "backend-none",
            with_client(variables={"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.K"}),
        ),
        ("backend-elsewhere", with_client(configured_backend="mine.Mine")),
        ("secretstorage-missing", with_client(has_secretstorage=False)),
        ("prompt-waiting", with_processes(prompters=(OtherProcess(5, 1000, "gcr-prompter"),))),
        ("daemon-zombie", with_processes(zombies=(OtherProcess(5, 1000, "gnome-keyring-d"),))),
        ("daemon-impostor", with_processes(impostors=(OtherProcess(5, 1000, "x", "S", "/x"),))),
        (
            "provider-foreign",
            WELL._replace(bus=BUS._replace(owner=NameOwner(7, 0, "gnome-keyring-d"))),
        ),
        ("daemon-hung", WELL._replace(bus=HUNG)),
        (
            "root-under-sudo",
            WELL._replace(session=SessionFacts("root", 0, sudo_user="alice"), bus=SILENT),
        ),
        ("runtime-directory-foreign", WELL._replace(runtime=RuntimeFacts(FOREIGN))),
        ("home-foreign", WELL._replace(home=HomeFacts(FOREIGN))),
        ("user-manager-failed", WELL._replace(units=UnitsFacts(FAILED))),
        ("unit-failed", WELL._replace(units=UnitsFacts(UnitFacts(), FAILED, FAILED))),
        ("bus-unreachable", WELL._replace(bus=BusFacts(ADDRESS, "no answer in time"))),
        ("bus-not-local", WELL._replace(bus=BusFacts("tcp:host=x", "not a unix socket"))),
        ("daemon-gone", WELL._replace(bus=BusFacts(ADDRESS), daemons=(), log=LINES)),
    ],
)
def test_it_is_named_first(check_id: str, facts: Facts) -> None:
    found = [one.id for result in run(CHECKS, facts) for one in result.findings]
    assert found[:1] == [check_id]


def test_a_machine_of_which_nothing_is_known_makes_no_check_crash() -> None:
    facts = Facts(0.0, SessionFacts("?", 1), BusFacts(), WELL.keyring)
    assert [one.check for one in run(CHECKS, facts) if one.outcome.value == "crashed"] == []
    assert ClientFacts().hooks == ()
