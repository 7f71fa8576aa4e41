"""The completions of bash, zsh and fish are as the parsers have them, and run no name.

Each shell runs at a terminal of its own and gets the key Tab. ``creds`` is a program of the test
that gives the names; what the shell then runs is a function that prints its arguments.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from creds_session.cli.creds import names
from creds_session.cli.creds.main import COMMANDS
from scripts.documents import arguments
from scripts.documents.completions import completions
from scripts.documents.parsers import command_parsers

CHECKOUT = Path(__file__).parents[3]
FOLDER = CHECKOUT / "scripts" / "completions"
SHELLS = ["bash", "zsh", "fish"]
HOSTILE = [
    "a$(touch PWNED)",
    "b`touch PWNED`",
    'c"double"',
    "d'single'",
    "e two words",
    "f;touch PWNED",
    "g\\back\\slash",
    "h|&<>touch PWNED",
    "i*?[x]{y,z}",
    "j!history",
    "k#comment ~",
    "l:https://forge.example/x=y@z",
    "m${PATH}$PATH",
    "n\N{LATIN SMALL LETTER U WITH DIAERESIS}ber",
    "o=$(touch PWNED)",
]
PROGRAM = """#!/bin/sh
[ "$1" = __names ] || exit 1
shift
printf '%s\\0' "$@" >>"$LOG"
printf '\\0' >>"$LOG"
case $1 in
services) cat "$NAMES" ;;
users*) printf '%s\\n' 'alice$(touch PWNED)@example.org' ;;
esac
"""
SHELL_ARGUMENTS = {
    "bash": ["--noprofile", "--norc", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
START = {
    "bash": """PS1='READY''> '; bind 'set enable-bracketed-paste off';"""
    """ source {folder}/bash/creds""",
    "zsh": """PROMPT='READY''> '; unsetopt zle_bracketed_paste; fpath=({folder}/zsh $fpath);"""
    """ autoload -U compinit; compinit -u -D""",
    "fish": """function fish_prompt; echo 'READY''> '; end; source {folder}/fish/creds.fish""",
}
PRINT = {
    "bash": """creds() { printf '<%s>' "$@"; echo; }""",
    "zsh": """creds() { printf '<%s>' "$@"; echo; }""",
    "fish": """function creds; printf '<%s>' $argv; echo; end""",
}
"""What a shell runs in place of the program; a completion runs the program itself."""


class Shell:
    """A shell at a terminal, in which the completion of creds is loaded."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        for program in ("creds", "unusual-program"):
            (folder / program).write_text(PROGRAM)
            (folder / program).chmod(0o755)
        (folder / "names").write_text("".join(f"{hostile}\n" for hostile in HOSTILE))
        self.environ = {
            "PATH": f"{folder}:/usr/bin:/bin",
            "HOME": str(folder),
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
            "LOG": str(self.log),
            "NAMES": str(folder / "names"),
        }
        self.child = pexpect.spawn(
            name,
            SHELL_ARGUMENTS[name],
            cwd=folder,
            env=self.environ,
            dimensions=(50, 200),
            encoding="utf-8",
            timeout=60,
        )
        self.type(f"{START[name].format(folder=FOLDER)}; {PRINT[name]}")
        self.child.expect("READY> ")

    def type(self, keys: str) -> None:
        self.child.send(f"{keys}\r")

    def run(self, keys: str) -> list[str]:
        """Type keys and Enter; return the arguments that the command got."""
        self.type(keys)
        self.child.expect("(?:<[^\r]*>)\r\n")
        shown = self.child.match.group()  # type: ignore[union-attr]
        return re.findall(r"<(.*?)>(?=<|\r|$)", shown.strip("\r\n"))

    def asked(self) -> list[list[str]]:
        """Return the arguments of each call of the program."""
        calls = self.log.read_text().split("\0\0")
        return [call.strip("\0").split("\0") for call in calls if call.strip("\0")]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    if shutil.which(request.param) is None and not os.environ.get("CI"):
        pytest.skip(f"needs {request.param}")
    started = Shell(request.param, tmp_path)
    yield started
    started.child.kill(signal.SIGKILL)
    started.child.wait()
    started.child.close()


def test_the_completions_are_as_the_parsers_have_them() -> None:
    """`scripts/man-pages` writes them."""
    wanted = completions()
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert found == set(wanted)
    for name, text in wanted.items():
        assert (FOLDER / name).read_text("utf-8") == text, f"{name}: run scripts/man-pages"


def test_the_options_with_a_value_are_those_of_the_parsers() -> None:
    wanted = {
        word
        for name in ("put", "get", "delete", "list", "run")
        for option in arguments.options(command_parsers()[name])
        if option.nargs != 0
        for word in option.option_strings
    }
    assert wanted == names.WITH_VALUE


def test_a_command_an_option_and_a_value_are_completed(shell: Shell) -> None:
    assert shell.run("creds back\t") == ["backends"]
    assert shell.run("creds get --no-n\tx") == ["get", "--no-newline", "x"]
    assert shell.run("creds list --format js\t") == ["list", "--format", "json"]
    assert shell.run("creds list --format=js\t") == ["list", "--format=json"]
    assert shell.run("creds env --shell fi\t") == ["env", "--shell", "fish"]
    assert shell.run("creds help import\t") == ["help", "import-netrc"]


def test_a_file_is_completed(shell: Shell) -> None:
    (shell.folder / "some file.netrc").touch()
    assert shell.run("creds import-netrc some\t") == ["import-netrc", "some file.netrc"]


def test_a_hostile_service_is_inserted_as_it_is_and_never_run(shell: Shell) -> None:
    for hostile in HOSTILE:
        given = shell.run(f"creds get {hostile[0]}\tx")
        assert given in (["get", hostile, "x"], ["get", f"{hostile}x"])
    assert not (shell.folder / "PWNED").exists()


def test_a_user_name_is_completed_for_the_service_that_was_typed(shell: Shell) -> None:
    for hostile in (
        "e two words",
        "a$(touch PWNED)",
        "l:https://forge.example/x=y@z",
        'c"double"',
    ):
        assert shell.run(f"creds get {hostile[0]}\tal\t") == [
            *("get", hostile, "alice$(touch PWNED)@example.org")
        ]
        what, *words = shell.asked()[-1]
        if what == "users-quoted":
            words = ["".join(shlex.split(word)) for word in words]
        assert names.service_of(words) == hostile
    assert not (shell.folder / "PWNED").exists()


def test_behind_two_dashes_stands_another_command(shell: Shell) -> None:
    assert shell.run("creds exec -- unusual-pr\t") == ["exec", "--", "unusual-program"]


BARE_DASHES = """
. scripts/completions/bash/creds
COMP_LINE='creds unlock --' COMP_POINT=15 COMP_CWORD=2 COMP_WORDS=(creds unlock --)
_creds_start_creds
printf '%s\\n' "${COMPREPLY[@]}"
"""


def test_two_dashes_alone_are_the_begin_of_an_option() -> None:
    done = subprocess.run(
        ["bash", "-c", BARE_DASHES], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert {"--create", "--password-stdin"} <= set(done.stdout.split()), done


def test_what_the_program_says_of_its_failure_is_not_shown(shell: Shell) -> None:
    (shell.folder / "creds").write_text("#!/bin/sh\necho failed\necho loudly >&2\nexit 70\n")
    assert shell.run("creds get zz\tx") == ["get", "zzx"]
    assert "loudly" not in (shell.child.before or "")


def test_every_command_is_in_each_completion() -> None:
    for shell, name in (("bash", "creds"), ("zsh", "_creds"), ("fish", "creds.fish")):
        text = (FOLDER / shell / name).read_text("utf-8")
        for command in COMMANDS:
            assert re.search(rf"\b{command}\b", text), (shell, command)
