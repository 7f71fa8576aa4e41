"""The command blocks of four guides run, and every command gets the password that the guide means.

The blocks are those of git-and-ssh.md, run-a-program.md, explain-a-service.md and
doctor-reports.md. They run in a session with an unlocked keyring. Programs that need a server or
another machine are stand-ins: they take the password as the real program does (from a descriptor,
an askpass program, a prompt or a variable), and end with 1 if it is not the password.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import recipes
from tests.session.test_reference_examples import BEGIN, environ

__all__ = ["environ"]

SECRET = "s3cret of the guides"
CREDENTIALS = (
    ("backup", "me"),
    ("vault", "me"),
    ("key", "me"),
    ("web01", "alice"),
    ("self", "alice"),
    ("forge", "alice"),
    ("db", "alice"),
    ("box", "bob"),
    ("box", "alice"),
)
PROGRAMS = ("restic", "ansible-playbook", "openssl", "gpg", "ssh", "su", "psql", "ftp", "sudo")
STAND_IN = f"""#!/bin/bash
name=${{0##*/}}
case "$name $*" in
sudo\\ [!-]*) exec "$@" ;;
*/dev/fd/3* | *fd:3* | *fd\\ 3*) password=$(cat <&3) ;;
ssh*) password=$("$SSH_ASKPASS" "alice@web01's password: ") ;;
sudo*) password=$("$SUDO_ASKPASS" '[sudo] password for alice: ') ;;
git\\ push) password=$("$GIT_ASKPASS" "Password for 'https://forge.example': ") ;;
git*) exec /usr/bin/git "$@" ;;
*)
    password=${{PGPASSWORD:-}}
    if [ "$name" = ftp ] && [ "$*" = box ]; then
        read -r -p 'Name (box:bob): ' user
        [ "$user" = bob ]
    fi
    if [ -z "$password" ]; then
        printf 'Password: '
        stty -echo
        read -r password
        stty echo
    fi
    ;;
esac
[ "$password" = '{SECRET}' ] && echo "$name $*" >>"$HOME/asked"
"""
IMAGE = "creds-setup-pam --root $HOME/image"
CHANGES = {
    "/usr/local/bin/": "$HOME/../bin/",
    "creds-setup-pam --root /mnt/image": IMAGE,
    "creds-setup-pam explain": f"{IMAGE} explain",
    "creds-setup-pam simulate": f"{IMAGE} simulate",
    "creds-setup-pam apply": f"{IMAGE} apply",
}
"""What a test of the commands has to replace: the place of installed programs, and /etc/pam.d."""
NOT_COMMANDS = {
    "auth\n": "a part of the output of `creds-setup-pam explain`",
}
NOT_RUN = {
    "sudo creds-doctor --user alice": "it needs root and a second account (booted machines)",
}
GUIDES = {
    "docs/how-to/git-and-ssh.md": 6,
    "docs/how-to/run-a-program.md": 7,
    "docs/how-to/explain-a-service.md": 5,
    "docs/how-to/doctor-reports.md": 5,
}
"""How many blocks of each page run; a blank line divides a block."""
ENDS_WITH = {"diff before -": 1}
"""A word of a block, and the exit code of a block that has it: diff(1) finds a difference."""

EXPORTED = re.compile(r"^\s*export .*\b(?:SSH|SUDO|GIT)_ASKPASS.*", re.MULTILINE)


class Block(NamedTuple):
    """A block of a page, as it is run, and what it has to end with."""

    shown: str
    script: str
    code: int


def lines_to_run(block: str) -> list[str]:
    """Return the lines of a block that are typed and can be run here."""
    if block.startswith("$ "):
        return [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    lines = recipes.COMMENT.sub("", block).splitlines()
    return [line for line in lines if not line.startswith(tuple(NOT_RUN))]


def to_run(page: str) -> list[Block]:
    """Return the blocks of a page that are run, each as a script; a blank line divides one."""
    found = []
    for block in recipes.blocks((recipes.CHECKOUT / page).read_text("utf-8")):
        if block.startswith(tuple(NOT_COMMANDS)):
            continue
        for part in block.split("\n\n"):
            script = "\n".join(lines_to_run(part))
            for shown, run in CHANGES.items():
                script = script.replace(shown, run)
            codes = [code for words, code in ENDS_WITH.items() if words in part]
            if script.strip():
                found.append(Block(part, script, codes[0] if codes else 0))
    return found


def prepare(home: Path) -> str:
    """Make the stand-ins, and what the commands look at; return a script that stores passwords."""
    programs = home.parent / "bin"
    for name in (*PROGRAMS, "git"):
        (programs / name).write_text(STAND_IN)
        (programs / name).chmod(0o755)
    services = home / "image/etc/pam.d"
    # As on Debian 13, where rule 25 of common-password is that of pam_unix.
    passwords = services / "common-password"
    passwords.write_text("#\n" * 24 + passwords.read_text())
    (services / "login").write_text((services / "sshd").read_text())
    netrc = home / ".netrc"
    netrc.write_text(f'machine forge.example login alice password "{SECRET}"\n')
    netrc.chmod(0o600)
    (home / "password").write_text(SECRET)
    return "".join(f"creds put {service} {user} <password\n" for service, user in CREDENTIALS)


@pytest.mark.parametrize("page", GUIDES)
def test_the_commands_of_a_guide_run(page: str, environ: dict[str, str]) -> None:
    """Each block is a shell of its own, in which a command that fails ends it."""
    home = Path(environ["HOME"])
    script = BEGIN + prepare(home)
    blocks = to_run(page)
    assert len(blocks) == GUIDES[page]
    for number, block in enumerate(blocks):
        errors = home / f"errors.{number}"
        script += f"bash -e -o pipefail -c {shlex.quote(block.script)} <password"
        script += f" >{home}/output.{number} 2>{errors}; printf '%s\\n' $?\n"
    done = subprocess.run(
        ["dbus-run-session", "--", "bash", "-c", script],
        cwd=home,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    codes = list(map(int, done.stdout.split()))
    assert len(codes) == len(blocks), done.stderr
    for number, (block, code) in enumerate(zip(blocks, codes)):
        said = (home / f"errors.{number}").read_text()
        assert code == block.code, (block.shown, code, said)
    asked = home / "asked"
    words = [line.split()[0] for line in asked.read_text().splitlines()] if asked.exists() else []
    wanted = [
        name
        for block in blocks
        for line in block.script.replace("\\\n", "").splitlines()
        for name in _asking(line)
    ]
    assert words == wanted


def _asking(line: str) -> list[str]:
    """Return the program that a line gives a password, if it gives it one."""
    if line.startswith("creds run "):
        return [line.partition(" -- ")[2].split()[0]]
    if line.startswith("CREDS_ASKPASS_SERVICE="):
        return [next(word for word in line.split() if "=" not in word)]
    return []


def test_no_page_leaves_an_askpass_program_in_the_shell() -> None:
    """With SSH_ASKPASS_REQUIRE=force every later ssh of that shell would ask the program."""
    for page in [*recipes.CHECKOUT.glob("docs/**/*.md"), recipes.CHECKOUT / "README.md"]:
        assert EXPORTED.findall(page.read_text("utf-8")) == [], page


def test_each_exception_is_of_a_block_that_exists() -> None:
    texts = [
        block
        for page in GUIDES
        for block in recipes.blocks((recipes.CHECKOUT / page).read_text("utf-8"))
    ]
    for begin in NOT_COMMANDS:
        assert [text for text in texts if text.startswith(begin)], begin
    for begin in NOT_RUN:
        assert [text for text in texts if begin in text], begin
