"""A person at a terminal: types the password, then commands, and reads what comes back."""

from __future__ import annotations

import contextlib
import os
import re
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pexpect
from pexpect.fdpexpect import fdspawn

if TYPE_CHECKING:
    from typing_extensions import Self

PROMPT = "<ready>"
PATIENCE = 0.05  # seconds; pexpect's own


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit status."""

    status: int
    output: str


class LoginFailed(AssertionError):  # a noun for the situation
    """The login did not reach a shell; the message holds what the terminal showed."""


class Login:
    """A login at a terminal of its own; ``transcript`` is all that the terminal showed."""

    def __init__(
        self,
        argv: list[str],
        password: str | None,
        *,
        answers: Sequence[str] = (),
        timeout: float = 30,
    ) -> None:
        self.transcript = ""
        self._is_at_prompt = False  # ours was the last that came, and nothing was typed since
        self._child = self._start(argv, timeout)
        try:
            if password is not None:
                self.expect("assword:")
                self.type_secretly(password)
            self._reach_shell(list(answers))
        except BaseException:
            self._child.close(force=True)
            raise

    def _start(self, argv: list[str], timeout: float) -> pexpect.spawn[str]:
        child: pexpect.spawn[str] = pexpect.spawn(
            argv[0],
            argv[1:],
            timeout=timeout,
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(50, 200),
            env={**os.environ, "TERM": "plain"},
        )
        # pexpect sleeps for 100 ms in close(), in case the program still ends; this class waits.
        child.ptyproc.delayafterclose = 0  # type: ignore[attr-defined] # types-pexpect has it not
        return child

    def _reach_shell(self, answers: list[str]) -> None:
        patterns = [r"[$#] $", "[Pp]assword[^\r\n]*: ?$", "denied|closed|Connection reset"]
        while (seen := self.expect(*patterns)) != 0:
            if seen != 1 or not answers:
                raise LoginFailed(self.transcript)
            self.type_secretly(answers.pop(0))
        self.take_over_shell()

    def take_over_shell(self) -> None:
        """Give the shell that waits a prompt of ours, echo off, so that answers can be read."""
        self._send(f"stty -echo; PS1='{PROMPT[:3]}''{PROMPT[3:]}'; PS2=")
        self.expect(re.escape(PROMPT))

    def enter(self, command: str, *answers: str) -> None:
        """Type a command that starts another shell, answering its password prompts."""
        self._send(command)
        self._reach_shell(list(answers))

    def _send(self, line: str) -> None:
        """Type a line: at our prompt at once, and elsewhere as late as pexpect thinks wise.

        A program may print its prompt first and then throw away what was typed already. The shell
        is ready when it prints ours.
        """
        self._child.delaybeforesend = None if self._is_at_prompt else PATIENCE
        self._is_at_prompt = False
        self._child.sendline(line)

    def expect(self, *patterns: str) -> int:
        """Wait for one of these patterns; return which one came."""
        try:
            return int(self._child.expect(list(patterns)))
        except (pexpect.TIMEOUT, pexpect.EOF):
            self.transcript += str(self._child.before)
            raise LoginFailed(f"waited for {patterns}, saw:\n{self.transcript}") from None
        finally:
            self._is_at_prompt = self._child.after == PROMPT
            if isinstance(self._child.before, str) and isinstance(self._child.after, str):
                self.transcript += self._child.before + self._child.after

    def type(self, text: str) -> None:
        """Type a line that may be echoed."""
        self._send(text)

    def press(self, keys: str) -> None:
        """Press keys, and no Enter."""
        self._child.delaybeforesend = PATIENCE
        self._is_at_prompt = False
        self._child.send(keys)

    def type_secretly(self, password: str) -> None:
        """Type a password once the terminal has stopped echoing."""
        deadline = time.monotonic() + 5
        while self._child.getecho():
            if time.monotonic() > deadline:
                raise LoginFailed(f"the terminal still echoes:\n{self.transcript}")
            time.sleep(0.01)
        self._send(password)

    def run(self, command: str) -> Result:
        """Run one command line in the shell."""
        self._send(f"{command}\nprintf '<status=%d>' $?")
        self.expect(r"<status=(\d+)>")
        match = self._child.match
        assert isinstance(match, re.Match)
        output = str(self._child.before).replace("\r\n", "\n").replace(PROMPT, "").strip("\n")
        self.expect(re.escape(PROMPT))
        return Result(int(match.group(1)), output)

    def close(self) -> None:
        """Log out as a person does, and wait for the connection's end."""
        for _shell in range(4):  # su and dbus-run-session put shells into shells
            if self._child.isalive():
                self._send("exit")
                with contextlib.suppress(pexpect.TIMEOUT):
                    self._child.expect(pexpect.EOF, timeout=1)
        self._child.close(force=True)

    def cut(self) -> None:
        """Lose the connection, as if the line went dead: nobody logs out."""
        self._child.close(force=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


class Terminal(fdspawn):  # type: ignore[type-arg] # no subscript at run time
    """The near side of a terminal whose far side a getty and login(1) hang up and open again."""

    def __init__(self, descriptor: int, timeout: float) -> None:
        super().__init__(descriptor, timeout=timeout, encoding="utf-8", codec_errors="replace")

    def read_nonblocking(self, size: int = 1, timeout: float | None = -1) -> str:
        """Read; where nobody has the far side open (EIO), wait for who opens it."""
        seconds = (self.timeout if timeout == -1 else timeout) or 0
        deadline = time.monotonic() + seconds
        while True:
            try:
                return str(super().read_nonblocking(size, max(deadline - time.monotonic(), 0)))
            except pexpect.EOF:
                if time.monotonic() > deadline:
                    raise pexpect.TIMEOUT("nobody opened the terminal") from None
                self.flag_eof = False
                time.sleep(0.01)

    def getecho(self) -> bool:
        """Tell whether the terminal echoes."""
        return bool(termios.tcgetattr(self.fileno())[3] & termios.ECHO)

    def close(self, *, force: bool = False) -> None:
        """Hang up."""
        del force
        super().close()


class ConsoleLogin(Login):
    """A login at the prompt of a getty; ``descriptor`` is the near side of its terminal."""

    def __init__(
        self,
        descriptor: int,
        user: str,
        password: str,
        *,
        answers: Sequence[str] = (),
        timeout: float = 30,
    ) -> None:
        self._descriptor = descriptor
        super().__init__([user], password, answers=answers, timeout=timeout)

    def _start(self, argv: list[str], timeout: float) -> pexpect.spawn[str]:
        terminal = Terminal(self._descriptor, timeout)
        terminal.expect("login: ")
        terminal.sendline(argv[0])
        return cast("pexpect.spawn[str]", terminal)

    def close(self) -> None:
        """Log out, until the getty asks the next one, and hang up."""
        with contextlib.suppress(pexpect.TIMEOUT):
            self._send("exit")
            self._child.expect("login: $", timeout=5)
        self._child.close(force=True)
