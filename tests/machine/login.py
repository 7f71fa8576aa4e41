"""A person at a terminal: types the password, then commands, and reads what comes back."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from types import TracebackType

import pexpect

PROMPT = "<ready>"


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit status."""

    status: int
    output: str


class LoginFailed(AssertionError):
    """The login did not reach a shell; the message holds what the terminal showed."""


class Login:
    """A login at a terminal of its own; ``transcript`` is all that the terminal showed."""

    def __init__(
        self,
        argv: list[str],
        password: str | None,
        *,
        keyring_password: str | None = None,
        timeout: float = 30,
    ) -> None:
        self.transcript = ""
        self._child = pexpect.spawn(
            argv[0],
            argv[1:],
            timeout=timeout,
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(50, 200),
            env={**os.environ, "TERM": "dumb"},
        )
        try:
            if password is not None:
                self.expect("assword:")
                self.type_secretly(password)
            self._reach_shell(keyring_password)
        except BaseException:
            self._child.close(force=True)
            raise

    def _reach_shell(self, keyring_password: str | None) -> None:
        patterns = [r"[$#] $", "[Pp]assword[^\r\n]*: ?$", "denied|closed|Connection reset"]
        while True:
            seen = self.expect(*patterns)
            if seen == 0:
                break
            if seen == 1 and keyring_password is not None:
                self.type_secretly(keyring_password)
                continue
            raise LoginFailed(self.transcript)
        self._child.sendline(f"stty -echo; PS1='{PROMPT[:3]}''{PROMPT[3:]}'; PS2=")
        self.expect(re.escape(PROMPT))

    def expect(self, *patterns: str) -> int:
        """Wait for one of these patterns; return which one came."""
        try:
            return int(self._child.expect(list(patterns)))
        except (pexpect.TIMEOUT, pexpect.EOF):
            self.transcript += str(self._child.before)
            raise LoginFailed(f"waited for {patterns}, saw:\n{self.transcript}") from None
        finally:
            if isinstance(self._child.before, str) and isinstance(self._child.after, str):
                self.transcript += self._child.before + self._child.after

    def type(self, text: str) -> None:
        """Type a line that may be echoed."""
        self._child.sendline(text)

    def type_secretly(self, password: str) -> None:
        """Type a password once the terminal has stopped echoing."""
        if not self._child.waitnoecho(timeout=5):
            raise LoginFailed(f"the terminal still echoes:\n{self.transcript}")
        self._child.sendline(password)

    def run(self, command: str) -> Result:
        """Run one command line in the shell."""
        self._child.sendline(f"{command}\nprintf '<status=%d>' $?")
        self.expect(r"<status=(\d+)>")
        match = self._child.match
        assert isinstance(match, re.Match)
        output = str(self._child.before).replace("\r\n", "\n").replace(PROMPT, "").strip("\n")
        self.expect(re.escape(PROMPT))
        return Result(int(match.group(1)), output)

    def close(self) -> None:
        """Log out as a person does, and wait for the connection's end."""
        if self._child.isalive():
            self._child.sendline("exit")
            try:
                self._child.expect(pexpect.EOF, timeout=10)
            except pexpect.TIMEOUT:
                pass
        self._child.close(force=True)

    def __enter__(self) -> Login:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
