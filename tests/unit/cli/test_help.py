"""Every command helps as people expect: an overview, a help with examples, suggestions."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shlex
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from creds_session.cli.creds import main as creds
from creds_session.cli.creds.askpass import PROGRAM as ASKPASS
from creds_session.cli.doctor import main as doctor
from creds_session.cli.parser import Parser
from creds_session.cli.setup_pam import main as setup_pam
from creds_session.errors import UsageError
from tests.unit.cli.test_documented_commands import commands, refusal

MAINS = {
    "creds": "creds.main",
    "creds-doctor": "doctor.main",
    "creds-setup-pam": "setup_pam.main",
    ASKPASS: "creds.askpass",
}
EXAMPLE = re.compile(r"^  (?P<command>\S.*?)(?:\s{2,}.*)?$")


def argv(python: list[str], program: str, *words: str) -> list[str]:
    code = (
        f"import sys; sys.path.insert(0, {python[1]!r}); sys.argv[0] = {program!r}\n"
        f"from creds_session.cli.{MAINS[program]} import main; sys.exit(main())"
    )
    return [python[0], "-I", "-c", code, *words]


def run(
    python: list[str], program: str, *words: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **variables}
    return subprocess.run(
        argv(python, program, *words), env=environ, capture_output=True, text=True, check=False
    )


def at_terminal(
    python: list[str], program: str, *words: str, columns: int = 80, **variables: str
) -> tuple[int | None, str]:
    """Run a program at a terminal; return its exit code and what is shown."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "TERM": "xterm", **variables}
    command, *rest = argv(python, program, *words)
    with pexpect.spawn(
        command, rest, env=environ, timeout=20, dimensions=(40, columns), encoding="utf-8"
    ) as child:
        child.expect(pexpect.EOF)
        shown = child.before or ""
        child.wait()
    return child.exitstatus, shown.replace("\r\n", "\n")


def subcommands(parser: argparse.ArgumentParser) -> dict[str, Parser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def parsers() -> Iterator[tuple[str, Parser]]:
    for name in creds.COMMANDS:
        yield f"creds {name}", creds.command_parser(name)
    yield "creds-doctor", doctor._parser()
    yield "creds-setup-pam", setup_pam._parser()
    for name, parser in subcommands(setup_pam._parser()).items():
        yield f"creds-setup-pam {name}", parser


PARSERS = dict(parsers())


def test_creds_alone_shows_every_command_at_a_terminal(python: list[str]) -> None:
    code, shown = at_terminal(python, "creds")
    assert code == 0
    for name in creds.COMMANDS:
        assert re.search(rf"^  {name} ", shown, re.MULTILINE), name
    assert "creds-doctor" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_creds_alone_is_wrong_usage_without_a_terminal(python: list[str]) -> None:
    done = run(python, "creds")
    assert (done.returncode, done.stdout) == (64, "")
    assert "COMMAND" in done.stderr


@pytest.mark.parametrize("program", ["creds", "creds-setup-pam"])
def test_help_is_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], program: str
) -> None:
    module = creds if program == "creds" else setup_pam

    def printed(*words: str) -> str:
        monkeypatch.setattr("sys.argv", [program, *words])
        assert module._main() == 0
        return capsys.readouterr().out

    names = creds.COMMANDS if program == "creds" else setup_pam.COMMANDS
    assert all(name in printed("help") for name in names)
    for name in names:
        assert printed("help", name) == PARSERS[f"{program} {name}"].format_help()


@pytest.mark.parametrize("command", PARSERS)
def test_every_argument_is_described_in_sentences(command: str) -> None:
    for action in PARSERS[command]._actions:
        if action.help != argparse.SUPPRESS:
            text = action.help or ""
            assert re.match(r"(?s)[A-Z].*\.$", text), (command, action.option_strings, text)
    description = PARSERS[command].description or ""
    assert re.match(r"(?s)[A-Z].*[.:]$", description.strip().partition("\n\n")[0])


@pytest.mark.parametrize("command", PARSERS)
def test_every_help_has_an_example_that_is_right(command: str) -> None:
    _, begins, epilog = (PARSERS[command].epilog or "").partition("examples:\n")
    assert begins, command
    examples = [
        match["command"]
        for line in epilog.partition("\n\n")[0].splitlines()
        if (match := EXAMPLE.match(line))
    ]
    assert any(command in example for example in examples), examples
    for example in examples:
        assert len(example) <= 78
        for program, words in commands(example):
            if program != ASKPASS and "COMMAND" not in words:
                assert refusal(program, words) == "", example


@pytest.mark.parametrize("command", [*PARSERS, "creds"])
def test_help_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    parser = creds._parser() if command == "creds" else dict(parsers())[command]
    assert [line for line in parser.format_help().splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("program", MAINS)
@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_printed(python: list[str], program: str, option: str) -> None:
    done = run(python, program, option)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_askpass_has_a_help(python: list[str], option: str) -> None:
    done = run(python, ASKPASS, option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {ASKPASS}")
    assert "examples:" in done.stdout


def refused(program: str, words: str) -> str:
    given = shlex.split(words)
    parsers_: dict[str, Callable[[list[str]], object]] = {
        "creds": creds._parse,
        "creds-doctor": doctor._parser().parse_args,
        "creds-setup-pam": setup_pam._parser().parse_args,
    }
    with contextlib.redirect_stderr(io.StringIO()) as shown:
        try:
            parsers_[program](given)
        except UsageError as error:
            return f"{error.problem}\n{error.hint}"
        except SystemExit:
            return shown.getvalue()
    return ""


@pytest.mark.parametrize(
    ("program", "words", "meant"),
    [
        ("creds", "unlok", "unlock"),
        ("creds", "gett web alice", "get"),
        ("creds", "git-credentials get", "git-credential"),
        ("creds", "statsu", "status"),
        ("creds", "store web alice", "put"),
        ("creds", "rm web alice", "delete"),
        ("creds", "ls", "list"),
        ("creds", "passwd", "rekey"),
        ("creds", "doctor", "creds-doctor"),
        ("creds", "version", "creds --version"),
        ("creds", "help unlok", "unlock"),
        ("creds", "unlock --creat", "--create"),
        ("creds", "list --jsn", "--json"),
        ("creds", "env --shell fsh", "fish"),
        ("creds", "hook instal", "install"),
        ("creds-setup-pam", "aply", "apply"),
        ("creds-setup-pam", "undo", "revert"),
        ("creds-setup-pam", "help aply", "apply"),
        ("creds-setup-pam", "apply --only-ad", "--only-add"),
        ("creds-setup-pam", "simulate --call autenticate", "authenticate"),
        ("creds-setup-pam", "simulate --call auth", "authenticate"),
        ("creds-doctor", "--verbos", "--verbose"),
        ("creds-doctor", "--format jsno", "json"),
    ],
)
def test_a_misspelt_word_is_answered_with_what_was_meant(
    program: str, words: str, meant: str
) -> None:
    assert f"did you mean {meant}?" in refused(program, words)


def test_an_option_before_the_command_is_explained() -> None:
    assert "the command must be first" in refused("creds", "-v get web alice")


@pytest.mark.parametrize(
    "words",
    [
        "get a b --json",
        "list --json",
        "unlock -q -n",
        "rekey -q",
        "lock -q",
        "put a b -q",
        "import-netrc -n -",
        "get a --username-key-file -",
    ],
)
def test_usual_options_are_known(words: str) -> None:
    assert refused("creds", words) == ""


def test_json_is_the_same_as_the_format() -> None:
    for line in ("get a b", "list a"):
        by_format = creds._parse(f"{line} --format json".split())
        assert vars(creds._parse(f"{line} --json".split())) == vars(by_format)


@pytest.mark.parametrize(
    "words",
    [
        "--yes",
        "--dry-run",
        "--anonymous",
        "--fix --save x",
        "--fix --timeout 9",
        "--fix --dry-run --yes",
        "--from x --timeout 9",
        "--list --json",
        "--list --only bus-absent",
        "--explain bus-absent --save x",
        "--explain bus-absent --fix",
        "--save - --report -",
        "--output - --save -",
    ],
)
def test_the_doctor_refuses_an_option_that_would_do_nothing(words: str) -> None:
    arguments = doctor._parser().parse_args(words.split())
    with pytest.raises(UsageError):
        doctor._require_meaning(arguments)


@pytest.mark.parametrize("words", ["", "-v", "--fix -y", "--fix -n", "--save - --anonymous"])
def test_the_doctor_takes_options_that_do_something(words: str) -> None:
    doctor._require_meaning(doctor._parser().parse_args(words.split()))


@pytest.mark.parametrize("option", ["--save", "--report", "--output"])
def test_the_doctor_prints_a_file_that_is_named_with_a_dash(
    python: list[str], tmp_path: Path, option: str
) -> None:
    begins = {"--save": "{", "--report": "<!DOCTYPE html>", "--output": "no secret can be read"}
    home = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    command = argv(python, "creds-doctor", option, "-")
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", **home},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.lstrip().lower().startswith(begins[option].lower())
    assert "no secret can be read" not in done.stdout or option != "--save"
    assert not (tmp_path / "-").exists()


def test_the_doctor_judges_what_standard_input_has(python: list[str], tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    saved = run(python, "creds-doctor", "--save", "-", **home)
    done = subprocess.run(
        argv(python, "creds-doctor", "--from", "-", "--format", "line"),
        input=saved.stdout,
        env={"PATH": "/usr/bin:/bin", **home},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("keyring: no secret can be read")


def test_the_doctor_reads_standard_input_where_it_is(python: list[str], tmp_path: Path) -> None:
    """A socket cannot be opened by its name, /dev/stdin (open(2), ENXIO)."""
    home = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    saved = run(python, "creds-doctor", "--save", "-", **home).stdout
    near, far = socket.socketpair()
    with near, far:
        child = subprocess.Popen(
            argv(python, "creds-doctor", "--from", "-", "--format", "line"),
            stdin=far.fileno(),
            stdout=subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", **home},
            text=True,
        )
        near.sendall(saved.encode())
        near.shutdown(socket.SHUT_WR)
        told, _ = child.communicate(timeout=60)
    assert (child.returncode, told[:30]) == (1, "keyring: no secret can be read")


def test_the_doctor_without_words_does_what_its_parser_says() -> None:
    """It loads no parser then, because most runs have no words."""
    assert vars(doctor._without_words()) == vars(doctor._parser().parse_args([]))
