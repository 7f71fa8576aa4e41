"""Root asks the doctor about a user who planted links and files for root to act on."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.machine.support.breakages import KEYRINGS, LOGIN
from tests.machine.support.machine import Boot, Machine

pytestmark = pytest.mark.in_turn

SHARE = "/home/alice/.local/share"
VICTIMS = "/opt/victims"
FORMATS = {"text": 64, "json": 64, "line": 64, "nagios": 3, "prometheus": 64}
SECRET = "root:TOPSECRETHASH:19000:0:::::"
# What a command of root's could do at a path below alice's home.
ACTS = re.compile(
    r"\b(?:sudo|chown|chgrp|chmod|setfacl|mv|rm|cp|ln|install)\s[^\n]*(?:/home/alice|/run/user)"
)


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    machine = boot(request.param)
    machine.run("creds-setup-pam", "apply")
    machine.add_user("alice", "pw1")
    machine.sh(
        f"mkdir {VICTIMS} {VICTIMS}/folder; echo '{SECRET}' >{VICTIMS}/secret;"
        f" echo mine >{VICTIMS}/passwd; chmod 600 {VICTIMS}/secret;"
        " echo 'alice ALL=(ALL) NOPASSWD:SETENV: ALL' >/etc/sudoers.d/alice;"
        " mkdir /run/by-alice /run/of-root; chown alice /run/by-alice"
    )
    by_alice(machine, f"mkdir -p -m 700 {KEYRINGS}; printf 'GnomeKeyring\\n\\r\\0\\n' >{LOGIN}")
    by_alice(machine, f"chmod 600 {LOGIN}; cp -a {SHARE} ~/kept")
    by_alice(machine, "ln -s /run/of-root /run/by-alice/link")
    return machine


def by_alice(machine: Machine, script: str) -> None:
    machine.run("runuser", "-u", "alice", "--", "env", "HOME=/home/alice", "sh", "-ec", script)


@pytest.fixture
def home(machine: Machine) -> Iterator[Callable[[str], None]]:
    """Give a function that runs a script of alice's; her home is whole again afterwards."""
    yield lambda script: by_alice(machine, script)
    machine.sh(f"rm -rf {SHARE}; cp -a /home/alice/kept {SHARE}")


def state(machine: Machine) -> str:
    """Return owner, mode and kind of everything that alice's links lead to."""
    paths = f"/ /etc /etc/shadow /etc/passwd /etc/cron.d {VICTIMS} {VICTIMS}/*"
    return machine.sh(f"stat -c '%n %u %a %F' {paths}").stdout


def findings(machine: Machine, *words: str) -> dict[str, dict[str, Any]]:
    told = machine.run("creds-doctor", "--json", *words, check=False)
    checks = json.loads(told.stdout)["checks"]
    return {one["id"]: one for check in checks for one in check["findings"]}


PLANTS = {
    "login": (f"ln -sf /etc/shadow {LOGIN}", "keyring-foreign"),
    "keyrings": (f"rm -r {KEYRINGS}; ln -s /etc/cron.d {KEYRINGS}", "keyrings-foreign"),
    "share": (f"rm -r {SHARE}; ln -s /etc {SHARE}", "keyrings-cannot-be-made"),
    "shared by another link": (
        f"rm -r {SHARE}; mkdir ~/real; ln -s ~/real {SHARE}; ln -s /etc/cron.d ~/real/keyrings",
        "keyrings-foreign",
    ),
    "dangling": (f"rm -r {KEYRINGS}; ln -s /nowhere {KEYRINGS}", "keyrings-not-a-folder"),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_root_is_told_of_a_link_and_shown_no_command(
    machine: Machine, home: Callable[[str], None], plant: str
) -> None:
    script, check_id = PLANTS[plant]
    home(script)
    try:
        found = findings(machine, "--user", "alice")
        assert " is a link to " in "\n".join(found[check_id]["evidence"])
        assert found[check_id]["remediation"]["commands"] == []
        shows_root_no_command(machine)
    finally:
        machine.sh("rm -rf /home/alice/real")


OWN = {
    "an open folder": (f"chmod 755 {KEYRINGS}", "", "keyrings-open"),
    "an open file": (f"chmod 644 {LOGIN}", "", "keyring-open"),
    "no folder": (f"rm -r {KEYRINGS}; touch {KEYRINGS}", "", "keyrings-not-a-folder"),
    "no keyring": (f"echo x >{LOGIN}", "", "keyring-broken"),
    "root's file": ("true", f"chown root {LOGIN}", "keyring-foreign"),
    "root's folder": ("true", f"chown root {KEYRINGS}", "keyrings-foreign"),
    "root's share": (f"rm -r {KEYRINGS}", f"chown root {SHARE}", "keyrings-cannot-be-made"),
}


@pytest.mark.parametrize("case", OWN)
def test_root_is_shown_no_command_on_what_is_below_a_home(
    machine: Machine, home: Callable[[str], None], case: str
) -> None:
    script, of_root, check_id = OWN[case]
    home(script)
    machine.sh(of_root)
    assert findings(machine, "--user", "alice")[check_id]["remediation"]["commands"] == []
    shows_root_no_command(machine)


def shows_root_no_command(machine: Machine) -> None:
    """Fail if text, page or JSON of the doctor shows root a command on a path of alice's."""
    asked = ["creds-doctor", "--user", "alice", "-v", "--report", "/root/page"]
    judged = ["creds-doctor", "--from", "/root/facts", "-v", "--report", "/root/page"]
    for command in ([*asked, "--save", "/root/facts"], judged):
        text = machine.run(*command, check=False).stdout
        page = html.unescape(re.sub(r"<[^>]*>", "", (machine.root / "root/page").read_text()))
        assert "[keyring" in text
        for told in (text, page):
            assert not ACTS.search(told), ACTS.search(told)
    for source in (["--user", "alice"], ["--from", "/root/facts"]):
        for finding in findings(machine, *source).values():
            for argv in (finding["remediation"] or {}).get("commands", ()):
                assert not any(word.startswith(("/home", "/run")) for word in argv), finding


def test_a_home_that_root_made_is_given_back_by_the_command_that_is_shown(
    machine: Machine,
) -> None:
    """Root alone decides what lies at /home/alice, so a command of root's is safe there."""
    machine.sh("chown root /home/alice")
    try:
        found = findings(machine, "--user", "alice")["home-foreign"]
        assert found["remediation"]["commands"] == [["sudo", "chown", "1000", "/home/alice"]]
        machine.run("chmod", "777", "/home")
        found = findings(machine, "--user", "alice")["home-foreign"]
        assert found["remediation"]["commands"] == []
        assert "/home can be changed by others" in found["remediation"]["text"]
    finally:
        machine.sh("chmod 755 /home; chown alice /home/alice")


def test_the_user_moves_a_link_away_and_what_it_leads_to_stays(
    machine: Machine, home: Callable[[str], None]
) -> None:
    home(f"ln -sf {VICTIMS}/passwd {LOGIN}")
    before = state(machine)
    with machine.ssh("alice", "pw1", answers=[""]) as session:
        said = session.run("creds-doctor --fix --yes --only keyring-foreign 2>&1").output
    assert "keyring-foreign: fixed" in said
    assert machine.run("readlink", f"{LOGIN}.aside").stdout == f"{VICTIMS}/passwd\n"
    assert state(machine) == before


def test_root_gives_no_directory_away_that_the_users_settings_name(machine: Machine) -> None:
    """XDG_DATA_HOME is alice's to choose: what is there may be another user's work."""
    machine.sh("mkdir -p /data/payroll; chown games /data/payroll; chmod 755 /data/payroll")
    environ = "HOME=/home/alice XDG_DATA_HOME=/data/payroll SSH_CONNECTION='::1 1 ::1 22'"
    environ += (
        " XDG_SESSION_ID=1 XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/x"
    )
    become = "setpriv --reuid alice --regid alice --init-groups"
    started = machine.sh(
        f"{become} env -i {environ} /bin/sleep 300 >/dev/null 2>&1 & pid=$!;"
        " until grep -q sleep /proc/$pid/comm; do sleep 0.02; done; echo $pid"
    ).stdout.strip()
    try:
        found = findings(machine, "--user", "alice")["keyrings-cannot-be-made"]
        assert "/data/payroll: directory, owner 5" in "\n".join(found["evidence"])
        assert found["remediation"]["commands"] == []
        why = "No command is shown for root, because /data/payroll belongs to user id 5"
        assert why in found["remediation"]["text"]
        said = machine.run("creds-doctor", "--user", "alice", "-v", check=False).stdout
        assert not re.search(r"(?:chown|chmod|mv)\s[^\n]*payroll", said)
    finally:
        machine.run("kill", started)
    assert machine.run("stat", "-c", "%U", "/data/payroll").stdout == "games\n"


INTO_ROOTS_FILES = {
    "files": f"ln -sf {VICTIMS}/passwd {LOGIN}; ln -s {VICTIMS}/secret {KEYRINGS}/default",
    "folder": f"rm -r {KEYRINGS}; ln -s {VICTIMS}/folder {KEYRINGS}",
    "top": f"rm -r {KEYRINGS}; ln -s / {KEYRINGS}",
}
WITH_HER_HOME = (
    "env HOME=/home/alice",
    f"env XDG_DATA_HOME={SHARE}",
    "env XDG_RUNTIME_DIR=/home/alice",
    "env XDG_RUNTIME_DIR=/run/by-alice/link",
    "runuser -u alice -- env HOME=/home/alice sudo -E",
)


@pytest.mark.parametrize("way", WITH_HER_HOME)
def test_root_with_a_users_home_reads_nothing_of_roots_for_her(
    machine: Machine, home: Callable[[str], None], way: str
) -> None:
    home(INTO_ROOTS_FILES["files"])
    try:
        for format_, code in FORMATS.items():
            done = machine.sh(f"{way} creds-doctor -v --format {format_}", check=False)
            assert SECRET not in done.stdout
            assert done.returncode == code, done
            told = done.stdout if format_ == "nagios" else done.stderr
            assert "sudo creds-doctor --user alice" in told
        options = "--output /root/out --report /root/html --save /root/json"
        assert machine.sh(f"{way} creds-doctor {options}", check=False).returncode == 64
        assert machine.sh("ls /root/out /root/html /root/json", check=False).stdout == ""
    finally:
        machine.sh("rm -f /root/out /root/html /root/json")


@pytest.mark.parametrize("way", WITH_HER_HOME)
@pytest.mark.parametrize("plant", INTO_ROOTS_FILES)
def test_root_with_a_users_home_changes_nothing_of_roots_for_her(
    machine: Machine, home: Callable[[str], None], way: str, plant: str
) -> None:
    before = state(machine)
    home(INTO_ROOTS_FILES[plant])
    try:
        done = machine.sh(f"{way} creds-doctor --fix --yes", check=False)
        assert state(machine) == before
        assert (done.returncode, "chmod" in done.stderr) == (64, False), done
    finally:
        machine.sh(f"chmod 755 / {VICTIMS}/folder; chmod 644 {VICTIMS}/passwd")


def test_root_with_a_users_home_may_look_by_user_and_at_saved_facts(machine: Machine) -> None:
    way = "env HOME=/home/alice"
    saved = machine.sh(f"{way} creds-doctor --user alice --save /root/facts", check=False)
    assert (saved.returncode, saved.stderr) == (1, "")
    assert machine.sh(f"{way} creds-doctor --from /root/facts", check=False).returncode == 1
    assert machine.sh(f"{way} creds-doctor --list", check=False).returncode == 0


def test_a_link_to_a_file_of_others_is_not_read(
    machine: Machine, home: Callable[[str], None]
) -> None:
    """What the doctor prints of `default` is the user's own text, and never another file's."""
    home(f"ln -s {VICTIMS}/passwd {KEYRINGS}/default")
    assert default_of(machine) is None
    home(f"rm {KEYRINGS}/default; echo work >~/name; ln -s ~/name {KEYRINGS}/default")
    assert default_of(machine) == "work"


def default_of(machine: Machine) -> object:
    machine.run("creds-doctor", "--user", "alice", "--save", "/root/facts", check=False)
    facts = json.loads((machine.root / "root/facts").read_text())["facts"]
    return facts["home"]["default"]
