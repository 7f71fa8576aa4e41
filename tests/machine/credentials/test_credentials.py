"""Credentials as scripts and people use them, in a real login session; with other clients."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.depth import CROWD_SECONDS
from tests.machine.support import who_reads_what
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine
from tests.machine.support.rootfs import CHECKOUT
from tests.session.test_crowd import PROCESSES, WORK

PASSWORD = "correct horse 7!"
KEEPER = "/opt/creds-session/current/bin/python"
PUT = """\
import keyring, os
key = os.getenv("EMCLI_USERNAME_KEY")
keyring.set_password("emcli", "sysman", "MyOhMy!")
keyring.set_password("emcli", key, "sysman")
"""
GET = """\
import keyring, os
key = os.getenv("EMCLI_USERNAME_KEY")
username = keyring.get_password("emcli", key)
print("Username: " + username)
print("Password: " + keyring.get_password("emcli", username))
"""
GNOME_KEYRING = """\
Seahorse shows the label of an item. For `creds` and `keyring` this is `Password for 'USER' on
'SERVICE'`, for `secret-tool` it is the value of `--label`. All content types are `text/plain`."""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    script = (CHECKOUT / "tests/session/interoperability.py").read_bytes()
    files = {"/opt/put.py": PUT.encode(), "/opt/get.py": GET.encode(), "/opt/look.py": script}
    files["/opt/crowd.py"] = WORK.encode()
    booted = boot(request.param, files=files)
    booted.run("creds-setup-pam", "apply")
    booted.add_user("alice", PASSWORD)
    with booted.ssh("alice", PASSWORD) as first:
        assert first.run("printf x | creds put first login").status == 0
    return booted


@pytest.fixture
def session(machine: Machine) -> Iterator[Login]:
    with machine.ssh("alice", PASSWORD) as session:
        yield session


def type_put(session: Login, command: str, *passwords: str) -> int:
    session.type(f"{command}; printf '<end=%d>' $?")
    for number, password in enumerate(passwords):
        session.expect("Again, to be sure: $" if number else "Password for app: $")
        session.type_secretly(password)
    session.expect(r"<end=(\d+)>")
    return int(session.transcript.rpartition("<end=")[2].partition(">")[0])


def test_a_person_types_a_password_and_scripts_read_it(session: Login) -> None:
    assert type_put(session, "creds put app me", "s3cret", "other") == 65
    assert session.run("creds get app me").status == 1
    assert type_put(session, "creds put app me", "s3crét ", "s3crét ") == 0
    assert session.run("creds get app me | od -c | head -3").output.endswith("0000011")
    assert session.run("creds get --no-newline app me").output == "s3crét "
    found = session.run("creds get --format json app me").output
    assert json.loads(found) == {
        "schema": 1,
        "service": "app",
        "username": "me",
        "password": "s3crét ",
    }
    assert session.run("creds get --format null app me | tr '\\0' '|'").output == "app|me|s3crét |"
    assert session.run("printf fd | creds put app fd --password-stdin").status == 0
    assert session.run("creds put app fd --password-fd 7 7<<<'by fd'").status == 0
    assert session.run("creds get app fd").output == "by fd"
    assert session.run("creds put app me secret").status == 64, "no password is an argument"
    assert session.run("printf 'a\\0b' | creds put app me").status == 65
    assert session.run("creds list app").output.split() == ["app", "fd", "app", "me"]
    assert session.run("creds get -v --encrypted app me").output.splitlines()[-1] == "s3crét "
    for user in ("me", "fd"):
        assert session.run(f"creds delete app {user}").status == 0
    assert session.run("creds list app").output == ""


def test_the_recipe_and_creds_read_each_other(session: Login) -> None:
    session.run("export EMCLI_USERNAME_KEY=k3y; echo k3y >key")
    assert session.run(f"{KEEPER} /opt/put.py").status == 0
    for by in ("--username-key-env EMCLI_USERNAME_KEY", "--username-key-file key"):
        assert session.run(f"creds get emcli {by}").output == "MyOhMy!"
    put = "printf Nadi7932 | creds put emcli sysman --username-key-env EMCLI_USERNAME_KEY"
    assert session.run(put).status == 0
    got = session.run(f"{KEEPER} /opt/get.py").output.splitlines()
    assert got == ["Username: sysman", "Password: Nadi7932"]


def test_keyrings_configuration_decides_and_it_is_told(session: Login) -> None:
    session.run("printf x | creds put way me")
    assert "over D-Bus" in session.run("creds get -v way me").output
    null = "keyring.backends.null.Keyring"
    told = session.run(f"PYTHON_KEYRING_BACKEND={null} creds get -v way me")
    assert told.status == 1
    assert "through keyring: PYTHON_KEYRING_BACKEND" in told.output
    folder = "~/.config/python_keyring"
    config = f"[backend]\\ndefault-keyring={null}\\n"
    session.run(f"mkdir -p {folder}; printf '{config}' >{folder}/keyringrc.cfg")
    told = session.run("creds get -v way me")
    chosen = session.run("creds backends").output
    session.run(f"rm -r {folder}")
    assert told.status == 1
    assert "through keyring: there is /home/alice/.config/python_keyring" in told.output
    assert f"* {null}" in chosen
    assert "another backend is configured: /home/alice/.config" in chosen
    usual = session.run("creds backends").output
    assert "* keyring.backends.SecretService.Keyring" in usual
    assert "libsecret required" in usual
    assert session.run("creds get way me").output == "x"


def test_eight_processes_lose_and_mix_nothing(machine: Machine) -> None:
    names = [f"p{number}" for number in range(PROCESSES)]
    each = f"{KEEPER} /opt/crowd.py $me {CROWD_SECONDS}"
    with machine.ssh("alice", PASSWORD, timeout=CROWD_SECONDS * 2 + 60) as session:
        done = session.run(f"sh -c 'for me in {' '.join(names)}; do {each} & done; wait'")
        told = session.run("creds list crowd").output.split()
        for name in ["all", *names]:
            assert session.run(f"creds delete crowd {name}").status == 0
    turns = done.output.split()
    assert len(turns) == PROCESSES, done
    assert all(int(one) for one in turns), done
    assert told == [word for name in ["all", *names] for word in ("crowd", name)]


def test_a_locked_keyring_is_an_answer_and_no_prompt(session: Login) -> None:
    session.run("printf x | creds put app me; creds lock")
    try:
        for command in ("get app me", "delete app me", "list", "get --prompt app me"):
            begin = time.monotonic()
            assert session.run(f"creds {command}").status == 77
            assert time.monotonic() - begin < 5
        assert session.run("printf y | creds put app me").status == 77
    finally:
        assert session.run(f"printf '{PASSWORD}' | creds unlock --password-stdin").status == 0
    assert session.run("creds get app me").output == "x"


def test_a_daemon_that_does_not_answer_is_waited_for_so_long_and_no_longer(
    machine: Machine, session: Login
) -> None:
    session.run("printf x | creds put app me")
    machine.run("pkill", "-STOP", "-u", "alice", "gnome-keyring-d")
    try:
        for command in ("get app me", "put app me --password-stdin <<<x", "list app"):
            begin = time.monotonic()
            assert session.run(f"creds {command.replace(' ', ' --timeout 1 ', 1)}").status == 69
            assert time.monotonic() - begin < 5
    finally:
        machine.run("pkill", "-CONT", "-u", "alice", "gnome-keyring-d")
    assert session.run("creds get app me").output in {"x", ""}


def test_every_client_reads_what_the_others_kept(machine: Machine) -> None:
    with machine.ssh("alice", PASSWORD, timeout=120) as session:
        seen = json.loads(session.run(f"{KEEPER} /opt/look.py {KEEPER}").output)
    assert seen["creds"].pop("label") == "Password for 'me' on 'of creds'"
    assert seen["keyring"].pop("label") == "Password for 'me' on 'of keyring'"
    assert seen["creds"] == seen["keyring"]
    for kept in seen.values():
        assert all(kept["read"].values()), kept
        for act in who_reads_what.ACTS:
            assert kept[act]["creds"] == kept[act]["keyring"]
    who_reads_what.holds("gnome-keyring", GNOME_KEYRING, seen)
