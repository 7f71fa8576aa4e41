"""What somebody does who has nothing but the documents: their commands, typed as they stand there.

The tests of this module go on from one another on one machine, from the tutorial to the removal.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest

from tests import recipes
from tests.machine.support.login import Login, Result
from tests.machine.support.machine import Boot, Machine, wait_until

TUTORIAL = "docs/tutorial/first-secret.md"
UNLOCK = "docs/how-to/unlock.md"
JOBS = "docs/how-to/cron-and-ci.md"
CHANGED = "docs/how-to/password-changed.md"
MOVE = "docs/how-to/move-a-keyring.md"
SAFELY = "docs/how-to/change-pam-safely.md"
REMOVE = "docs/how-to/remove.md"
ROOT, SECRET = "root's own 5", "s3cret"
FIRST, SECOND, THIRD, FOURTH = "pw of alice", "Tr0ub4dor&3 2", "Tr0ub4dor&3 3", "Tr0ub4dor&3 4"
KEY = ("-o", "PreferredAuthentications=publickey", "-o", "IdentityFile=/root/key")
REPORT = '#!/bin/sh\nprintf \'%s:%s\\n\' "$*" "$(cat)" >>/home/alice/report\n'
FILES = {
    "/etc/ssh/sshd_config.d/10-root.conf": b"PermitRootLogin yes\n",
    "/opt/report/run": REPORT.encode(),
}
HOOK = "/etc/profile.d/creds-session.sh"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LINGER = "install -D /dev/null /var/lib/systemd/linger/alice"
CONTAINER = (
    "systemd-nspawn --quiet --as-pid2 --register=no --link-journal=no --timezone=off"
    " --resolv-conf=off --directory=/srv/box --user=bob --chdir=/home/bob bash"
)


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    machine = boot(request.param, files=FILES)
    machine.run("chmod", "755", "/opt/report/run")
    machine.run("chpasswd", stdin=f"root:{ROOT}\n".encode())
    machine.add_user("alice", FIRST)
    machine.add_user("bob", "pw of bob")
    machine.add_user("carol", "pw of carol")
    machine.run("usermod", "-aG", "sudo", "alice")
    machine.sh("echo 127.0.0.1 $(hostname) >>/etc/hosts")  # sudo asks for this machine's address
    assert machine.run("id", "-u", "alice").stdout == "1000\n"  # as in the documents
    return machine


@pytest.fixture(scope="module")
def pam(machine: Machine) -> str:
    """Return the PAM files as they are before the first test."""
    return pam_files(machine)


@pytest.fixture(scope="module")
def root(machine: Machine) -> Iterator[Login]:
    """Keep a root shell open, as the documents advise."""
    with machine.ssh("root", ROOT) as session:
        yield session


def pam_files(machine: Machine) -> str:
    return machine.sh("cd /etc/pam.d; sha256sum *; stat -c '%n %a %U %G' *").stdout


def end_all(machine: Machine, user: str) -> None:
    """End what runs for a user, as a boot would: the next login is a first one."""
    machine.run("loginctl", "terminate-user", user, check=False)
    machine.wait_until_gone(user)


def typed(session: Login, command: str, *answers: str) -> Result:
    """Type a command, and at each question for a password the next answer."""
    before = len(session.transcript)
    session.type(f"{command}; printf '<co''de=%d>' $?")  # on one line, since sudo reads ahead
    left = list(answers)
    while session.expect(r"<code=\d+>", r"(assword|to be sure)[^\r\n]*: ?$") == 1:
        assert left, f"{command} asks once more:\n{session.transcript[before:]}"
        session.type_secretly(left.pop(0))
    assert not left, f"{command} asked for too little:\n{session.transcript[before:]}"
    shown, _, code = session.transcript[before:].rpartition("<code=")
    session.expect("<ready>")
    printed = COLOUR.sub("", shown).replace("\r\n", "\n").replace("<ready>", "").strip("\n")
    return Result(int(code.partition(">")[0]), printed)


def succeeds(session: Login, command: str, *answers: str) -> str:
    done = typed(session, command, *answers)
    assert done.status == 0, f"{command}: {done}"
    return done.output


def secret(session: Login) -> Result:
    return session.run("creds get emcli sysman")


def test_one_user_without_pam(machine: Machine) -> None:
    """README's own way, but for pipx, which needs a network: the programs are installed already."""
    install, path, start, create, hook = recipes.commands("README.md", "pipx install .")
    assert (install, path) == ("pipx install .", "pipx ensurepath")
    machine.run("mv", HOOK, "/root/hook")
    with machine.ssh("carol", "pw of carol") as session:
        succeeds(session, start)
        succeeds(session, create, "pw of keyring", "pw of keyring")
        succeeds(session, hook)
    end_all(machine, "carol")
    with machine.ssh("carol", "pw of carol", answers=("pw of keyring",)) as session:
        succeeds(session, "creds put emcli sysman", SECRET, SECRET)
        assert secret(session).output == SECRET
        succeeds(session, "creds hook remove")
    machine.run("mv", "/root/hook", HOOK)


def test_the_tutorial(machine: Machine, root: Login, pam: str) -> None:
    installing, *transcripts = recipes.transcripts(TUTORIAL)
    assert [step.command for step in installing] == ["./scripts/install"]  # as on every machine
    for steps in transcripts:
        is_root = steps[0].prompt == "#"
        with contextlib.nullcontext(root) if is_root else machine.ssh("alice", FIRST) as session:
            for step in steps:
                answers = (SECRET, SECRET) if " put " in step.command else ()
                done = typed(session, step.command, *answers)
                assert recipes.is_as_shown(done.output, step.printed or "…"), (step, done)
                assert done.status in {0, 1, 77}, done
    assert pam_files(machine) == pam


def test_a_change_from_afar(machine: Machine, pam: str) -> None:
    (apply,) = recipes.commands(SAFELY, "--confirm-within")
    (confirm,) = recipes.commands(SAFELY, "sudo creds-setup-pam confirm")
    with machine.ssh("alice", FIRST) as session:
        assert "PAM lets alice in" in succeeds(session, apply, FIRST, FIRST)
        with machine.ssh("alice", FIRST) as later:
            assert "confirmed" in succeeds(later, confirm, FIRST)
    assert pam_files(machine) != pam


def test_a_secret_for_a_script_and_one_for_a_job(machine: Machine) -> None:
    machine.sh("printf robots >/etc/deploy.password; chown alice /etc/deploy.password")
    deploy = machine.root / "home/alice/deploy"
    deploy.write_text("#!/bin/sh\ncreds get deploy robot\n")
    deploy.chmod(0o755)
    with machine.ssh("alice", FIRST) as session:
        (job,) = recipes.commands(JOBS, "exec ./deploy")
        assert succeeds(session, job) == "robots"
        assert session.run("creds get deploy robot").status == 1  # it had its own keyring
        *before, put, get = recipes.commands("README.md", "--username-key-file")
        for command in before:
            succeeds(session, command)
        succeeds(session, put, SECRET, SECRET)
        assert succeeds(session, get) == SECRET
        assert secret(session).output == SECRET
        assert session.run("printf x | creds put more me").status == 0
        assert session.run("ssh-keygen -q -t ed25519 -N '' -f key").status == 0
        authorize = "mkdir -m 700 .ssh; cp key.pub .ssh/authorized_keys"
        assert session.run(authorize).status == 0
    machine.run("mv", "/home/alice/key", "/root/key")


def test_cron(machine: Machine) -> None:
    """The lines of the documents in a real crontab; only the time is another, so as not to wait."""
    pipe, other = recipes.block(JOBS, "0 3 * * *  creds get"), recipes.block(JOBS, "0 4 * * *")
    alone = recipes.block(JOBS, "creds exec -- /opt/report/run")
    crontab = "\n".join((pipe, f"{other} >looked-up", alone))
    crontab, lines = re.subn(r"^\d+ \d+ \* \* \* ", "@reboot ", crontab, flags=re.MULTILINE)
    assert lines == 3
    machine.run("crontab", "-u", "alice", "-", stdin=f"{crontab}\n".encode())
    machine.sh("rm -f /run/crond.reboot; systemctl restart cron")
    report, looked_up = machine.root / "home/alice/report", machine.root / "home/alice/looked-up"
    wanted = ["--password-stdin:s3cret", ":"]  # the second has a keyring of its own, and is empty
    wait_until(lambda: report.exists() and sorted(report.read_text().split()) == sorted(wanted))
    wait_until(lambda: looked_up.exists() and looked_up.read_text() == SECRET)
    machine.run("crontab", "-u", "alice", "-r")


def test_a_service_reads_what_another_one_has_unlocked(machine: Machine) -> None:
    report = machine.root / "home/alice/report"
    for name, page, holding in (
        ("unlock", UNLOCK, "Description=Unlock"),
        ("report", JOBS, "Description=Send the nightly report"),
    ):
        unit = machine.root / f"etc/systemd/system/{name}.service"
        unit.write_text(recipes.block(page, holding) + "\n")
    machine.sh(f"printf '{FIRST}' >/etc/alice.keyring-password; systemctl daemon-reload")
    end_all(machine, "alice")
    machine.sh(f"{LINGER}; systemctl start user@1000; rm /home/alice/report")
    machine.run("systemctl", "start", "unlock.service")
    machine.run("systemctl", "start", "report.service")
    assert report.read_text() == "--password-stdin:s3cret\n"
    machine.run("rm", "/var/lib/systemd/linger/alice")
    end_all(machine, "alice")


def test_a_login_by_key_and_an_old_tmux(machine: Machine) -> None:
    with machine.ssh("alice", FIRST) as session:
        session.enter("dbus-run-session -- bash --norc")  # its bus ends with it
        session.run("TERM=vt100 tmux new-session -d")
        session.type("exit")
        session.expect("<ready>")
    machine.sh("pkill -u alice -x gnome-keyring-d; systemctl stop user@1000", check=False)
    with machine.ssh("alice", None, *KEY, answers=("",)) as session:
        assert "press Enter to go on without it" in session.transcript
        assert "creds unlock" in secret(session).output
        (unlock,) = recipes.commands(UNLOCK, "creds unlock")
        succeeds(session, unlock, FIRST)
        assert secret(session).output == SECRET
        # Into files, since tmux draws of what passes as much as it likes.
        connect = recipes.commands(JOBS, 'eval "$(creds env)"               # sh')[0]
        session.type("TERM=vt100 tmux attach")
        home = machine.root / "home/alice"

        def takes_lines() -> bool:
            """Type again, since tmux drops what is typed before it has looked at the terminal."""
            session.type("touch here")
            return (home / "here").exists()

        wait_until(takes_lines)
        session.type(f"creds get emcli sysman >before 2>&1; {connect}")
        session.type("creds get emcli sysman >after 2>&1; mv after later")
        wait_until((home / "later").exists, limit=60)
        session.type("tmux kill-server")
        session.expect("<ready>")
    assert connect in (home / "before").read_text()
    assert (home / "later").read_text() == f"{SECRET}\n"


def test_a_container_without_an_init(machine: Machine) -> None:
    machine.sh("mkdir -p /srv/box; mount --bind / /srv/box")
    start, unlock = recipes.commands(UNLOCK, "in a new container")
    create = recipes.block(UNLOCK, "in a new container").rpartition(": ")[2]
    with Login(machine.enter(*CONTAINER.split()), None) as session:
        succeeds(session, start)
        succeeds(session, create, "pw of box", "pw of box")
        succeeds(session, "creds put emcli sysman", SECRET, SECRET)
        assert secret(session).output == SECRET
    with Login(machine.enter(*CONTAINER.split()), None) as session:
        succeeds(session, start)
        succeeds(session, unlock, "pw of box")
        assert secret(session).output == SECRET
    machine.sh("umount /srv/box; rm -r /home/bob/.local /home/bob/.cache")


def test_the_password_is_changed_by_its_owner(machine: Machine) -> None:
    with machine.ssh("alice", FIRST, answers=(FIRST,)) as session:
        succeeds(session, "passwd", FIRST, SECOND, SECOND)
    end_all(machine, "alice")
    with machine.ssh("alice", SECOND) as session:
        assert secret(session).output == SECRET


def test_the_password_is_changed_by_root(machine: Machine, root: Login) -> None:
    succeeds(root, "passwd alice", THIRD, THIRD)
    end_all(machine, "alice")
    with machine.ssh("alice", THIRD, answers=("",)) as session:
        assert secret(session).status == 77
        (rekey,) = recipes.commands(CHANGED, "creds rekey")
        doctor = typed(session, "creds-doctor").output
        assert re.search(rf"^ +{rekey}$", doctor, re.MULTILINE), doctor
        succeeds(session, rekey, SECOND, THIRD, THIRD)
        assert secret(session).output == SECRET
    end_all(machine, "alice")
    with machine.ssh("alice", THIRD) as session:
        assert secret(session).output == SECRET
        for command in recipes.commands(CHANGED, "creds-backup-*"):
            succeeds(session, command)
        left = session.run("ls ~/.local/share/keyrings").output
        assert left.split() == ["login.keyring", "user.keystore"]


def test_the_keyring_moves_to_another_home(machine: Machine) -> None:
    """Bob has a keyring already, open, as the first login by password leaves it."""
    put, (unlock, show), (rekey,) = (
        recipes.commands(MOVE, one) for one in ("mv -b", "creds list", "creds rekey")
    )
    source = "/home/alice/.local/share/keyrings/login.keyring"
    with machine.ssh("bob", "pw of bob") as session:
        succeeds(session, "creds put own me", "x", "x")
        machine.run("install", "-o", "bob", "-m", "644", source, "/home/bob/login.keyring")
        for command in put:
            succeeds(session, command)
        succeeds(session, unlock, THIRD)
        listed = succeeds(session, show).splitlines()
        assert {tuple(line.split()) for line in listed} >= {("emcli", "sysman"), ("more", "me")}
        succeeds(session, rekey, THIRD, "pw of bob", "pw of bob")
    end_all(machine, "bob")
    with machine.ssh("bob", "pw of bob") as session:
        assert secret(session).output == SECRET
        files = session.run("stat -c %a:%n ~/.local/share/keyrings/login.keyring*").output
        assert "login.keyring.before" in files
        assert {line.partition(":")[0] for line in files.split()} == {"600"}


def test_nobody_knows_the_keyrings_password(machine: Machine) -> None:
    machine.run("chpasswd", stdin=f"alice:{FOURTH}\n".encode())
    end_all(machine, "alice")
    with machine.ssh("alice", FOURTH, answers=("",)) as session:
        assert secret(session).status == 77
        end, move, create = recipes.commands(CHANGED, "forgotten")
        succeeds(session, end)
        succeeds(session, move)
        succeeds(session, create, FOURTH, FOURTH)
        succeeds(session, "creds put emcli sysman", "new", "new")
    end_all(machine, "alice")
    with machine.ssh("alice", FOURTH) as session:
        assert secret(session).output == "new"


def test_all_of_it_is_removed(machine: Machine, root: Login, pam: str) -> None:
    (revert,) = recipes.commands(REMOVE, "creds-setup-pam revert")
    (uninstall,) = recipes.commands(REMOVE, "--uninstall")
    succeeds(root, revert)
    assert pam_files(machine) == pam
    succeeds(root, "cd /opt/source")
    succeeds(root, uninstall)
    own = "creds-session"  # the service that scripts/install puts into /etc/pam.d
    assert pam_files(machine) == "".join(
        line for line in pam.splitlines(keepends=True) if own not in line
    )
    names = "creds creds-askpass creds-doctor creds-setup-pam"
    assert machine.sh(f"command -v {names}", check=False).stdout == ""
