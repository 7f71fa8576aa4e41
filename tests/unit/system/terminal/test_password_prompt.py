from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from creds_session.errors import Unavailable
from creds_session.facts.session import MAX_PASSWORD
from creds_session.system.terminal.password_prompt import MAX_LINE, ask_password
from creds_session.system.terminal.standard_input import (
    MAX_INPUT,
    is_typed,
    read_password_from_stdin,
)
from tests.unit.children import run_child
from tests.unit.streams import CONTENTS

ASK = """
import sys; sys.path.insert(0, {package!r})
from creds_session.system.terminal.password_prompt import ask_password
print("begin", flush=True)
try:
    print("got", ask_password("Password: ").reveal(), flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
print("more", input(), flush=True)
"""
PROMPT = b"Password: "


@pytest.fixture
def child(python: list[str]) -> Iterator[pexpect.spawn[bytes]]:
    argv = ["-I", "-c", ASK.format(package=python[1])]
    child: pexpect.spawn[bytes] = pexpect.spawn(python[0], argv, timeout=10, maxread=1 << 16)
    child.delaybeforesend = None
    child.expect_exact(b"begin\r\n")
    child.expect_exact(PROMPT)
    yield child
    child.close(force=True)


@pytest.mark.parametrize(
    ("typed", "password"),
    [
        (b"secret", b"secret"),
        (b"", b""),
        (b" a b ", b" a b "),
        (b"\xff\xfe\x80", b"\xff\xfe\x80"),
        ("ü€".encode(), "ü€".encode()),
        (b"wrong\x15right", b"right"),
        (b"ab\x7fc", b"ac"),
        (b"\x16\x03\x16\x04", b"\x03\x04"),
        (b"x" * 4094, b"x" * 4094),
    ],
)
def test_ask_password_keeps_the_bytes_and_shows_none(
    child: pexpect.spawn[bytes], typed: bytes, password: bytes
) -> None:
    assert not child.getecho()
    child.send(typed + b"\n")
    child.expect_exact(b"got ")
    assert child.before == b"\r\n"
    child.expect_exact(f"{password!r}\r\n".encode())
    assert child.getecho()
    child.sendline("shown")
    child.expect_exact(b"shown\r\nmore shown")


def test_ask_password_takes_the_end_of_file_for_an_empty_line(child: pexpect.spawn[bytes]) -> None:
    child.sendeof()
    child.expect_exact(b"got b''\r\n")


def test_ask_password_restores_the_echo_after_an_interrupt(child: pexpect.spawn[bytes]) -> None:
    child.send(b"half")
    assert not child.getecho()
    child.sendintr()
    child.expect_exact(b"interrupted\r\n")
    assert b"half" not in (child.before or b"")
    assert child.getecho()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_ask_password_restores_the_echo_and_ends_by_a_signal_that_ends(
    child: pexpect.spawn[bytes], number: signal.Signals
) -> None:
    child.send(b"half")
    assert not child.getecho()
    child.kill(number)
    while child.isalive():
        time.sleep(0.01)
    assert child.signalstatus == number
    assert child.getecho()


def test_ask_password_leaves_a_signal_to_who_waits_for_it(python: list[str]) -> None:
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    code = ignoring + ASK.format(package=python[1])
    with pexpect.spawn(python[0], ["-I", "-c", code], timeout=10) as child:
        child.expect_exact(PROMPT)
        child.kill(signal.SIGHUP)
        child.send(b"x\n")
        child.expect_exact(b"got b'x'")


def test_ask_password_stops_only_when_the_echo_is_on(python: list[str]) -> None:
    handling = "import signal; signal.signal(20, lambda *_: print('stopped', flush=True))\n"
    code = handling + ASK.format(package=python[1])
    with pexpect.spawn(python[0], ["-I", "-c", code], timeout=10) as child:
        child.expect_exact(PROMPT)
        child.send(b"\x1a")
        time.sleep(0.2)
        assert not child.getecho()
        child.send(b"x\n")
        child.expect_exact(b"stopped\r\n")
        assert child.before == b"\r\n"
        assert child.getecho()
        child.expect_exact(b"got b'x'")


@pytest.mark.parametrize("length", [MAX_LINE, MAX_LINE + 1, 5000])
def test_ask_password_refuses_a_line_that_the_terminal_would_cut(
    python: list[str], length: int
) -> None:
    code = ASK.format(package=python[1]).replace("KeyboardInterrupt", "Exception as error")
    code = code.replace('"interrupted"', "type(error).__name__, error.hint")
    with pexpect.spawn(python[0], ["-I", "-c", code], timeout=10) as child:
        child.expect_exact(PROMPT)
        child.send(b"x" * length + b"\n")
        child.expect_exact(b"InvalidData give it on standard input with --password-stdin")
        assert child.getecho()


def test_ask_password_drops_what_was_typed_before_the_prompt(python: list[str]) -> None:
    code = ASK.format(package=python[1]).replace('print("begin"', "import time; time.sleep(1)#")
    with pexpect.spawn(python[0], ["-I", "-c", code], timeout=10) as child:
        child.send(b"early\n")
        child.expect_exact(PROMPT)
        child.send(b"late\n")
        child.expect_exact(b"got b'late'")


def test_ask_password_without_a_terminal_is_unavailable() -> None:
    def ask() -> None:
        os.setsid()
        ask_password("Password: ")

    assert run_child(ask) == Unavailable.exit_code


def test_ask_password_stands_a_prompt_that_is_no_utf_8(python: list[str]) -> None:
    code = ASK.format(package=python[1]).replace('"Password: "', '"Password of \\udcff: "')
    with pexpect.spawn(python[0], ["-I", "-c", code], timeout=10) as child:
        child.expect_exact(b"Password of ")
        child.send(b"x\n")
        child.expect_exact(b"got b'x'")


STDIN = """
import sys; sys.path.insert(0, {package!r})
from creds_session.system.terminal.standard_input import read_password_from_stdin
sys.stdout.buffer.write(read_password_from_stdin().reveal())
"""


def piped(python: list[str], content: bytes) -> bytes:
    argv = [python[0], "-I", "-c", STDIN.format(package=python[1])]
    return subprocess.run(argv, input=content, stdout=subprocess.PIPE, check=False).stdout


@pytest.mark.parametrize(
    ("given", "password"),
    [
        *CONTENTS,
        (b" \xff\0\n", b" \xff\0"),
        (b"x" * MAX_PASSWORD + b"\n", b"x" * MAX_PASSWORD),
    ],
)
def test_read_password_from_stdin_drops_one_newline_alone(
    python: list[str], given: bytes, password: bytes
) -> None:
    assert piped(python, given) == password


def test_read_password_from_stdin_cuts_nothing_in_silence(python: list[str]) -> None:
    assert len(piped(python, b"x" * 9000)) in {0, 9000}


def test_read_password_from_stdin_refuses_what_has_no_end(python: list[str]) -> None:
    assert len(piped(python, b"x" * MAX_INPUT)) == MAX_INPUT
    assert piped(python, b"x" * (MAX_INPUT + 1)) == b""
    code = STDIN.format(package=python[1])
    with Path("/dev/zero").open("rb") as zero:
        done = subprocess.run(
            [python[0], "-I", "-c", code], stdin=zero, capture_output=True, text=True, check=False
        )
    assert "InvalidData: standard input is longer" in done.stderr


def test_read_password_from_stdin_that_is_closed_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert not is_typed()
    with pytest.raises(Unavailable, match="no standard input"):
        read_password_from_stdin()


def test_echo_flag_is_the_only_one_that_is_changed(child: pexpect.spawn[bytes]) -> None:
    asking = termios.tcgetattr(child.child_fd)
    child.send(b"\n")
    child.expect_exact(b"got ")
    after = termios.tcgetattr(child.child_fd)
    assert asking[3] | termios.ECHO == after[3]
    assert asking[:3] == after[:3]
