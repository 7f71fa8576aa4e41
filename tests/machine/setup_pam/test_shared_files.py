"""Man pages, completions and documentation on a real machine: installed, used at Tab, and gone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from tests.machine.support import rootfs
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine

pytestmark = pytest.mark.timeout(900)  # an installation takes a minute on a busy machine
INSTALL = "/opt/source/scripts/install --wheels /mnt/wheels"
UNINSTALL = "/opt/source/scripts/install --uninstall"
DOCUMENTATION = "/usr/local/share/doc/creds-session"
TREE = "find /usr/local /etc/fish | sort"
SERVICE = "odd $(touch PWNED) `touch PWNED` 'x"
SECRET = "canary-7730"
STARTS = {
    ".bashrc": "PS1='ready''> '\n",
    ".zshrc": "autoload -U compinit; compinit; PROMPT='ready''> '\n",
    ".config/fish/config.fish": "function fish_prompt; echo -n 'ready''> '; end\n",
}
ATTEMPTS = 200


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    """Return a machine in which this checkout was installed while the three shells were there."""
    machine = boot("bookworm", packages=rootfs.SHELLS)
    shutil.copytree(rootfs.wheels("bookworm"), machine.root / "mnt" / "wheels", dirs_exist_ok=True)
    machine.sh(UNINSTALL)
    machine.sh(f"{TREE} >/before")
    machine.sh("mkdir -p /usr/local/share/man/man1; echo theirs >/usr/local/share/man/man1/creds.1")
    refused = machine.sh(INSTALL, check=False)
    assert refused.returncode == 73
    assert "/usr/local/share/man/man1/creds.1 is there and not ours" in refused.stderr
    machine.sh("rm /usr/local/share/man/man1/creds.1; rmdir /usr/local/share/man/man1 || :")
    machine.run("sh", "-c", INSTALL, timeout=400)
    machine.run("creds-setup-pam", "apply")
    machine.add_user("alice", "pw of alice")
    return machine


@pytest.fixture(scope="module")
def session(machine: Machine) -> Iterator[Login]:
    with machine.ssh("alice", "pw of alice") as login:
        login.run("mkdir -p .config/fish")
        for name, text in STARTS.items():
            login.run(f"cat >>{name} <<'END'\n{text}END")
        quoted = '"odd \\$(touch PWNED) \\`touch PWNED\\` \'x"'
        assert login.run(f"printf {SECRET} | creds put {quoted} alice").status == 0
        assert login.run("creds list").output == f"{SERVICE}\talice"
        yield login


@pytest.mark.parametrize("page", ["creds", "creds-get", "creds-doctor", "creds-session"])
def test_man_finds_the_page(session: Login, page: str) -> None:
    shown = session.run(f"MANPAGER=cat MANWIDTH=80 man {page} 2>&1 | cat")
    assert shown.status == 0
    assert "SEE ALSO" in shown.output
    assert f"({7 if page == 'creds-session' else 1})" in shown.output.split("\n")[0]


def test_root_finds_the_page_of_section_8(machine: Machine) -> None:
    assert "EXIT STATUS" in machine.sh("MANPAGER=cat man 8 creds-setup-pam").stdout


def completed(session: Login, keys: str, *wanted: str) -> None:
    """Type a command with Tab until a shell completes it to these words.

    On a busy machine the names do not come within 100 ms each time. The words are printed and not
    run: Control-A goes to the beginning of the line, Control-E to its end.
    """
    all_words = "".join(f"<{word}>" for word in (*wanted, "END"))
    for _ in range(ATTEMPTS):
        session.press(f"{keys}\x01printf '<%s>' \x05 END\r")
        if session.expect(re.escape(all_words), r"<creds(?:-doctor)?><[^\r\n]*<END>") == 0:
            return
    pytest.fail(f"{wanted} was not completed:\n{session.transcript[-2000:]}")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_tab_completes_a_command_a_service_and_a_user_name(session: Login, shell: str) -> None:
    session.press(f"stty echo; TERM=xterm {shell} -i\r")
    session.expect("ready> ")
    completed(session, "creds ge\todd\tal\t", "creds", "get", SERVICE, "alice")
    words = ("creds-doctor", "--explain", "keyring-locked")
    completed(session, "creds-doctor --explain keyring-lock\t", *words)
    session.press("exit\r")
    session.press("stty -echo; printf '<back%s>' again\r")
    session.expect("<backagain>")
    assert session.run("ls PWNED").status != 0


def test_every_page_that_the_doctor_names_is_installed(machine: Machine) -> None:
    listed = machine.run("creds-doctor", "--list").stdout.split("\n")[:-1]
    assert len(listed) > 90
    pages = [f"{DOCUMENTATION}/docs/reference/checks/{line.split()[0]}.md" for line in listed]
    machine.run("ls", *pages, f"{DOCUMENTATION}/README.md")


def test_no_link_leads_nowhere(machine: Machine) -> None:
    links = machine.sh("find /usr/local /etc/fish -type l -lname '/opt/creds-session/*'").stdout
    assert len(links.split()) > 35
    assert machine.sh("find -L /usr/local /etc/fish -type l").stdout == ""


def test_uninstall_leaves_the_tree_as_it_was(machine: Machine) -> None:
    machine.sh(UNINSTALL)
    assert machine.sh(TREE).stdout == machine.run("cat", "/before").stdout
