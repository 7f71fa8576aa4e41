"""Sessions that PAM did not unlock: a key login, su, dbus-run-session; and the hook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.support.machine import Boot, Machine

pytestmark = pytest.mark.in_turn

PASSWORD = "correct horse 7!"
OWN = ["-o", "PreferredAuthentications=publickey", "-o", "IdentityFile=/root/key"]
DBUS_RUN_SESSION = "dbus-run-session -- bash --norc"
PUT_PY = """\
import keyring
import os

EMCLI_USERNAME_KEY = os.getenv('EMCLI_USERNAME_KEY')
service_id = 'emcli'
username = 'sysman'
password = 'MyOhMy!'

keyring.set_password(service_id, username, password)
keyring.set_password(service_id, EMCLI_USERNAME_KEY, username)
"""
GET_PY = """\
import keyring
import os

EMCLI_USERNAME_KEY = os.getenv('EMCLI_USERNAME_KEY')
service_id = 'emcli'

username = keyring.get_password(service_id, EMCLI_USERNAME_KEY)
password = keyring.get_password(service_id, username)

print('Username: ' + username)
print('Password: ' + password)
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(
        request.param, files={"/opt/put.py": PUT_PY.encode(), "/opt/get.py": GET_PY.encode()}
    )
    booted.run("creds-setup-pam", "apply")
    booted.add_user("alice", PASSWORD)
    booted.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key")
    booted.sh(
        "install -d -o alice -g alice -m 700 ~alice/.ssh;"
        " install -o alice -g alice -m 600 /root/key.pub ~alice/.ssh/authorized_keys"
    )
    with booted.ssh("alice", PASSWORD) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
    return booted


@pytest.fixture
def locked(machine: Machine) -> Machine:
    """The machine with nothing of alice's running, so that her keyring is closed."""
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.run("pkill", "-KILL", "-u", "alice", check=False)  # what `su` left in another's session
    machine.wait_until_gone("alice")
    return machine


@pytest.fixture
def without_hook(locked: Machine) -> Iterator[Machine]:
    """The same, and alice has switched the hook off."""
    no_hook = ".config/creds-session/no-hook"
    locked.run("runuser", "-u", "alice", "--", "sh", "-c", f"cd; install -D /dev/null {no_hook}")
    yield locked
    locked.run("rm", f"/home/alice/{no_hook}")


def test_su_finds_a_bus_and_asks_once(locked: Machine) -> None:
    """No bus, no runtime directory: the hook starts a bus, which later shells of hers find."""
    locked.add_user("frank", "pw of frank")
    with locked.ssh("frank", "pw of frank") as session:
        session.enter("su - alice", PASSWORD, PASSWORD)
        assert session.run("creds get app me").output == "s3cret"
        with locked.ssh("frank", "pw of frank") as other:
            other.enter("su - alice", PASSWORD)  # nothing more is asked
            assert other.run("creds get app me").output == "s3cret"
        session.enter("bash -l")
        assert session.run("creds get app me").output == "s3cret"
    running = [line.split()[2] for line in locked.processes("alice")]
    assert sorted(Path(program).name for program in running) == [
        "dbus-daemon",
        "gnome-keyring-daemon",
    ]


def test_public_key_login(locked: Machine) -> None:
    """The hook asks; an empty line is no; the doctor says why; `creds unlock` opens it."""
    with locked.ssh("alice", None, *OWN, answers=[""]) as session:
        got = session.run("creds get app me")
        assert got.status == 77, got
        assert "the login keyring is locked" in got.output
        doctor = session.run("creds-doctor")
        assert doctor.status == 1
        assert "[login-without-password]" in doctor.output.splitlines()[0]
        assert "public key" in doctor.output
        session.type("creds unlock")
        session.expect("Password of the login keyring: ")
        session.type_secretly("wrong")
        session.expect("did not accept the password")
        session.expect("<ready>")
        assert session.run("creds get app me").status == 77
        session.type("creds unlock")
        session.expect("Password of the login keyring: ")
        session.type_secretly(PASSWORD)
        session.expect("the login keyring is unlocked")
        session.expect("<ready>")
        assert session.run("creds get app me").output == "s3cret"
        again = session.run("printf x | creds unlock --password-stdin")
        assert again.status == 0
        assert "unlocked already" in again.output
        assert session.run("creds-doctor").status == 0


def test_hook_unlocks_a_key_login_once(locked: Machine) -> None:
    with locked.ssh("alice", None, *OWN, answers=[PASSWORD]) as session:
        assert session.run("creds get app me").output == "s3cret"
        with locked.ssh("alice", None, *OWN) as second:  # nothing is asked
            assert second.run("creds get app me").output == "s3cret"


def test_doctor_of_root_sees_the_key(locked: Machine) -> None:
    locked.run("usermod", "-a", "-G", "systemd-journal", "alice")
    try:
        with locked.ssh("alice", None, *OWN, answers=[""]) as session:
            assert "sshd accepted a public key" in session.run("creds-doctor").output
    finally:
        locked.run("gpasswd", "-d", "alice", "systemd-journal")


def test_ordinary_login_of_the_recipe(without_hook: Machine) -> None:
    """su -, dbus-run-session, creds unlock, creds get."""
    without_hook.add_user("carol", "pw of carol")
    with without_hook.ssh("carol", "pw of carol") as session:
        session.enter("su - alice", PASSWORD)
        lost = session.run("creds get app me")
        assert lost.status == 69, lost
        assert "no session bus" in lost.output
        assert "[bus-absent]" in session.run("creds-doctor").output
        session.enter(DBUS_RUN_SESSION)
        assert session.run("creds get app me").status == 77
        wrong = session.run("printf wrong | creds unlock --password-stdin")
        assert wrong.status == 1, wrong
        assert "did not accept the password" in wrong.output
        right = session.run(f"printf '%s\\n' '{PASSWORD}' | creds unlock --password-stdin")
        assert right.status == 0, right
        assert session.run("creds get app me").output == "s3cret"


def test_ordinary_login_with_the_right_password_at_once(without_hook: Machine) -> None:
    """No daemon yet: the password goes to a new one, through a pipe."""
    without_hook.add_user("dave", "pw of dave")
    with without_hook.ssh("dave", "pw of dave") as session:
        session.enter("su - alice", PASSWORD)
        session.enter(DBUS_RUN_SESSION)
        explained = session.run("creds unlock --explain")
        assert explained.output.startswith("new_daemon"), explained
        session.type("creds unlock")
        session.expect("Password of the login keyring: ")
        session.type_secretly(PASSWORD)
        session.expect("the login keyring is unlocked")
        session.expect("<ready>")
        assert session.run("creds get app me").output == "s3cret"


def test_nested_bus_in_a_login_session(locked: Machine) -> None:
    """dbus-run-session inside an ssh session: the outer daemon keeps its socket and its bus."""
    with locked.ssh("alice", PASSWORD) as session:
        session.enter(DBUS_RUN_SESSION)
        refused = session.run("timeout 5 creds get app me")  # D-Bus's own try takes 25 seconds
        assert refused.status == 77, refused
        assert "no keyring daemon serves this session bus yet" in refused.output
        right = session.run(f"printf '%s' '{PASSWORD}' | creds unlock --password-stdin")
        assert right.status == 0, right
        assert session.run("creds get app me").output == "s3cret"
        session.type("exit")
        session.expect("<ready>")
        assert session.run("creds get app me").output == "s3cret"
    with locked.ssh("alice", PASSWORD) as session:
        assert session.run("creds get app me").output == "s3cret"


def give_key(machine: Machine, user: str) -> None:
    machine.add_user(user, f"pw of {user}")
    machine.sh(
        f"install -d -m 700 /home/{user}/.ssh && cp /root/key.pub"
        f" /home/{user}/.ssh/authorized_keys && chown -R {user}: /home/{user}/.ssh"
    )


def test_create_is_never_by_accident(locked: Machine) -> None:
    give_key(locked, "erin")
    with locked.ssh("erin", None, *OWN) as session:  # the hook asks nobody without a keyring
        refused = session.run("printf typo | creds unlock --password-stdin")
        assert refused.status == 77, refused
        assert "there is no login keyring yet" in refused.output
        refused = session.run("printf typo | creds unlock --create --password-stdin")
        assert refused.status == 1, refused
        assert "PAM refused this as the password of erin" in refused.output
        assert session.run("ls ~/.local/share/keyrings/*.keyring").status != 0
        session.type("creds unlock --create")
        session.expect("New password of the login keyring: ")
        session.type_secretly("pw of erin")
        session.expect("Again, to be sure: ")
        session.type_secretly("pw of erin")
        session.expect("created and unlocked")
        session.expect("<ready>")
        assert session.run("printf x | creds put app me && creds get app me").output == "x"
        assert session.run("secret-tool lookup service app username me").output == "x"
        listed = session.run("cd ~/.local/share/keyrings && echo *.keyring")
        assert listed.output == "login.keyring"
    locked.run("loginctl", "terminate-user", "erin", check=False)
    locked.wait_until_gone("erin")
    with locked.ssh("erin", "pw of erin") as session:  # and PAM opens that very keyring
        assert session.run("creds get app me").output == "x"


def test_create_takes_of_a_stream_what_pam_takes(locked: Machine) -> None:
    give_key(locked, "fred")
    with locked.ssh("fred", None, *OWN) as session:
        made = session.run("printf 'pw of fred' | creds unlock --create --password-stdin")
        assert made.status == 0, made
        assert "created and unlocked" in made.output
        assert session.run("printf x | creds put app me && creds get app me").output == "x"


def test_interoperability(locked: Machine) -> None:
    keyring = "/opt/creds-session/current/bin/keyring"
    with locked.ssh("alice", PASSWORD) as session:
        session.run("printf 'pässwörd ' | creds put inter op")
        assert session.run("secret-tool lookup service inter username op").output == "pässwörd "
        assert session.run(f"{keyring} get inter op").output == "pässwörd "
        session.run("printf tool | secret-tool store --label=x service inter username tool")
        assert session.run("creds get inter tool").output == "tool"
        session.run(f"printf kr | {keyring} set inter kr")
        assert session.run("creds get inter kr").output == "kr"
        missing = session.run("creds get inter nobody")
        assert missing.status == 1
        assert "no password is stored" in missing.output


def test_user_name_under_a_key(locked: Machine) -> None:
    with locked.ssh("alice", PASSWORD) as session:
        session.run("export EMCLI_USERNAME_KEY=9f2c")
        key = "--username-key-env EMCLI_USERNAME_KEY"
        assert session.run(f"printf pw1 | creds put emcli2 sysman {key}").status == 0
        assert session.run(f"creds get emcli2 {key}").output == "pw1"
        assert session.run("creds get emcli2 --username-key 9f2c").output == "pw1"
        assert session.run("creds get emcli2 sysman").output == "pw1"
        assert session.run(f"printf pw2 | creds put emcli2 {key}").status == 0
        assert session.run("creds get emcli2 sysman").output == "pw2"
        assert session.run("creds get emcli2 --username-key-env NOT_SET").status == 64
        assert session.run("creds get emcli2").status == 64
        assert session.run(f"creds delete emcli2 {key}").status == 0
        assert session.run(f"creds get emcli2 {key}").status == 1


def test_the_two_scripts_of_the_recipe(locked: Machine) -> None:
    python = "/opt/creds-session/current/bin/python3"
    with locked.ssh("alice", PASSWORD) as session:
        session.run("export EMCLI_USERNAME_KEY=9f2c; cd /opt")
        assert session.run(f"{python} put.py").status == 0
        assert session.run(f"{python} -m get").output == "Username: sysman\nPassword: MyOhMy!"
        assert (
            session.run("creds get emcli --username-key-env EMCLI_USERNAME_KEY").output == "MyOhMy!"
        )


def test_hook_is_silent_where_nobody_is_at_a_terminal(locked: Machine) -> None:
    """scp, sftp, rsync and `ssh host command`, with a keyring that is locked.

    Those read no profile at all; only the login shells could be asked for a password.
    """
    ssh = "ssh -i /root/key -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR"
    copy = ssh.replace("ssh ", "", 1)
    plain = locked.sh(f"{ssh} alice@127.0.0.1 true")
    assert (plain.stdout, plain.stderr) == ("", "")
    login_shell = locked.sh(f"{ssh} alice@127.0.0.1 bash -lc true")
    assert (login_shell.stdout, login_shell.stderr) == ("", "")
    interactive = locked.sh(f"{ssh} alice@127.0.0.1 'bash -lic \"echo up\"'")
    assert interactive.stdout == "up\n"
    # bash itself has something to say where it finds no terminal.
    told = [line for line in interactive.stderr.splitlines() if not line.startswith("bash: ")]
    assert told == []
    piped = locked.sh(f"{ssh} -tt alice@127.0.0.1 ': | bash -lic \"echo up\"' </dev/null")
    assert piped.stdout.split() == ["up"], piped
    copied = locked.sh(f"scp {copy} -q /etc/hostname alice@127.0.0.1:one")
    assert (copied.stdout, copied.stderr) == ("", "")
    sent = locked.sh(f"echo 'put /etc/hostname two' | sftp {copy} -q -b - alice@127.0.0.1")
    assert sent.stderr == ""
    synced = locked.sh(f"rsync -e '{ssh}' /etc/hostname alice@127.0.0.1:three")
    assert (synced.stdout, synced.stderr) == ("", "")
    assert locked.sh("ls ~alice").stdout.split() == ["one", "three", "two"]


def test_the_hook_of_one_person(locked: Machine) -> None:
    """Installed for herself, where the machine has none; removed, nothing of it is left."""
    locked.run("mv", "/etc/profile.d/creds-session.sh", "/opt/hook")
    try:
        with locked.ssh("alice", None, *OWN) as session:  # nobody asks
            assert session.run("creds hook print | cmp - /opt/hook").status == 0
            session.run("cp ~/.profile before")
            assert session.run("creds hook install").status == 0
            assert "nothing to do" in session.run("creds hook install").output
        locked.run("loginctl", "terminate-user", "alice", check=False)
        locked.wait_until_gone("alice")
        with locked.ssh("alice", None, *OWN, answers=[PASSWORD]) as session:
            assert session.run("creds get app me").output == "s3cret"
            assert session.run("creds hook remove").status == 0
            assert session.run("cmp before .profile && rm before").status == 0
            assert session.run("ls .config/creds-session/hook.sh").status != 0
        assert locked.run("creds", "hook", "install", check=False).returncode == 64
    finally:
        locked.run("mv", "/opt/hook", "/etc/profile.d/creds-session.sh")
