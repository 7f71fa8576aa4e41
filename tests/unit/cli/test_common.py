from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from creds_session import errors
from creds_session.cli.common import Parser, complain, print_json, run
from creds_session.secret import Secret

CANARY = "canary-4711"
ALL = [one for one in vars(errors).values() if isinstance(one, type)]


def raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize("kind", ALL)
def test_run_tells_an_error_and_returns_its_code(
    kind: type[errors.CredsSessionError], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(raising(kind("it is so", hint="do that")), "creds") == kind.exit_code
    assert capsys.readouterr() == ("", "creds: it is so\n       do that\n")


def test_run_returns_what_the_command_returns(capsys: pytest.CaptureFixture[str]) -> None:
    assert [run(lambda: 0, "creds"), run(lambda: 1, "creds")] == [0, 1]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"bad {CANARY}"),
        UnicodeEncodeError("utf-8", CANARY, 0, 1, CANARY),
        OSError(1, CANARY, CANARY),
        KeyError(CANARY),
        RecursionError(CANARY),
        MemoryError(CANARY),
        AssertionError(Secret(CANARY.encode()), CANARY),
    ],
)
def test_run_calls_a_crash_70_and_shows_none_of_its_words(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(raising(error), "creds") == 70
    told = capsys.readouterr().err
    assert f"a fault of this program: {type(error).__name__} at test_common.py:" in told
    assert CANARY not in told
    assert "Traceback" not in told


def test_run_calls_an_interrupt_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(raising(KeyboardInterrupt()), "creds") == 130
    assert capsys.readouterr().err == "creds: interrupted\n"


def test_run_lets_an_exit_through() -> None:
    with pytest.raises(SystemExit) as caught:
        run(raising(SystemExit(64)), "creds")
    assert caught.value.code == 64


def test_parser_ends_with_64_and_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser("creds", "what it does", "examples:\n  one\n  two")
    parser.add_argument("--timeout", type=float)
    for argv in (["--nonsense"], ["--timeout", "x"], ["--time", "3"]):
        with pytest.raises(SystemExit) as caught:
            parser.parse_args(argv)
        assert caught.value.code == 64
        assert "usage: creds" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(["--help"])
    assert caught.value.code == 0
    assert "examples:\n  one\n  two" in capsys.readouterr().out


def test_print_json_has_the_schema_first(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": "ü\udcff"})
    assert capsys.readouterr().out == '{\n  "schema": 1,\n  "a": "\\u00fc\\udcff"\n}\n'


def test_complain_has_one_line_without_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    complain("creds", "it is so")
    assert capsys.readouterr().err == "creds: it is so\n"


def test_complain_lets_nothing_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    complain("creds", "no\x1b[31m answer\n", "run\r \udcff")
    assert capsys.readouterr().err == "creds: no\\x1b[31m answer\\n\n       run\\r \\udcff\n"


def test_parser_lets_nothing_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Parser("creds", "", "").parse_args(["--x\x1b[31m"])
    assert "\x1b" not in capsys.readouterr().err


def command(python: list[str], code: str) -> list[str]:
    prelude = f"import sys; sys.path.insert(0, {python[1]!r})\nfrom creds_session.cli.common import"
    return [python[0], "-I", "-c", f"{prelude} run, print_json\nsys.exit(run({code}, 'creds'))"]


LITTLE = "lambda: print_json({}) or 0"
MUCH = "lambda: [print('x' * 1000) for _ in range(1000)] and 0"


@pytest.mark.parametrize("code", [MUCH, LITTLE])
def test_run_is_silent_when_its_reader_has_left(python: list[str], code: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command(python, code), stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("code", [LITTLE, MUCH])
def test_run_says_so_when_its_output_cannot_be_written(python: list[str], code: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command(python, code), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == errors.CannotWrite.exit_code
    assert done.stderr.startswith("creds: ")


def test_run_does_not_blame_the_output_for_another_disk(python: list[str]) -> None:
    code = "lambda: (_ for _ in ()).throw(OSError(5, 'the terminal is gone'))"
    done = subprocess.run(command(python, code), capture_output=True, text=True, check=False)
    assert "output" not in done.stderr


def test_run_prints_what_is_no_text_as_escapes(python: list[str]) -> None:
    code = "lambda: print('u\\u00fc \\udcff') or print('\\udcfe', file=sys.stderr) or 0"
    argv = command(python, code)
    done = subprocess.run(argv, env={"LC_ALL": "C.UTF-8"}, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "uü \\udcff\n".encode(),
        b"\\udcfe\n",
    )
