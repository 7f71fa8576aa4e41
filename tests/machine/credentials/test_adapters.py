"""git, ssh and sudo with their own configuration, and the passwords of a .netrc."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machine.credentials.test_run import keep, ran
from tests.machine.support.leaks import CANARY
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine
from tests.machine.support.servers import FILES

LOGIN = "correct horse 7!"
GIT = "canary-of-git-4715"
OTHER = "canary-of-other-4716"
BOB = "canary-of-bob-4713"
REPOSITORY = "http://127.0.0.1:8080/one.git"
SERVICE = "git:http://127.0.0.1:8080"
NETRC = f"""
# comment with machine words
machine one.example login alice password "{OTHER} \\"quoted\\""
machine two.example
    login bob
    account none
    password #{OTHER}
macdef init
machine macro.example login x password {OTHER}

machine one.example login carol password {OTHER}
default login anonymous password {OTHER}
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(request.param, files=FILES)
    booted.run("creds-setup-pam", "apply")
    booted.add_user("alice", LOGIN)
    booted.add_user("bob", BOB)
    booted.sh("echo 'alice ALL=(ALL) ALL' >/etc/sudoers.d/alice")
    booted.sh(
        "mkdir -p /srv/git; cd /srv/git; git init -q --bare one.git;"
        " git -C one.git config http.receivepack true; printf %s " + GIT + " >/run/git-password;"
        " setsid python3 /opt/git.py >/dev/null 2>&1 &"
    )
    return booted


@pytest.fixture(scope="module")
def session(machine: Machine) -> Iterator[Login]:
    with machine.ssh("alice", LOGIN) as login:
        login.run("git config --global user.email a@b; git config --global user.name a")
        login.run("git config --global credential.helper '!creds git-credential'")
        yield login


@pytest.fixture(autouse=True)
def _nothing_leaks(session: Login, machine: Machine) -> Iterator[None]:
    """Look after each test, so that it is this very test that goes red."""
    shown = len(session.transcript)
    yield
    assert CANARY not in session.transcript[shown:]
    assert CANARY not in machine.journal()


def answer(login: Login, command: str, *answers: tuple[str, str]) -> str:
    """Type a git command, and a person's answers at its prompts."""
    before = len(login.transcript)
    login.type(command)
    for prompt, given in answers:
        login.expect(prompt)
        if "assword" in prompt:
            login.type_secretly(given)
        else:
            login.type(given)
    login.expect("<ready>")
    return login.transcript[before:]


def test_git_asks_once_then_never(session: Login) -> None:
    person = (("Username for", "alice"), ("Password for", GIT))
    answer(session, f"git clone -q {REPOSITORY} one", *person)
    kept = session.run(f"creds get '{SERVICE}' alice | wc -c")
    assert kept.output == str(len(GIT) + 1)
    quiet = "GIT_TERMINAL_PROMPT=0 git -C one"
    commit, push = "commit -q --allow-empty -m x", "push -q origin HEAD"
    pushed = session.run(f"{quiet} {commit} && {quiet} {push} && {quiet} pull -q")
    assert pushed.status == 0, pushed
    assert session.run(f"GIT_TERMINAL_PROMPT=0 git ls-remote {REPOSITORY} | wc -l").output != "0"
    named = REPOSITORY.replace("//", "//alice@")
    assert session.run(f"GIT_TERMINAL_PROMPT=0 git ls-remote {named}").status == 0
    unknown = REPOSITORY.replace("//", "//carol@")
    assert session.run(f"GIT_TERMINAL_PROMPT=0 git ls-remote {unknown}").status == 128


def test_git_erases_what_is_refused_and_keeps_no_wrong_one(
    session: Login, machine: Machine
) -> None:
    keep(session, SERVICE, "alice", GIT)
    named = REPOSITORY.replace("//", "//alice@")
    assert session.run(f"GIT_TERMINAL_PROMPT=0 git ls-remote {named}").status == 0
    machine.sh("printf changed >/run/git-password")
    assert session.run(f"GIT_TERMINAL_PROMPT=0 git ls-remote {named}").status == 128
    assert session.run(f"creds get '{SERVICE}' alice").status == 1
    mistyped = answer(
        session,
        f"git ls-remote {REPOSITORY}",
        ("Username for", "alice"),
        ("Password for", "not it"),
    )
    assert "Authentication failed" in mistyped
    assert session.run(f"creds get '{SERVICE}' alice").status == 1
    machine.sh(f"printf %s {GIT} >/run/git-password")
    answer(session, f"git ls-remote {REPOSITORY}", ("Username for", "alice"), ("Password for", GIT))
    assert session.run(f"GIT_TERMINAL_PROMPT=0 git ls-remote {REPOSITORY}").status == 0


def test_git_with_paths_and_where_the_keyring_is_locked(session: Login) -> None:
    session.run("git config --global credential.useHttpPath true")
    answer(session, f"git ls-remote {REPOSITORY}", ("Username for", "alice"), ("Password for", GIT))
    assert session.run(f"creds get '{SERVICE}/one.git' alice | wc -l").output == "1"
    session.run("git config --global --unset credential.useHttpPath")
    assert session.run("creds lock").status == 0
    locked = session.run(f"GIT_TERMINAL_PROMPT=0 git ls-remote {REPOSITORY}")
    assert locked.status == 128
    assert "the login keyring is locked" in locked.output
    session.type("creds unlock")
    session.expect("Password of the login keyring: ")
    session.type_secretly(LOGIN)
    session.expect("<ready>")


def test_git_by_askpass_of_run(session: Login) -> None:
    without = "git -c credential.helper= ls-remote"
    keep(session, "forge", "alice", GIT)
    done = ran(session, f"creds run forge alice --askpass -- {without} {REPOSITORY} | wc -l")
    assert done.output != "0", done
    assert done.status == 0


def test_ssh_and_sudo_by_askpass_of_their_own(session: Login) -> None:
    keep(session, "box", "bob", BOB)
    keep(session, "mine", "alice", LOGIN)
    options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    environ = "SSH_ASKPASS=$(command -v creds-askpass) SSH_ASKPASS_REQUIRE=force"
    named = "CREDS_ASKPASS_SERVICE=box CREDS_ASKPASS_USER=bob"
    done = ran(session, f"{environ} {named} ssh {options} bob@127.0.0.1 id -un")
    assert (done.status, done.output) == (0, "bob"), done
    named = "CREDS_ASKPASS_SERVICE=mine CREDS_ASKPASS_USER=alice"
    done = ran(session, f"SUDO_ASKPASS=$(command -v creds-askpass) {named} sudo -A id -un")
    assert (done.status, done.output.split("\n")[-1]) == (0, "root"), done
    assert session.run("creds askpass Password:").status == 64
    assert session.run(f"{named} creds askpass 'Are you sure?'").status == 77


def test_netrc(session: Login, machine: Machine) -> None:
    machine.run("tee", "/home/alice/.netrc", stdin=NETRC.encode())
    machine.sh("chown alice: ~alice/.netrc; chmod 644 ~alice/.netrc")
    refused = session.run("creds import-netrc")
    assert refused.status == 77
    assert "others can read it" in refused.output
    machine.sh("chmod 600 ~alice/.netrc")
    would = session.run("creds import-netrc --dry-run")
    assert would.status == 0
    assert session.run("creds get one.example alice").status == 1
    done = session.run("creds import-netrc")
    assert done.status == 0, done
    stored = [line.split("\t") for line in done.output.split("\n") if line.startswith("stored")]
    assert [line[1:] for line in stored] == [
        ["one.example", "alice"],
        ["two.example", "bob"],
        ["one.example", "carol"],
    ]
    assert ".netrc:12: left out: the entry default" in done.output
    assert session.run("creds import-netrc").output.count("kept already") == 3
    session.run("printf newer | creds put two.example bob")
    newer = session.run("creds import-netrc")
    assert newer.status == 1
    assert ".netrc:4: left out: another password is stored" in newer.output
    assert session.run("creds get two.example bob").output == "newer"
    assert session.run("creds import-netrc --replace").status == 0
    for service, user, password in (
        ("one.example", "alice", f'{OTHER} "quoted"'),
        ("two.example", "bob", f"#{OTHER}"),
    ):
        got = session.run(f"creds get --no-newline {service} {user} | wc -c")
        assert got.output == str(len(password))
    machine.run("tee", "-a", "/home/alice/.netrc", stdin=b"\nmachine x password\n")
    broken = session.run("creds import-netrc")
    assert broken.status == 65
    assert ".netrc:14: password without a value" in broken.output
    machine.sh("chown bob ~alice/.netrc")
    assert session.run("creds import-netrc").status == 77
