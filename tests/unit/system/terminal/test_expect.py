from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

import creds_session

PASSWORD = "canary-4713"
HERE = str(Path(creds_session.__file__).parents[1])
RUN = f"""
import os, re, sys
sys.path.insert(0, {HERE!r})
from creds_session.errors import CredsSessionError
from creds_session.system.terminal.prompts import Expected
from creds_session.secret import Secret
from creds_session.system.terminal.expect import run_on_terminal
patterns, argv = sys.argv[1].split(","), sys.argv[2:]
expected = [Expected(re.compile(one.encode()), Secret(b"canary-4713")) for one in patterns]
try:
    code, has_asked = run_on_terminal(argv, os.environ, expected)
except CredsSessionError as error:
    sys.stderr.write(error.problem)
    sys.exit(125 if error.exit_code == 1 else error.exit_code)
sys.stderr.write("asked" if has_asked else "never asked")
sys.exit(code)
"""
ASK = "stty -echo; printf Password:; read x; stty echo; echo; [ $x = canary-4713 ] && echo right"


def command(*argv: str, expect: str = "assword:") -> list[str]:
    return [sys.executable, "-c", RUN, expect, *argv]


def run(*argv: str, expect: str = "assword:") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(*argv, expect=expect),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    out, err = done.stdout.decode(), done.stderr.decode()  # as they are: no newline is translated
    assert PASSWORD not in out + err
    return subprocess.CompletedProcess(argv, done.returncode, out, err)


def test_password_is_typed_and_the_code_kept() -> None:
    done = run("sh", "-c", f"{ASK}; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "Password:\nright\n", "asked")


def test_child_that_turns_the_echo_off_too_late() -> None:
    late = "printf Password:; sleep 0.3; stty -echo; read x; stty echo; echo; echo ${#x}"
    assert run("sh", "-c", late).stdout == "Password:\n11\n"


GETPASS = """
import sys, termios, time
sys.stdout.write("Password:"); sys.stdout.flush()
time.sleep({delay})
before = termios.tcgetattr(0)
silent = termios.tcgetattr(0)
silent[3] &= ~termios.ECHO
termios.tcsetattr(0, termios.TCSAFLUSH, silent)  # what was typed is thrown away, as by getpass(3)
line = sys.stdin.readline()
termios.tcsetattr(0, termios.TCSAFLUSH, before)
print(); print(len(line) - 1)
"""


@pytest.mark.parametrize("delay", [0.3, 3])
def test_child_that_throws_away_what_was_typed_before_it_turned_the_echo_off(delay: float) -> None:
    begun = time.monotonic()
    done = run(sys.executable, "-c", GETPASS.format(delay=delay))
    assert (done.returncode, done.stdout) == (0, "Password:\n11\n")
    assert time.monotonic() - begun < delay + 10


def test_child_that_reads_late_with_the_echo_on_gets_it_once() -> None:
    late = "printf Password:; sleep 3; read x; echo; echo ${#x}; read -t 1 y; echo more:$y"
    assert run("bash", "-c", late).stdout == "Password:\n11\nmore:\n"


def test_child_that_never_turns_the_echo_off_gets_it_back() -> None:
    never = "printf Password:; read x; echo; echo ${#x}; sleep 0.3; stty -a | grep -o ' echo '"
    assert run("sh", "-c", never).stdout == "Password:\n11\n echo \n"


def test_echo_of_a_far_terminal_is_not_shown() -> None:
    far = 'stty raw -echo; printf Password:; x=$(head -c 12); printf "$x\\n"; stty cooked; echo end'
    done = run("sh", "-c", far)
    assert done.stdout == "Password:\r\nend\n"


def test_child_that_asks_again_is_ended_soon() -> None:
    begun = time.monotonic()
    done = run("sh", "-c", "for i in 1 2 3 4; do stty -echo; printf Password:; read x; done")
    assert done.returncode == 125
    assert done.stdout == "Password:Password:"
    assert "asked again" in done.stderr
    assert time.monotonic() - begun < 5


def test_prompts_words_in_later_output_are_none() -> None:
    """The echo is on again, so nobody is asked."""
    done = run("sh", "-c", f"{ASK}; printf 'the next Password:'; sleep 3; echo fine")
    assert done.returncode == 0
    assert done.stdout.endswith("\nthe next Password:fine\n")


def test_slow_reader_gets_all_of_it() -> None:
    argv = " ".join(map(shlex.quote, command("seq", "30000")))
    slow = subprocess.run(
        ["sh", "-c", f"{argv} | (sleep 2; cat) | tail -n 1"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert slow.stdout == b"30000\n"


def test_two_prompts() -> None:
    both = "stty -echo; printf New:; read x; printf Again:; read y; [ $x = $y ] && echo same"
    assert run("sh", "-c", both, expect="New:,Again:").stdout == "New:Again:same\n"


def test_child_that_never_asks() -> None:
    done = run("sh", "-c", "echo Passwort; exit 4")
    assert (done.returncode, done.stdout, done.stderr) == (4, "Passwort\n", "never asked")


def test_child_killed_by_a_signal() -> None:
    assert run("sh", "-c", "kill -9 $$").returncode == 137


def test_what_cannot_be_run(tmp_path: Path) -> None:
    plain = tmp_path / "plain file"
    plain.write_text("echo $0 ran\n")
    assert run(str(plain)).returncode == 126
    assert run("no-such-thing").returncode == 127
    plain.chmod(0o755)
    assert run(str(plain)).stdout == f"{plain} ran\n"


def test_output_is_whole_and_as_it_was() -> None:
    done = run("seq", "100000")
    assert done.stdout == "".join(f"{n}\n" for n in range(1, 100001))


def test_reader_that_leaves_ends_the_command() -> None:
    child = subprocess.Popen(command("yes"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.read(10)
    child.stdout.close()
    assert child.wait(10) in {129, 141}


def test_one_left_behind_is_not_waited_for() -> None:
    begun = time.monotonic()
    assert run("sh", "-c", "sleep 60 & echo here").stdout == "here\n"
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1])
def test_signals_are_passed_on(number: signal.Signals) -> None:
    argv = command(
        "sh", "-c", f"trap 'exit 7' {number.name[3:]}; echo up; while :; do sleep 0.1; done"
    )
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert child.stdout
    assert child.stdout.readline() == b"up\n"
    child.send_signal(number)
    assert child.wait(10) == 7
    child.stdout.close()


def command_line(pid: int) -> str:
    """Return the arguments of a process, which are empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_command_ends_with_us_however_we_end() -> None:
    argv = command("sh", "-c", "echo $$; exec sleep 60")
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert child.stdout
    pid = int(child.stdout.readline())
    child.kill()
    child.wait()
    child.stdout.close()
    end = time.monotonic() + 10
    while command_line(pid):
        assert time.monotonic() < end
        time.sleep(0.05)


class Person:
    """A person at the terminal in which the command runs."""

    def __init__(self, *argv: str, program: str = "") -> None:
        words = list(argv) if program else command(*argv)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execv(program or sys.executable, words)  # noqa: S606
        self.seen = b""

    def wait_for(self, pattern: str) -> None:
        end = time.monotonic() + 10
        while not re.search(pattern.encode(), self.seen):
            assert time.monotonic() < end, self.seen
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.seen += os.read(self.terminal, 4096)

    def type(self, keys: bytes) -> None:
        os.write(self.terminal, keys)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self) -> int:
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.terminal)
        return code


def test_keys_size_and_interrupt_are_the_commands() -> None:
    script = (
        "trap 'echo caught; exit 5' INT; read x; trap 'stty size' WINCH; echo got:$x; stty size;"
    )
    person = Person("sh", "-c", f"{script} while :; do sleep 0.05; done")
    time.sleep(0.5)
    person.resize(40, 100)
    person.type(b"hello\r")
    person.wait_for("got:hello\r\n40 100\r\n")
    person.resize(41, 101)
    person.wait_for("41 101\r\n")
    person.type(b"\x03")
    person.wait_for("caught")
    assert person.end() == 5


def test_person_answers_where_it_is_asked_again() -> None:
    person = Person(
        "sh", "-c", "for i in 1 2; do stty -echo; printf Password:; read x; done; echo =$x="
    )
    person.wait_for("Password:.*Password:(?s:.*)this answer is yours")
    person.type(b"mine\r")
    person.wait_for("=mine=")
    assert person.end() == 0
    assert PASSWORD.encode() not in person.seen


def test_terminal_is_as_it_was(tmp_path: Path) -> None:
    words = " ".join(map(shlex.quote, command("sh", "-c", "kill -9 $$")))
    script = f"stty -a >before; {words} 2>said; stty -a >after"
    script += "; cmp before after && grep -q asked said && echo same"
    person = Person("sh", "-c", f"cd {tmp_path}; {script}", program="/bin/sh")
    person.wait_for("same")
    person.end()


def test_stop_and_go_on(tmp_path: Path) -> None:
    words = " ".join(map(shlex.quote, command("sh", "-c", "echo up; read x; echo got:$x")))
    script = tmp_path / "script"
    script.write_text(f"{words}\necho stopped:$?\nfg\necho end:$?\n")
    person = Person("bash", "-m", str(script), program="/bin/bash")
    person.wait_for("up")
    person.type(b"\x1a")
    person.wait_for(f"stopped:{128 + signal.SIGTSTP}")
    person.type(b"on\r")
    person.wait_for("got:on")
    person.wait_for("end:0")
    person.end()
