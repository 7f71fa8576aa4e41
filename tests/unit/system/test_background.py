"""A command in the background of its terminal goes on, ends, and leaves the terminal alone.

timeout(1) puts what it runs into a process group of its own, and a script's shell brings nothing
to the foreground. What changes or reads the terminal there is stopped (termios(3)).
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pexpect
import pytest

from tests.unit.system.terminal.test_expect import ASK, HERE, PASSWORD, command

ASKING = f"""
import sys
sys.path.insert(0, {HERE!r})
from creds_session.errors import CredsSessionError
from creds_session.system.terminal.password_prompt import ask_password
try:
    print("got", len(ask_password("Password:").reveal()), flush=True)
except CredsSessionError as error:
    print(error.exit_code, error.problem, error.hint, flush=True)
    sys.exit(error.exit_code)
"""
INTERACTIVE = f"""
import sys
sys.path.insert(0, {HERE!r})
from creds_session.system.terminal.password_prompt import is_interactive
print("interactive", is_interactive(), flush=True)
"""
# What sudo(8) does if its output is a pipe: it starts the command in the background of a terminal
# of its own, and brings it forward as soon as it stops (exec_pty.c, exec_monitor.c).
LIKE_SUDO = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
command = os.fork()
if command == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])
status = os.waitpid(command, os.WUNTRACED)[1]
while os.WIFSTOPPED(status):
    os.tcsetpgrp(0, command)
    os.killpg(command, signal.SIGCONT)
    status = os.waitpid(command, os.WUNTRACED)[1]
sys.exit(os.waitstatus_to_exitcode(status))
"""
SETTINGS = "stty -g"
TYPED = "assword:"


def words(*argv: str) -> str:
    return " ".join(map(shlex.quote, argv))


def python(code: str) -> str:
    return words(sys.executable, "-c", code)


@contextmanager
def at_a_terminal(script: str, shell: str = "sh", *options: str) -> Iterator[pexpect.spawn[bytes]]:
    """Run a script whose shell leads the session of a terminal, and end all that is left of it."""
    argv = [*options, "-c", script]
    child: pexpect.spawn[bytes] = pexpect.spawn(shell, argv, timeout=10, dimensions=(24, 200))
    child.delaybeforesend = None
    try:
        yield child
    finally:
        of_session = [pid for pid in processes() if session_of(pid) == child.pid]
        child.close(force=True)
        end_all(of_session)


def processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def end_all(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def ended(child: pexpect.spawn[bytes]) -> str:
    """Wait for the end of what the terminal shows; return the rest of it."""
    child.expect(pexpect.EOF)
    text = (child.before or b"").decode()
    assert PASSWORD not in text
    return text


def with_settings(script: str) -> str:
    """Say whether the settings of the terminal are the same after a script as before."""
    compare = f'[ "$before" = "$({SETTINGS})" ] && echo same'
    return f'before=$({SETTINGS}); {script}; echo "code:$?"; {compare}'


def test_timeout_in_a_script_does_not_stop_it() -> None:
    script = with_settings(f"timeout 20 {words(*command('sh', '-c', ASK))}")
    with at_a_terminal(script) as child:
        told = ended(child)
    assert "right" in told
    assert "code:0" in told
    assert "same" in told


def test_timeout_in_a_script_ends_it() -> None:
    never = words(*command("sh", "-c", "echo up; exec sleep 60"))
    begun = time.monotonic()
    with at_a_terminal(with_settings(f"timeout 1 {never}")) as child:
        told = ended(child)
    assert "up" in told
    assert "code:124" in told
    assert "same" in told
    assert time.monotonic() - begun < 6


def test_a_terminal_that_stops_background_output_does_not_hold_it() -> None:
    """With `stty tostop` a write from the background would stop it, too."""
    line = words(*command("sh", "-c", ASK)) + " 2>/dev/null"  # where it says that it asked
    script = "stty tostop; " + with_settings(f"timeout 20 {line}")
    with at_a_terminal(script) as child:
        told = ended(child)
    assert "right" in told
    assert "code:0" in told
    assert "same" in told


def test_keys_are_left_to_the_foreground() -> None:
    """A shell that reads beside it gets each line that is typed."""
    line = words(*command("sh", "-c", "echo up; sleep 2; echo down"))
    # Without job control a shell gives what it starts by & an empty standard input.
    script = f"exec 3<&0; timeout 20 {line} <&3 & read key; echo key:$key; wait; echo end"
    with at_a_terminal(script) as child:
        child.expect_exact(b"up")
        assert child.getecho()
        child.send(b"one\n")
        child.expect_exact(b"key:one")
        child.expect_exact(b"down")
        child.expect_exact(b"end")


def test_a_prompt_that_comes_again_ends_it_for_nobody_types_there() -> None:
    again = "for i in 1 2 3; do stty -echo; printf Password:; read x; done"
    script = with_settings(f"timeout 20 {words(*command('sh', '-c', again))}")
    begun = time.monotonic()
    with at_a_terminal(script) as child:
        told = ended(child)
    assert "asked again" in told
    assert "code:125" in told
    assert time.monotonic() - begun < 8


SCRIPT = "echo up; while read x; do echo got:$x; [ $x = last ] && break; done; sleep 0.3"


class Shell:
    """A person at a shell with job control."""

    def __init__(self, child: pexpect.spawn[bytes], folder: Path) -> None:
        self.child, self._job = child, folder / "job"
        self.run("PS1=; PS2=; unset PROMPT_COMMAND; bind 'set enable-bracketed-paste off'")

    def run(self, line: str) -> str:
        """Run a line in the foreground of the shell; return what the terminal shows of it."""
        self.child.send(f"{line}; echo '<do''ne>'\n".encode())
        self.child.expect_exact(b"<done>")
        return (self.child.before or b"").decode()

    def start(self, line: str, end: str = "") -> None:
        """Start a job; the line that the terminal echoes has none of its words."""
        self._job.write_text(f"exec {line}\n")
        self.child.send(f"sh {self._job} {end}\n".encode())

    def settings(self) -> str:
        return self.run(SETTINGS).split()[-1]

    def type(self, keys: bytes) -> None:
        self.child.send(keys)

    def wait_for(self, text: str) -> None:
        self.child.expect_exact(text.encode())

    def is_raw(self) -> bool:
        """Return whether the terminal gives each key at once."""
        import termios

        return not termios.tcgetattr(self.child.child_fd)[3] & termios.ISIG

    def wait_until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.02)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    argv = ["--norc", "--noprofile", "--noediting", "-i"]
    child: pexpect.spawn[bytes] = pexpect.spawn("bash", argv, timeout=10, dimensions=(24, 200))
    child.delaybeforesend = None
    yield Shell(child, tmp_path)
    of_session = [pid for pid in processes() if session_of(pid) == child.pid]
    child.close(force=True)
    end_all(of_session)


def test_a_job_that_is_brought_to_the_foreground_gets_the_keys(shell: Shell) -> None:
    before = shell.settings()
    shell.start(words(*command("sh", "-c", SCRIPT)), "&")
    shell.wait_for("up")
    assert shell.run("echo mine").split()[-1] == "mine", "the shell has the keys"
    assert shell.run("jobs").count("Running") == 1
    shell.type(b"fg\n")
    shell.wait_until(shell.is_raw)
    shell.type(b"first\rlast\r")
    shell.wait_for("got:first")
    shell.wait_for("got:last")
    shell.wait_for("never asked")
    assert shell.settings() == before


@pytest.mark.parametrize("how", ["key", "signal"])
def test_a_job_that_is_stopped_goes_on_in_the_background(shell: Shell, how: str) -> None:
    before = shell.settings()
    shell.start(words(*command("sh", "-c", "echo up; sleep 2; echo down")))
    shell.wait_for("up")
    shell.wait_until(shell.is_raw)
    if how == "key":
        shell.type(b"\x1a")
    else:
        group = os.tcgetpgrp(shell.child.child_fd)
        os.killpg(group, signal.SIGSTOP)
    shell.wait_for("Stopped")
    assert shell.settings() == before
    shell.run("stty -echoctl")
    before = shell.settings()
    shell.run("bg")
    assert shell.run("echo mine").split()[-1] == "mine"
    shell.wait_for("down")
    assert not shell.is_raw()
    shell.run("wait")
    assert shell.settings() == before


def test_a_job_in_the_background_ends_by_a_signal(shell: Shell) -> None:
    shell.start(words(*command("sh", "-c", "echo up; exec sleep 60")), "&")
    shell.wait_for("up")
    assert "143" in shell.run("kill %1; wait %1; echo $?")


# The job is moved to the background by somebody who leaves the terminal as the job has it.
MOVER = """
import os, signal, subprocess, sys, termios, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
before = termios.tcgetattr(0)
def prepare():
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpgrp())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
job = subprocess.Popen(sys.argv[1:], preexec_fn=prepare)
while termios.tcgetattr(0) == before:
    time.sleep(0.02)
os.tcsetpgrp(0, os.getpgrp())
job.send_signal(signal.SIGTERM)
print("code", job.wait(), "same", termios.tcgetattr(0) == before, flush=True)
"""


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (words(*command("sh", "-c", "echo up; exec sleep 60")), 143),
        (python(ASKING), -signal.SIGTERM),
    ],
    ids=["run", "ask"],
)
def test_a_terminal_that_is_still_as_we_made_it_is_given_back_from_the_background(
    line: str, code: int
) -> None:
    with at_a_terminal(f"{python(MOVER)} {line}") as child:
        told = ended(child)
    assert f"code {code} same True" in told


# --- a password that a person is to type ---


def test_a_password_is_not_asked_for_in_the_background() -> None:
    begun = time.monotonic()
    with at_a_terminal(with_settings(f"timeout 20 {python(ASKING)}")) as child:
        told = ended(child)
    assert "69 this program runs in the background of the terminal" in told
    assert "--password-stdin" in told
    assert "code:69" in told
    assert "same" in told
    assert "Password:" not in told
    assert time.monotonic() - begun < 5


def test_a_password_is_asked_for_by_who_is_brought_to_the_foreground() -> None:
    with at_a_terminal(with_settings(f"{python(LIKE_SUDO)} {python(ASKING)}")) as child:
        child.expect_exact(b"Password:")
        assert not child.getecho()
        child.send(b"secret\n")
        child.expect_exact(b"got 6")
        told = ended(child)
    assert "code:0" in told
    assert "same" in told


def test_a_signal_ends_who_asks_though_it_was_moved_to_the_background(shell: Shell) -> None:
    shell.start(python(ASKING))
    shell.wait_for("Password:")
    group = os.tcgetpgrp(shell.child.child_fd)
    os.killpg(group, signal.SIGSTOP)
    shell.wait_for("Stopped")
    shell.run("bg")
    # In one line: before its next prompt the shell would tell of the job's end, and forget it.
    assert "143" in shell.run("kill %1; kill -CONT %1; wait %1; echo $?")
    assert shell.child.getecho()


def test_the_echo_is_off_again_after_a_stop(shell: Shell) -> None:
    shell.start(python(ASKING))
    shell.wait_for("Password:")
    group = os.tcgetpgrp(shell.child.child_fd)
    os.killpg(group, signal.SIGSTOP)
    shell.wait_for("Stopped")
    assert shell.child.getecho()
    shell.type(b"fg\n")
    shell.wait_until(lambda: not shell.child.getecho())
    shell.type(b"secret\n")
    shell.wait_for("got 6")
    assert shell.run("true") is not None
    assert shell.child.getecho()


def test_nobody_is_asked_a_question_in_the_background() -> None:
    with at_a_terminal(f"timeout 20 {python(INTERACTIVE)}; {python(INTERACTIVE)}") as child:
        told = ended(child)
    assert told.split() == ["interactive", "False", "interactive", "True"]
    with at_a_terminal(f"{python(LIKE_SUDO)} {python(INTERACTIVE)}") as child:
        assert "interactive True" in ended(child)


# --- a command that runs in our process group: creds exec, creds run --askpass ---

EXEC = f"""
import os, sys
sys.path.insert(0, {HERE!r})
from creds_session.system.processes.foreground import held_signals, run_in_foreground
with held_signals() as held:
    code = run_in_foreground(sys.argv[1:], os.environ, held)
print("cleaned", flush=True)
sys.exit(code)
"""


def test_a_command_that_reads_the_terminal_stops_with_us_and_ends_with_us() -> None:
    begun = time.monotonic()
    with at_a_terminal(with_settings(f"timeout 1 {python(EXEC)} cat")) as child:
        told = ended(child)
    assert "cleaned" in told
    assert "code:124" in told
    assert "same" in told
    assert time.monotonic() - begun < 6
