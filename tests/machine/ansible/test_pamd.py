"""The usual three rules by community.general.pamd and by the module pam, on booted machines.

A real ansible-playbook changes the files. Real logins by ssh and ``creds-setup-pam judge`` say what
became of each machine. The second table on fleets in docs/explanation/comparison.md holds the
results; CREDS_PAMD_TABLE=write writes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

import pexpect
import pytest

from tests.machine.support.ansible_controller import Controller
from tests.machine.support.ansible_tasks import task
from tests.machine.support.login import LoginFailed
from tests.machine.support.machine import Boot, Machine
from tests.machine.support.rootfs import CHECKOUT
from tests.trees import pamd

# The package that brings pamd is fetched.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(2400)]
PAGE = CHECKOUT / "docs/explanation/comparison.md"
BEGIN, END = "<!-- made by tests/machine/ansible/test_pamd.py -->\n", "<!-- end -->"
PAM_D, OLD = "/etc/pam.d", "/root/pam.d.old"
ASK = ("-o", "PreferredAuthentications=keyboard-interactive")
TYPE = ("-o", "PreferredAuthentications=password")
PASSWORD, NEW = "correct horse 7!", "battery staple 8!"
HOOK = "/etc/profile.d/creds-session.sh"
LIMIT = 120  # seconds for a login on a busy machine
SECRET = "s3cret of alice"
CHANGED = r"\[(\d+)\]: pam_unix\(sshd:chauthtok\): password changed for alice\n"
FILES = {"/etc/ssh/sshd_config.d/10-ask.conf": b"KbdInteractiveAuthentication yes\n"}
REFUSED = {
    "alice": ("the wrong password", "true"),
    "locked": (PASSWORD, "usermod --lock locked"),
    "expired": (PASSWORD, "chage --expiredate 0 expired"),
}
"""Users who must be refused: the password that they type, and what refuses them."""
HEAD = (
    *("machine", "rules by", "auth rule", "password rule", "session rule"),
    *("a login unlocks the keyring", "a daemon outlives the session"),
    "the right password is let in",
    *("let in, and refused before", "found by `judge`"),
)


class Kind(NamedTuple):
    """A machine, and the service files that the person who writes the playbook has chosen."""

    title: str
    release: str
    layout: str
    services: tuple[str, ...] = ("sshd",)


KINDS = {
    "debian": Kind("Debian 13", "trixie", "debian"),
    "common": Kind(
        "Debian 12, common-auth and common-session",
        *("bookworm", "debian"),
        # Debian's own profile has the password rule.
        ("common-auth", "common-session"),
    ),
    "redhat": Kind("Debian 13 with Red Hat's files", "trixie", "redhat"),
    "arch": Kind("Debian 13 with Arch Linux's files", "trixie", "arch"),
}


class Seen(NamedTuple):
    """What became of a machine. ``rules`` has a word for auth, password and session."""

    rules: tuple[str, ...]
    is_unlocked: bool
    is_outlived: bool
    is_let_in: bool
    newly_let_in: tuple[str, ...]
    judged: tuple[str, ...]

    def row(self, title: str, tool: str) -> str:
        """Return the row of the table."""
        names = {True: "yes", False: "no"}
        words = (*self.rules, names[self.is_unlocked], names[self.is_outlived])
        people = (names[self.is_let_in], ", ".join(self.newly_let_in) or "nobody")
        judged = ", ".join(self.judged).replace("_", " ") or "nothing"
        return "| " + " | ".join((title, tool, *words, *people, judged)) + " |"


@pytest.fixture(scope="module")
def fleet(boot: Boot, controller: Controller) -> Controller:
    """Boot the machines. alice has a keyring with a secret, and no login unlocks it."""
    controller.collections.append(pamd.collection())
    for name, kind in KINDS.items():
        machine = boot(kind.release, kind.layout, files=FILES)
        machine.run("rm", HOOK)  # it would ask for the password that the rules did not pass on
        for user in REFUSED:
            machine.add_user(user, PASSWORD)
        for _, command in REFUSED.values():
            machine.sh(command)
        controller.add(name, machine)
        with machine.ssh("alice", PASSWORD, *TYPE, timeout=LIMIT) as session:
            made = f"printf '{PASSWORD}' | creds unlock --create --password-stdin"
            assert session.run(made).status == 0
            assert session.run(f"printf '{SECRET}' | creds put app me").status == 0
        log_out(machine)
        assert use(machine) == Used(is_unlocked=False, is_outlived=False)
        assert let_in(machine) == ()
        machine.run("cp", "-aL", PAM_D, OLD)
    return controller


def outside_of_sessions(machine: Machine) -> list[str]:
    """Return the process ids of what runs as alice, and does not end with her sessions."""
    pids = [line.split()[0] for line in machine.processes("alice")]
    groups = {
        pid: machine.run("cat", f"/proc/{pid}/cgroup", check=False).stdout.strip() for pid in pids
    }
    return [pid for pid, group in groups.items() if group and "/user.slice/" not in group]


def log_out(machine: Machine) -> None:
    """End alice's session, her user manager, and every daemon of hers."""
    machine.run("loginctl", "terminate-user", "alice", check=False)
    for pid in outside_of_sessions(machine):
        machine.run("kill", pid, check=False)
    machine.wait_until_gone("alice")


class Used(NamedTuple):
    """What a login by password saw."""

    is_unlocked: bool
    is_outlived: bool


def use(machine: Machine) -> Used:
    """Log in by password, and look whether a program reads the secret, and what will stay."""
    with machine.ssh("alice", PASSWORD, *TYPE, timeout=LIMIT) as session:
        found = session.run("creds get app me")
        stays = bool(outside_of_sessions(machine))
    log_out(machine)
    return Used(found.status == 0 and found.output == SECRET, stays)


def can_log_in(machine: Machine, user: str, password: str) -> bool:
    """Return whether a login by a typed password reaches a shell. Raises LoginFailed.

    A login that got no answer in time was not refused.
    """
    try:
        with machine.ssh(user, password, *TYPE, timeout=LIMIT) as session:
            return session.run("true").status == 0
    except LoginFailed as error:
        if isinstance(error.__context__, pexpect.TIMEOUT):
            raise
        return False


def let_in(machine: Machine) -> tuple[str, ...]:
    """Return who of those who must be refused is let in."""
    return tuple(
        user for user, (password, _) in REFUSED.items() if can_log_in(machine, user, password)
    )


def rule_runs_at_a_change(machine: Machine) -> bool:
    """Let sshd's own stack change an expired password; return whether a rule of ours ran in it."""
    machine.run("chage", "--lastday", "0", "alice")
    answers = [PASSWORD, NEW, NEW]
    with machine.ssh("alice", PASSWORD, *ASK, answers=answers, timeout=LIMIT) as session:
        assert session.run("true").status == 0
    log_out(machine)
    machine.run("chpasswd", stdin=f"alice:{PASSWORD}\n".encode())
    journal = machine.journal()
    changed = list(re.finditer(CHANGED, journal))[-1]
    return f"[{changed.group(1)}]: gkr-pam: " in journal[changed.end() :]


def rules(machine: Machine, services: tuple[str, ...]) -> dict[str, str]:
    """Return what ``creds-setup-pam check`` says of each rule of sshd."""
    checked = json.loads(machine.run("creds-setup-pam", "--json", "check", check=False).stdout)
    (sshd,) = [one for one in checked["services"] if one["service"] == "sshd"]
    files = "".join(machine.run("cat", f"{PAM_D}/{name}").stdout for name in services)
    words = {}
    for group in sshd["groups"]:
        word = ("works" if group["reached"] else "never runs") if group["present"] else "missing"
        pattern = rf"^-?{group['group']}\s.*pam_gnome_keyring\.so"
        is_twice = len(re.findall(pattern, files, re.MULTILINE)) > 1
        words[group["group"]] = f"{word}, twice" if is_twice else word
    return words


def look(machine: Machine, services: tuple[str, ...]) -> Seen:
    """Log in in every way. What is seen must be what the check says of the rules."""
    found = rules(machine, services)
    works = {group: word.startswith("works") for group, word in found.items()}
    is_let_in = can_log_in(machine, "alice", PASSWORD)
    log_out(machine)
    used = Used(is_unlocked=False, is_outlived=False)
    if is_let_in:
        used = use(machine)
        assert used.is_unlocked == (works["auth"] and works["session"]), found
        assert rule_runs_at_a_change(machine) == works["password"], found
    judge = ("creds-setup-pam", "--json", "judge", "--before", OLD)
    judged = json.loads(machine.run(*judge, check=False).stdout)
    return Seen(
        rules=tuple(found[group] for group in ("auth", "password", "session")),
        is_unlocked=used.is_unlocked,
        is_outlived=used.is_outlived,
        is_let_in=is_let_in,
        newly_let_in=let_in(machine),
        judged=tuple(sorted({one["kind"] for one in judged["findings"]})),
    )


@contextlib.contextmanager
def restored(fleet: Controller) -> Iterator[None]:
    """Restore the PAM files of every machine at the end."""
    yield
    for machine in fleet.machines.values():
        machine.sh(f"rm -r {PAM_D}; cp -a {OLD} {PAM_D}")


def playbook(fleet: Controller) -> str:
    """Write the playbook of a person who has looked up the last rule of each type on each host."""
    plays = []
    for name, kind in KINDS.items():
        machine = fleet.machines[name]
        arguments = [
            one
            for service in kind.services
            for one in pamd.tasks(
                machine.run("cat", f"{PAM_D}/{service}").stdout.encode(), PAM_D, service
            )
        ]
        plays.append(
            f"- hosts: {name}\n  become: true\n  gather_facts: false\n  tasks:\n"
            + "".join(f"    - community.general.pamd: {json.dumps(one)}\n" for one in arguments)
        )
    return "".join(plays)


def test_what_becomes_of_each_machine(fleet: Controller) -> None:
    with restored(fleet):
        done = fleet.play(playbook(fleet))
        assert done.code == 0, done.output
        assert {one.host for one in done.changed} == set(KINDS)
        by_pamd = {name: look(fleet.machines[name], kind.services) for name, kind in KINDS.items()}
    done = task(fleet, "pam")
    assert done.code == 0, done.output
    by_us = {name: look(fleet.machines[name], ("sshd",)) for name in KINDS}
    healthy = Seen(
        ("works",) * 3,
        is_unlocked=True,
        is_outlived=False,
        is_let_in=True,
        newly_let_in=(),
        judged=(),
    )
    assert by_us == dict.fromkeys(KINDS, healthy)
    rows = [
        seen[name].row(kind.title, tool)
        for name, kind in KINDS.items()
        for tool, seen in (("pamd", by_pamd), ("the module `pam`", by_us))
    ]
    compare_with_page(rows)


def compare_with_page(rows: list[str]) -> None:
    """Require that the page has these rows, or write them if the variable says so."""
    title = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    table = "\n".join([*title, *rows]) + "\n"
    head, begin, rest = PAGE.read_text("utf-8").partition(BEGIN)
    assert begin, f"{PAGE} has no {BEGIN}"
    body, _, tail = rest.partition(END)
    if os.environ.get("CREDS_PAMD_TABLE") == "write":
        PAGE.write_text(f"{head}{BEGIN}{table}{END}{tail}", "utf-8")
        return
    assert body == table
