from __future__ import annotations

import io
import os
import pwd
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from creds_session import errors
from creds_session.cli.boundary import run
from creds_session.cli.creds.foreign_home import refuse_foreign_home
from creds_session.cli.output import complain, print_json
from creds_session.cli.parser import Parser
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
    assert f"a fault of this program: {type(error).__name__} at test_boundary.py:" in told
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


def test_complain_keeps_the_lines_of_a_text_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    complain("creds", "one\r\ntwo\tx", "three\nfour")
    lines = ["creds: one\\r", "two\\tx", "three", "four"]
    assert capsys.readouterr().err == "\n       ".join(lines) + "\n"


@pytest.mark.parametrize("stream", [None, "closed"])
def test_complain_raises_nothing_and_takes_no_other_stream(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stream: str | None
) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed if stream else None)
    complain("creds", "it is so", "do that")
    assert capsys.readouterr().out == ""


def test_complain_has_one_line_without_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    complain("creds", "it is so")
    assert capsys.readouterr().err == "creds: it is so\n"


def test_complain_lets_nothing_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    complain("creds", "no\x1b[31m answer\n", "run\r \udcff")
    assert capsys.readouterr().err == "creds: no\\x1b[31m answer\n       run\\r \\udcff\n"


def test_parser_lets_nothing_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Parser("creds", "", "").parse_args(["--x\x1b[31m"])
    assert "\x1b" not in capsys.readouterr().err


def command(python: list[str], code: str) -> list[str]:
    prelude = f"""\
import sys; sys.path.insert(0, {python[1]!r})
from creds_session.cli.boundary import run
from creds_session.cli.output import print_json
sys.exit(run({code}, 'creds'))"""
    return [python[0], "-I", "-c", prelude]


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


@pytest.mark.parametrize("code", [MUCH, LITTLE])
def test_run_keeps_the_code_when_its_reader_has_left(python: list[str], code: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    argv = command(python, code.replace("and 0", "and 3").replace("or 0", "or 3"))
    done = subprocess.run(argv, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (3, "")


ERROR = "lambda: (_ for _ in ()).throw(__import__('creds_session.errors').errors.Busy('held'))"


def test_run_keeps_the_code_when_nobody_takes_its_messages(python: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with Path("/dev/full").open("wb") as full:
        for stream in (writer, full.fileno()):
            argv = command(python, ERROR)
            done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=stream, check=False)
            assert (done.returncode, done.stdout) == (errors.Busy.exit_code, b"")
    os.close(writer)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_run_prints_into_no_file_that_took_the_place_of_a_stream(
    python: list[str], tmp_path: Path, closed: str
) -> None:
    path = tmp_path / "file"
    body = f"[open({str(path)!r}, 'w'), print('out'), print('no', file=sys.stderr), {{}}][3]"
    for code, last in ((0, "0"), (75, f"({ERROR})()")):
        argv = ["sh", "-c", f'exec "$@" {closed}', "sh"]
        argv += command(python, "lambda: " + body.format(last))
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert done.stdout in {"", "out\n"}
        assert path.read_text() == ""


def test_run_takes_no_missing_input_for_an_empty_one(python: list[str]) -> None:
    argv = ["sh", "-c", 'exec "$@" <&-', "sh"]
    argv += command(python, "lambda: 5 if sys.stdin is None else 0")
    assert subprocess.run(argv, check=False).returncode == 5


@pytest.fixture
def of_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder of root's, with an environment that names no other."""
    for variable in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
VARIABLES = {"HOME": ".config", "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""}


@needs_root
@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("made", [False, True])
def test_root_may_use_what_is_roots(
    of_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    made: bool,
) -> None:
    if made:
        (of_root / VARIABLES[variable] / "python_keyring").mkdir(parents=True)
    for place in (
        of_root,
        of_root / "not" / "yet",
        Path("/dev/null"),
        Path(pwd.getpwuid(0).pw_dir),
    ):
        monkeypatch.setenv(variable, str(place))
        refuse_foreign_home("creds")


@needs_root
@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("kind", ["owner", "others", "group", "below", "link", "linked", "sticky"])
def test_root_may_not_use_what_others_can_change(
    of_root: Path, monkeypatch: pytest.MonkeyPatch, variable: str, kind: str
) -> None:
    folder = of_root / VARIABLES[variable] / "python_keyring"
    place = of_root
    if kind == "below":
        folder.mkdir(parents=True)
        os.chown(folder, 12, 34)
    elif kind in {"link", "linked"}:
        (of_root / "target").mkdir()
        place = of_root / "link"
        place.symlink_to("target")
        os.chown(place if kind == "link" else of_root / "target", 12, 34, follow_symlinks=False)
    elif kind == "owner":
        os.chown(of_root, 12, 34)
    else:
        os.chown(of_root, 0, 34)
        of_root.chmod({"others": 0o757, "group": 0o775, "sticky": 0o1777}[kind])
    monkeypatch.setattr("sys.argv", ["creds", "get", "app", "me"])
    for named in (place, place / "not" / "yet") if kind != "below" else (place,):
        monkeypatch.setenv(variable, str(named))
        with pytest.raises(
            errors.UsageError, match=f"root with {variable}={named} would"
        ) as caught:
            refuse_foreign_home("creds")
        assert caught.value.hint.endswith(": creds get app me")


def test_a_user_may_use_any_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/tmp/nothing")
    refuse_foreign_home("creds")


@needs_root
@pytest.mark.parametrize("theirs", ["directory", "above", "link", "link above"])
def test_no_part_of_roots_runtime_directory_is_another_users(
    of_root: Path, monkeypatch: pytest.MonkeyPatch, theirs: str
) -> None:
    """The owner of a directory on the way can put another one in its place at any time."""
    place = of_root / "above" / "runtime"
    place.mkdir(parents=True)
    (of_root / "link").symlink_to(place)
    (of_root / "linked").symlink_to(place.parent)
    named = {"link": of_root / "link", "link above": of_root / "linked" / "runtime"}
    owned = {
        "directory": place,
        "above": place.parent,
        "link": of_root / "link",
        "link above": of_root / "linked",
    }
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(named.get(theirs, place)))
    refuse_foreign_home("creds")
    os.chown(owned[theirs], 4712, -1, follow_symlinks=False)
    with pytest.raises(errors.UsageError, match="root with XDG_RUNTIME_DIR="):
        refuse_foreign_home("creds")


@needs_root
def test_a_runtime_directory_that_is_not_there_yet_is_no_other_users(
    of_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/root")
    for place in (of_root / "not" / "yet", Path("/tmp/runtime-root-that-is-not-there")):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
        refuse_foreign_home("creds")
