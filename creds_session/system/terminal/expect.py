"""A command on a terminal of its own, at which a password is typed where it is asked for.

What it shows goes to our standard output. While we are in the foreground of a terminal, that is
raw: each key, Ctrl-C too, is the command's. In the background the keys are somebody else's, and
the command's prompt is answered all the same. What another process sends to us is passed on.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from creds_session.errors import CredsSessionError
from creds_session.system.processes.time_limit import TIMED_OUT, TimeLimit
from creds_session.system.terminal.job_control import not_stopped
from creds_session.system.terminal.prompts import Expected, Mask, Prompts
from creds_session.system.terminal.pty import (
    FLUSHED,
    LFLAG,
    TIOCSIG,
    end_on_terminal,
    exit_code,
    is_asking,
    packet_mode,
    start_on_terminal,
    suspend_key,
    unread,
)
from creds_session.system.terminal.raw_terminal import (
    STDIN,
    HungUp,
    OurTerminal,
    noted_signals,
    our_terminal,
    show,
    stop_ourselves,
    window_size,
)

if TYPE_CHECKING:
    from pexpect import spawn

AT_ONCE = 65536  # bytes
PIECES = 64  # at most, of what a command left; the kernel gives 4 KiB or less at a time
QUIET = 0.2  # seconds without output: what it ends with is a prompt
ECHOING = 2.0  # seconds: a program that has not turned the echo off by then never does
HELD = 1.0  # seconds for the rest of an echo
TICK = 0.05
LOOK = 0.25  # seconds: a shell that brings a running job to the foreground sends no signal
BY_KEY = (signal.SIGINT, signal.SIGQUIT)
YOURS = b"\r\ncreds run: the prompt is here again; it was answered, so this answer is yours\r\n"


class AskedAgain(CredsSessionError):
    """A prompt that was answered came again, and there is nobody else to answer it."""


def run_on_terminal(
    argv: Sequence[str],
    environ: Mapping[str, str],
    expected: Sequence[Expected],
    limit: TimeLimit = TimeLimit(None),  # noqa: B008 - one without a limit never changes
) -> tuple[int, bool]:
    """Run a command, answer its prompts; return its exit code, and whether it asked at all.

    128 and the number for a signal. After the time limit the command is ended, and the code is
    ``TIMED_OUT``; one of another user, which we may not end, loses its terminal. Raises
    NotExecuted and AskedAgain.
    """
    with noted_signals() as signals, not_stopped() as mask, our_terminal() as ours:
        child = start_on_terminal(argv, environ, mask, has_ours=ours.exists)
        try:
            return _Conversation(child, Prompts(expected), signals, ours, limit).hold()
        finally:
            end_on_terminal(child)


class _Conversation:
    """The command's terminal, ours, and what is between them."""

    def __init__(
        self,
        child: spawn[bytes],
        prompts: Prompts,
        signals: int,
        ours: OurTerminal,
        limit: TimeLimit,
    ) -> None:
        self._child, self._prompts, self._signals, self._ours = child, prompts, signals, ours
        self._limit = limit
        self._pid = int(child.pid or 0)
        self._mask = Mask()
        self._keys = b""  # that the command has not taken yet
        self._is_typed_at = ours.exists  # until its end, or until it goes away
        self._is_in_front = ours.is_ours
        self._changed = time.monotonic()  # when it showed something last
        self._closed = 0.0  # when nobody was seen to hold the terminal
        self._asked = 0.0  # when the prompt was seen that waits
        self._had_echo = False  # when one was answered
        self._is_silenced = False
        self._has_asked = False
        self._typed: Expected | None = None  # the command has not read it yet
        self._typed_at = 0.0
        self._was_flushed = False

    def hold(self) -> tuple[int, bool]:
        """Go on until the command ends; return its exit code, and whether it asked."""
        by = signal.SIGHUP
        try:
            while self._child.isalive():
                self._follow()
                self._wait()
                self._take_signals()
                if self._limit.left == 0:
                    self._limit.end(self._send)
                self._answer()
            self._drain()
        except HungUp as cause:
            by = cause.number
            end_on_terminal(self._child)
        code = TIMED_OUT if self._limit.is_over else exit_code(self._child, by)
        return code, self._has_asked

    def _follow(self) -> None:
        """Take our terminal once we have been brought to its foreground."""
        was_in_front, self._is_in_front = self._is_in_front, self._ours.is_ours
        if self._is_in_front and not was_in_front:
            self._ours.take()
            self._child.setwinsize(*window_size())

    def _has_keys(self) -> bool:
        """Return whether what a person types is for the command."""
        return self._is_typed_at and self._ours.is_ours

    def _wait(self) -> None:
        """Wait for a moment or for anything to happen, and carry it over."""
        terminal = self._child.child_fd
        is_open = time.monotonic() - self._closed > TICK
        reading = [self._signals, *([terminal] if is_open else [])]
        if self._has_keys() and not self._keys and not self._is_answering():
            reading.append(STDIN)
        writing = [terminal] if self._keys else []
        ready, free, _ = select.select(reading, writing, [], self._moment(is_open))
        if terminal in ready:
            self._show_more()
        if STDIN in ready:
            self._take_keys()
        if free:
            with suppress(BlockingIOError):
                self._keys = self._keys[os.write(terminal, self._keys) :]

    def _is_answering(self) -> bool:
        """Tell whether a prompt is about to be answered: the person's keys would mix with it."""
        if self._prompts.waiting is None:
            self._asked = 0.0
            return False
        self._asked = self._asked or time.monotonic()
        return time.monotonic() - self._asked < 2 * ECHOING

    def _moment(self, is_open: bool) -> float | None:  # noqa: FBT001
        asked = self._prompts.waiting is not None or self._prompts.is_again
        busy = asked or self._is_silenced or self._mask.is_holding or not is_open
        behind = self._is_typed_at and not self._ours.is_ours
        moments = (TICK if busy else None, LOOK if behind else None, self._limit.left)
        return min((one for one in moments if one is not None), default=None)

    def _show_more(self) -> None:
        try:
            output = os.read(self._child.child_fd, AT_ONCE)
        except BlockingIOError:
            return
        except OSError as error:  # nobody has it open, for now
            if error.errno != errno.EIO:
                raise
            self._closed = time.monotonic()
            return
        if self._typed is not None:  # the terminal is in packet mode
            status, output = output[0], output[1:]
            self._was_flushed |= bool(status & FLUSHED)
            if not output:
                return
        self._changed = time.monotonic()
        self._prompts.shown(output)
        show(self._mask.shown(output))

    def _take_keys(self) -> None:
        if not self._has_keys():  # moved to the background meanwhile
            return
        try:
            keys = os.read(STDIN, AT_ONCE)
        except OSError:  # it went away, or we are in the background since a moment ago
            if not self._ours.is_ours:
                return
            keys = b""
        self._is_typed_at = bool(keys)
        suspend = suspend_key(self._child.child_fd, self._pid)
        if suspend and suspend in keys:
            keys = keys.replace(suspend, b"")
            self._stop(group=True)
        self._keys += keys

    def _take_signals(self) -> None:
        """Pass on the signals that came."""
        numbers = b""
        with suppress(BlockingIOError):
            numbers = os.read(self._signals, 256)
        for number in map(signal.Signals, numbers):
            if number is signal.SIGWINCH:
                self._child.setwinsize(*window_size())
            elif number is signal.SIGTSTP:
                self._stop(group=False)
            elif number is signal.SIGCONT:
                self._ours.take()
            elif number is not signal.SIGCHLD:
                self._send(number)

    def _send(self, number: signal.Signals) -> None:
        """Send a signal to the command; one of root's is asked by way of its terminal."""
        try:
            os.kill(self._pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            if number not in BY_KEY:
                raise HungUp(number) from None
            with suppress(OSError):
                fcntl.ioctl(self._child.child_fd, TIOCSIG, int(number))

    def _stop(self, *, group: bool) -> None:
        """Stop the command and ourselves, and both go on together."""
        terminal = self._child.child_fd
        with suppress(OSError):
            os.killpg(os.tcgetpgrp(terminal), signal.SIGSTOP)
        self._ours.give_back()
        stop_ourselves(group=group)
        self._ours.take()
        with suppress(OSError):
            os.killpg(os.tcgetpgrp(terminal), signal.SIGCONT)
        self._child.setwinsize(*window_size())

    def _answer(self) -> None:
        quiet = time.monotonic() - self._changed
        if self._mask.is_holding and quiet > HELD:
            show(self._mask.rest())
        self._give_echo_back()
        prompt = self._prompts.waiting
        if prompt is not None and self._is_time(quiet, prompt):
            self._type(prompt)
        elif self._prompts.is_again and self._is_refusal(quiet):
            self._hand_back()

    def _is_time(self, quiet: float, prompt: Expected) -> bool:
        """Tell whether a prompt is to be answered now.

        terminal of the command       a password is typed
        echo off, by lines            at once
        echo off, by keys: ssh -t     when it is quiet: the far terminal is not seen from here
        echo on                       when it is quiet for long, and never shown
        """
        if not prompt.is_secret:
            return quiet > QUIET
        if is_asking(self._child.child_fd):
            return True
        return quiet > (ECHOING if self._child.getecho() else QUIET)

    def _is_refusal(self, quiet: float) -> bool:
        """Tell whether a prompt that is again is one, and not a word in some other output."""
        if bool(self._child.getecho()) is not self._had_echo:
            return False
        return is_asking(self._child.child_fd) or quiet > ECHOING

    def _type(self, prompt: Expected) -> None:
        self._has_asked = True
        self._had_echo = bool(self._child.getecho())
        if prompt.is_secret:
            self._mask.typed(prompt.answer)
            if self._had_echo:
                self._child.setecho(state=False)
                self._is_silenced = True
                self._watch(prompt)
        by_line = termios.tcgetattr(self._child.child_fd)[LFLAG] & termios.ICANON
        self._prompts.answered(prompt)
        self._child.send(prompt.answer.reveal() + (b"\n" if by_line else b"\r"))

    def _watch(self, prompt: Expected | None) -> None:
        """Watch whether the command throws away what is typed at this prompt, or cease to."""
        if prompt is None or self._typed is None:
            packet_mode(self._child.child_fd, is_on=prompt is not None)
        self._typed, self._typed_at, self._was_flushed = prompt, time.monotonic(), False

    def _give_echo_back(self) -> None:
        """Turn the echo on that we turned off, once the command has read the line.

        A program that turns the echo off late often throws away what was typed before
        (TCSAFLUSH): it has not read the line, shows nothing, and waits. It is given it again.
        """
        terminal = self._child.child_fd
        if not self._is_silenced or unread(terminal):
            return
        prompt = self._typed
        if prompt is not None and not self._was_flushed:
            if select.select([terminal], [], [], 0)[0]:  # it may be told there
                return
        elif prompt is not None and self._changed < self._typed_at:
            if is_asking(terminal) and time.monotonic() - self._typed_at > QUIET:
                self._watch(prompt)
                self._child.send(prompt.answer.reveal() + b"\n")
            return
        self._watch(None)
        self._is_silenced = False
        self._child.setecho(state=True)

    def _hand_back(self) -> None:
        if not self._has_keys():
            raise AskedAgain(
                "the command asked again: the password or the name was refused; it was ended"
            )
        self._prompts.forget()
        show(YOURS)

    def _drain(self) -> None:
        """Show what the command left, and wait for nobody who was left behind and writes on."""
        terminal = self._child.child_fd
        for _piece in range(PIECES):
            self._closed = 0.0
            if not select.select([terminal], [], [], TICK)[0]:
                break
            self._show_more()
            if self._closed:
                break
        show(self._mask.rest())
