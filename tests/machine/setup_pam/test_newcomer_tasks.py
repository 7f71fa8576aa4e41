"""What somebody does who has nothing but the documents: their commands, typed as they stand there.

The tests of this module share one machine, on which logins by password unlock the keyring. Each
test begins with a person whose keyring holds one secret, or with nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests import recipes
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine
from tests.machine.support.typist import (
    FIRST,
    SECRET,
    alice_with_a_secret,
    end_all,
    pam_files,
    reads,
    succeeds,
    typed,
)

README = "README.md"
CHANGED = "docs/how-to/password-changed.md"
MOVE = "docs/how-to/move-and-back-up.md"
SAFELY = "docs/how-to/change-pam-safely.md"
UNLOCK = "docs/how-to/unlock.md"
REMOVE = "docs/how-to/remove.md"
ROOT = "root's own 5"
SECOND, THIRD = "Tr0ub4dor&3 2", "Tr0ub4dor&3 3"
FILES = {"/etc/ssh/sshd_config.d/10-root.conf": b"PermitRootLogin yes\n"}
HOOK = "/etc/profile.d/creds-session.sh"
KEYRINGS = "~/.local/share/keyrings"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    machine = boot(request.param, files=FILES)
    machine.run("chpasswd", stdin=f"root:{ROOT}\n".encode())
    machine.sh("echo 127.0.0.1 $(hostname) >>/etc/hosts")  # sudo asks for this machine's address
    machine.run("useradd", "--create-home", "--shell=/bin/bash", "--uid=1001", "bob")
    machine.run("chpasswd", stdin=b"bob:pw of bob\n")
    return machine


@pytest.fixture(scope="module")
def pam(machine: Machine) -> dict[str, str]:
    """Return the PAM files as they are before the first test."""
    return pam_files(machine)


@pytest.fixture
def root(machine: Machine) -> Iterator[Login]:
    """Keep a root shell open, as the documents advise."""
    with machine.ssh("root", ROOT) as session:
        yield session


@pytest.fixture
def changed(machine: Machine, pam: dict[str, str]) -> None:
    """Have logins by password unlock the keyring."""
    machine.run("creds-setup-pam", "apply")
    assert pam_files(machine) != pam


@pytest.fixture
def alice(machine: Machine, changed: None) -> Iterator[Machine]:
    """Return the machine with a new alice, whose first login has created her keyring."""
    del changed
    with alice_with_a_secret(machine):
        yield machine


def test_one_user_without_pam(machine: Machine) -> None:
    """The README's way without root, except pipx, which needs a network."""
    install, start, create, hook = recipes.commands(README, "pipx install .")
    assert install == "pipx install ."
    machine.add_user("carol", "pw of carol")
    machine.run("mv", HOOK, "/root/hook")
    try:
        with machine.ssh("carol", "pw of carol") as session:
            succeeds(session, start)
            succeeds(session, create, "pw of keyring", "pw of keyring")
            succeeds(session, hook)
        end_all(machine, "carol")
        with machine.ssh("carol", "pw of carol", answers=("pw of keyring",)) as session:
            succeeds(session, "creds put github alice", SECRET, SECRET)
            reads(session)
            *remove, uninstall = recipes.commands(REMOVE, "pipx uninstall creds-session")
            assert uninstall == "pipx uninstall creds-session"
            for command in remove:
                succeeds(session, command)
            assert "creds hook" not in session.run("cat ~/.profile").output
    finally:
        machine.run("mv", "/root/hook", HOOK)


def test_four_commands(machine: Machine, root: Login, pam: dict[str, str]) -> None:
    """Everything is installed already by the first one."""
    machine.run("creds-setup-pam", "revert")
    install, change = recipes.commands(README, "./scripts/install\ncreds-setup-pam")
    assert install == "./scripts/install"
    assert "Apply this change?" in succeeds(root, change)
    assert pam_files(machine) != pam
    put, get = recipes.commands(README, "creds put github alice")
    machine.add_user("dora", "pw of dora")
    with machine.ssh("dora", "pw of dora") as session:
        succeeds(session, put, SECRET, SECRET)
        assert succeeds(session, get) == SECRET
    with machine.ssh("dora", "pw of dora") as session:
        assert succeeds(session, get) == SECRET


def test_a_change_from_afar(alice: Machine, pam: dict[str, str]) -> None:
    alice.run("creds-setup-pam", "revert")
    end_all(alice, "alice")
    (apply,) = recipes.commands(SAFELY, "--confirm-within")
    (confirm,) = recipes.commands(SAFELY, "sudo creds-setup-pam confirm")
    with alice.ssh("alice", FIRST, answers=("",)) as session:
        assert "PAM lets alice in" in succeeds(session, apply, FIRST, sudo=FIRST)
        (timers,) = recipes.commands(SAFELY, "list-timers")
        assert "creds-setup-pam" in succeeds(session, f"PAGER=cat {timers}")
        with alice.ssh("alice", FIRST) as later:
            assert "confirmed" in succeeds(later, confirm, sudo=FIRST)
        reads(session)
    assert pam_files(alice) != pam


def test_the_same_as_root(alice: Machine, root: Login, pam: dict[str, str]) -> None:
    succeeds(root, "creds-setup-pam revert")
    _install, diff, _apply = recipes.commands(README, "creds-setup-pam diff")
    assert typed(root, diff).status == 1  # a change is needed
    apply, confirm = recipes.commands(README, "--confirm-within 10m")
    assert "PAM lets alice in" in succeeds(root, apply, FIRST)
    with alice.ssh("root", ROOT) as later:
        assert "confirmed" in succeeds(later, confirm)
    assert pam_files(alice) != pam


def test_the_user_name_is_stored_under_a_key(alice: Machine) -> None:
    make_key, put, get = recipes.commands(README, "--username-key-file")
    with alice.ssh("alice", FIRST) as session:
        succeeds(session, make_key)
        succeeds(session, put, "other", "other")
        assert succeeds(session, get) == "other"
        script = session.run("cat ~/.config/report/username.key").output
        assert "alice" not in script


def test_the_password_of_the_keyring_comes_from_a_script(alice: Machine) -> None:
    end_all(alice, "alice")
    alice.sh(
        f"mkdir -p /run/alice; printf '{FIRST}' >/run/alice/password; chown -R alice /run/alice"
    )
    with alice.ssh("alice", FIRST) as session:
        for holding in ("--password-stdin < /run/alice/password", "--password-fd 3"):
            succeeds(session, "creds lock")
            (unlock,) = recipes.commands(UNLOCK, holding)
            succeeds(session, unlock)
            reads(session)
        (explain,) = recipes.commands(UNLOCK, "creds unlock --explain")
        succeeds(session, explain)
        session.run(f"pkill -u alice -x gnome-keyring-d; rm -r {KEYRINGS}; password=new")
        (create,) = recipes.commands(UNLOCK, "--create --password-stdin")
        succeeds(session, create)
        succeeds(session, "creds put github alice", "new", "new")
        reads(session, "new")


def test_the_password_is_changed_by_its_owner(alice: Machine) -> None:
    with alice.ssh("alice", FIRST) as session:
        succeeds(session, "passwd", FIRST, SECOND, SECOND)
    end_all(alice, "alice")
    with alice.ssh("alice", SECOND) as session:
        reads(session)


def test_the_password_is_changed_by_root(alice: Machine, root: Login) -> None:
    succeeds(root, "passwd alice", SECOND, SECOND)
    end_all(alice, "alice")
    with alice.ssh("alice", SECOND, answers=("",)) as session:
        assert session.run("creds get github alice").status == 77
        (rekey,) = recipes.commands(CHANGED, "creds rekey")
        doctor = typed(session, "creds-doctor").output
        assert re.search(rf"^ +{rekey}$", doctor, re.MULTILINE), doctor
        asked = succeeds(session, rekey, FIRST, SECOND, SECOND)
        prompts = recipes.block(CHANGED, "Old password of the login keyring:")
        assert recipes.is_as_shown(asked, f"{prompts}\n…"), asked
        reads(session)
    end_all(alice, "alice")
    with alice.ssh("alice", SECOND) as session:
        reads(session)
        for command in recipes.commands(CHANGED, "creds-backup-*"):
            succeeds(session, command)
        left = session.run(f"ls {KEYRINGS}").output
        assert left.split() == ["login.keyring", "user.keystore"]


def test_the_password_of_the_keyring_is_changed_by_a_script(alice: Machine) -> None:
    first, second, by_service = recipes.commands(CHANGED, "< /run/alice/passwords")
    assert "--password-credential" in by_service  # runs only in a service
    alice.sh("mkdir -p /run/alice")
    with alice.ssh("alice", FIRST) as session:
        for command, old, new in ((first, FIRST, SECOND), (second, SECOND, THIRD)):
            alice.sh(f"printf '%s\\n' '{old}' '{new}' >/run/alice/passwords")
            alice.sh("chown -R alice /run/alice")
            succeeds(session, command)
            reads(session)
        succeeds(session, "creds lock")
        succeeds(session, "creds unlock", THIRD)


def test_nobody_knows_the_keyrings_password(alice: Machine) -> None:
    alice.run("chpasswd", stdin=f"alice:{SECOND}\n".encode())
    end_all(alice, "alice")
    with alice.ssh("alice", SECOND, answers=("",)) as session:
        assert session.run("creds get github alice").status == 77
        end, move, create = recipes.commands(CHANGED, "forgotten")
        succeeds(session, end)
        succeeds(session, move)
        succeeds(session, create, SECOND, SECOND)
        succeeds(session, "creds put github alice", "new", "new")
    end_all(alice, "alice")
    with alice.ssh("alice", SECOND) as session:
        reads(session, "new")


def test_a_keyring_is_backed_up_and_restored(alice: Machine) -> None:
    with alice.ssh("alice", FIRST) as session:
        for command in recipes.commands(MOVE, "chmod 600 ~/keyrings.tar"):
            succeeds(session, command)
        succeeds(session, "creds delete github alice")
        end, move, restore, unlock = recipes.commands(MOVE, "keyrings.old\ntar -C")
        for command in (end, move, restore):
            succeeds(session, command)
        succeeds(session, unlock, FIRST)
        (show,) = recipes.commands(MOVE, "creds list")
        assert succeeds(session, show).split() == ["github", "alice"]
        reads(session)


def test_a_keyring_moves_to_a_user_who_has_one(alice: Machine) -> None:
    """The copy takes the place of bob's keyring, which is unlocked."""
    with alice.ssh("alice", FIRST) as session:
        for command in recipes.commands(MOVE, "chmod 600 ~/keyrings.tar"):
            succeeds(session, command)
    *replace, unlock, tidy_up = recipes.commands(MOVE, "rm ~/keyrings.tar")
    (rekey,) = recipes.commands(MOVE, "creds rekey")
    with alice.ssh("bob", "pw of bob") as session:
        succeeds(session, "creds put own me", "x", "x")
        alice.run("install", "-o", "bob", "-m", "600", "/home/alice/keyrings.tar", "/home/bob/")
        for command in replace:
            succeeds(session, command)
        succeeds(session, unlock, FIRST)
        succeeds(session, tidy_up)
        reads(session)
        succeeds(session, rekey, FIRST, "pw of bob", "pw of bob")
    end_all(alice, "bob")
    with alice.ssh("bob", "pw of bob") as session:
        reads(session)
        assert session.run(f"ls {KEYRINGS}.old").output.split() == [
            "login.keyring",
            "user.keystore",
        ]


def test_all_of_it_is_removed(
    machine: Machine, root: Login, changed: None, pam: dict[str, str]
) -> None:
    del changed
    (revert,) = recipes.commands(REMOVE, "creds-setup-pam revert")
    (uninstall,) = recipes.commands(REMOVE, "--uninstall")
    succeeds(root, revert)
    assert pam_files(machine) == pam
    succeeds(root, "cd /opt/source")
    succeeds(root, uninstall)
    own = {"creds-session"}  # the service that scripts/install puts into /etc/pam.d
    assert pam_files(machine) == {name: file for name, file in pam.items() if name not in own}
    names = "creds creds-askpass creds-doctor creds-setup-pam"
    assert machine.sh(f"command -v {names}", check=False).stdout == ""
