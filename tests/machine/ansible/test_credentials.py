"""``credential`` and ``credential_info`` in the session of a person, over a real ssh."""

from __future__ import annotations

import hashlib

import pytest

from tests.machine.support.ansible_controller import Controller
from tests.machine.support.ansible_tasks import ALICE, alice, task
from tests.machine.support.machine import Boot

# It may make the environment of Ansible first.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def fleet(boot: Boot, controller: Controller) -> Controller:
    for name in ("bookworm", "trixie"):
        controller.add(name, boot(name))
    return controller


PASSWORDS = {
    "plain": "s3cret",
    "quotes": 'it\'s "quoted" \\ `x`',
    "command": "$(id) ${HOME} %s",
    "newline at the end": "two lines\nand a newline\n",
    "UTF-8": "pässwörd ✓ 密码",
    "4 KiB": "x'\"$" * 1024,
}


@pytest.mark.parametrize("name", ["bookworm", "trixie"])
def test_credentials_are_stored_byte_for_byte(fleet: Controller, name: str) -> None:
    with alice(fleet, name) as (_, session):
        for kind, password in PASSWORDS.items():
            given = {"service": "app", "username": kind, "password": password}
            would = task(fleet, "credential", name, "alice", "--check", "--diff", **given)
            assert would.changed, would.output
            assert session.run("creds list app").output.find(f"\t{kind}") == -1
            made = task(fleet, "credential", name, "alice", "--diff", "-vvvv", **given)
            assert made.code == 0, made.output
            assert password not in made.output
            shown = session.run(f"creds get --no-newline app '{kind}' | sha256sum").output
            assert shown.split()[0] == hashlib.sha256(password.encode()).hexdigest(), kind
            again = task(fleet, "credential", name, "alice", **given)
            assert (again.code, again.changed) == (0, []), again.output
        kept = task(
            fleet,
            "credential",
            name,
            "alice",
            service="app",
            username="plain",
            password="another",
            update_password="on_create",
        )
        assert (kept.code, kept.changed) == (0, []), kept.output
        listed = task(fleet, "credential_info", name, "alice", service="app")
        names = {one["username"] for one in listed.last(name).result["credentials"]}
        assert names == set(PASSWORDS)
        revealed = fleet.play(REVEAL.replace("HOST", name), "-vvvv")
        assert revealed.code == 0, revealed.output
        assert PASSWORDS["command"] not in revealed.output
        gone = task(
            fleet, "credential", name, "alice", service="app", username="plain", state="absent"
        )
        assert gone.changed
        assert session.run("creds get app plain").status == 1


REVEAL = """\
- hosts: HOST
  gather_facts: false
  become: true
  become_user: alice
  tasks:
    - creds_session.keyring.credential_info:
        service: app
        username: command
        reveal: true
      register: read
    - ansible.builtin.assert:
        that: read.password is match('[$][(]id')
        quiet: true
"""


def test_check_mode_unlocks_nothing(fleet: Controller) -> None:
    with alice(fleet, "trixie") as (_, session):
        assert session.run("creds lock").status == 0
        given = {"service": "app", "username": "x", "password": "y", "keyring_password": ALICE}
        would = task(fleet, "credential", "trixie", "alice", "--check", **given)
        assert would.code == 0, would.output
        assert session.run("creds status").status == 77
        looked = task(fleet, "credential_info", "trixie", "alice").last("trixie").result
        assert (looked["readable"], looked["state"]) == (False, "locked")
        assert session.run("creds status").status == 77
        locked = task(
            fleet, "credential", "trixie", "alice", service="app", username="x", password="y"
        )
        assert locked.last("trixie").result["rc"] == 77
        made = task(fleet, "credential", "trixie", "alice", **given)
        assert made.last("trixie").result["unlocked"], made.output
        assert session.run("creds get app x").output == "y"
