"""The answer that was typed at a prompt of a command, until the command has read it.

A program that turns the echo off late would show a password that is typed too early. So the echo is
turned off here first, and turned on again once the command has read the line.
"""

from __future__ import annotations

import select
import termios
import time
from typing import TYPE_CHECKING

from creds_session.system.terminal.prompts import Expected
from creds_session.system.terminal.pty import FLUSHED, LFLAG, is_asking, packet_mode, unread

if TYPE_CHECKING:
    from pexpect import spawn

QUIET = 0.2  # seconds without output, after which the last output is a prompt


class TypedAnswer:
    """Types answers at the terminal of a command, and types one again if it was discarded."""

    def __init__(self, child: spawn[bytes]) -> None:
        self._child = child
        self.had_echo = False  # when the last answer was typed
        self.is_silenced = False  # the echo was turned off here
        self._prompt: Expected | None = None  # its answer has not been read yet
        self._typed_at = 0.0
        self._was_flushed = False

    def type(self, prompt: Expected) -> None:
        """Type the answer to a prompt, with the echo off if the answer is secret."""
        self.had_echo = bool(self._child.getecho())
        if prompt.is_secret and self.had_echo:
            self._child.setecho(state=False)
            self.is_silenced = True
            self._watch(prompt)
        by_line = termios.tcgetattr(self._child.child_fd)[LFLAG] & termios.ICANON
        self._child.send(prompt.answer.reveal() + (b"\n" if by_line else b"\r"))

    def output_of(self, read: bytes) -> bytes:
        """Return the output in what was read from the terminal, which may be in packet mode."""
        if self._prompt is None:
            return read
        self._was_flushed |= bool(read[0] & FLUSHED)
        return read[1:]

    def restore_echo(self, last_output: float) -> None:
        """Turn the echo on again that was turned off here, once the command has read the line.

        A program that turns the echo off late often discards what was typed before (TCSAFLUSH).
        Then it has not read the line, shows nothing, and waits: the answer is typed again.
        ``last_output`` is when the command printed something last, in seconds (time.monotonic).
        """
        terminal = self._child.child_fd
        if not self.is_silenced or unread(terminal):
            return
        prompt = self._prompt
        if prompt is not None and not self._was_flushed:
            # The next read may say that the line was discarded.
            if select.select([terminal], [], [], 0)[0]:
                return
        elif prompt is not None and last_output < self._typed_at:
            if is_asking(terminal) and time.monotonic() - self._typed_at > QUIET:
                self._watch(prompt)
                self._child.send(prompt.answer.reveal() + b"\n")
            return
        self._watch(None)
        self.is_silenced = False
        self._child.setecho(state=True)

    def _watch(self, prompt: Expected | None) -> None:
        """Watch whether the command discards the answer to this prompt; None ends the watch."""
        if prompt is None or self._prompt is None:
            packet_mode(self._child.child_fd, is_on=prompt is not None)
        self._prompt, self._typed_at, self._was_flushed = prompt, time.monotonic(), False
