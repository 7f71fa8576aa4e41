"""Run a command on a terminal of its own, and type the password at its prompt.

The output of the command goes to our standard output. While this process is in the foreground of a
terminal, that terminal is raw: the command gets each key, also Ctrl-C. In the background the keys
belong to another program, but the command's prompt is still answered. Signals that other processes
send to this process are passed on to the command.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from creds_session.errors import CredsSessionError
from creds_session.system.processes.time_limit import TIMED_OUT, TimeLimit
from creds_session.system.terminal.job_control import not_stopped
from creds_session.system.terminal.prompts import Expected, Mask, Prompts
from creds_session.system.terminal.pty import (
    TIOCSIG,
    end_on_terminal,
    exit_code,
    is_asking,
    start_on_terminal,
    suspend_key,
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
from creds_session.system.terminal.typed_answer import QUIET, TypedAnswer

if TYPE_CHECKING:
    from pexpect import spawn

AT_ONCE = 65536  # bytes
PIECES = 64  # reads of what an ended command left; the kernel gives at most 4 KiB each
ECHOING = 2.0  # seconds after which a program does not turn the echo off any more
HELD = 1.0  # seconds for the rest of an echo
TICK = 0.05  # seconds
LOOK = 0.25  # seconds; a shell that brings a running job to the foreground sends no signal
BY_KEY = (signal.SIGINT, signal.SIGQUIT)
YOURS = b"\r\ncreds run: the prompt is here again; it was answered, so this answer is yours\r\n"


class AskedAgain(CredsSessionError):
    """A prompt that was answered came again, and no person can answer it."""


def run_on_terminal(
    argv: Sequence[str],
    environ: Mapping[str, str],
    expected: Sequence[Expected],
    limit: TimeLimit = TimeLimit(None),  # noqa: B008 - it is immutable without a limit
) -> tuple[int, bool]:
    """Run a command and answer its prompts; return its exit code, and whether it asked.

    The code is 128 plus the number for a signal. After the time limit the command is ended, and the
    code is ``TIMED_OUT``. A command of another user, which this process may not end, loses its
    terminal. Raises NotExecuted and AskedAgain.
    """
    with noted_signals() as signals, not_stopped() as mask, our_terminal() as ours:
        child = start_on_terminal(argv, environ, mask, has_ours=ours.exists)
        try:
            return _Conversation(child, Prompts(expected), signals, ours, limit).hold()
        finally:
            end_on_terminal(child)


class _Conversation:
    """Carries output, keys and signals between the command's terminal and ours."""

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
        self._typed = TypedAnswer(child)
        self._keys = b""  # typed by the person, not yet taken by the command
        self._is_typed_at = ours.exists  # until its end, or until it disappears
        self._is_in_front = ours.is_ours
        self._changed = time.monotonic()  # when the command printed something last
        self._closed = 0.0  # when no process had the command's terminal open
        self._asked = 0.0  # when the waiting prompt was first seen
        self._has_asked = False

    def hold(self) -> tuple[int, bool]:
        """Carry on until the command ends; return its exit code, and whether it asked."""
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
        """Make our terminal raw once this process is in its foreground."""
        was_in_front, self._is_in_front = self._is_in_front, self._ours.is_ours
        if self._is_in_front and not was_in_front:
            self._ours.take()
            self._child.setwinsize(*window_size())

    def _has_keys(self) -> bool:
        """Return whether the keys of the person go to the command."""
        return self._is_typed_at and self._ours.is_ours

    def _wait(self) -> None:
        """Wait for output, keys or signals, or for a moment; pass output and keys on."""
        terminal = self._child.child_fd
        is_open = time.monotonic() - self._closed > TICK
        reading = [self._signals, *([terminal] if is_open else [])]
        if self._has_keys() and not self._keys and not self._is_answering():
            reading.append(STDIN)
        writing = [terminal] if self._keys else []
        ready, free, _ = select.select(reading, writing, [], self._moment(is_open=is_open))
        if terminal in ready:
            self._show_more()
        if STDIN in ready:
            self._take_keys()
        if free:
            with suppress(BlockingIOError):
                self._keys = self._keys[os.write(terminal, self._keys) :]

    def _is_answering(self) -> bool:
        """Return whether a prompt is about to be answered; keys would mix with the answer."""
        if self._prompts.waiting is None:
            self._asked = 0.0
            return False
        self._asked = self._asked or time.monotonic()
        return time.monotonic() - self._asked < 2 * ECHOING

    def _moment(self, *, is_open: bool) -> float | None:
        asked = self._prompts.waiting is not None or self._prompts.is_again
        busy = asked or self._typed.is_silenced or self._mask.is_holding or not is_open
        behind = self._is_typed_at and not self._ours.is_ours
        moments = (TICK if busy else None, LOOK if behind else None, self._limit.left)
        return min((moment for moment in moments if moment is not None), default=None)

    def _show_more(self) -> None:
        try:
            output = os.read(self._child.child_fd, AT_ONCE)
        except BlockingIOError:
            return
        except OSError as error:  # no process has it open at the moment
            if error.errno != errno.EIO:
                raise
            self._closed = time.monotonic()
            return
        output = self._typed.output_of(output)
        if not output:
            return
        self._changed = time.monotonic()
        self._prompts.shown(output)
        show(self._mask.shown(output))

    def _take_keys(self) -> None:
        if not self._has_keys():  # moved to the background in the meantime
            return
        try:
            keys = os.read(STDIN, AT_ONCE)
        except OSError:  # the terminal disappeared, or we have just moved to the background
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
        """Act on the signals that arrived, or pass them on to the command."""
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
        """Send a signal to the command; a command of root gets it through its terminal."""
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
        """Stop the command and this process; both continue together."""
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
        self._typed.restore_echo(self._changed)
        prompt = self._prompts.waiting
        if prompt is not None and self._is_time(quiet, prompt):
            self._type(prompt)
        elif self._prompts.is_again and self._is_refusal(quiet):
            self._hand_back()

    def _is_time(self, quiet: float, prompt: Expected) -> bool:
        """Return whether a prompt is to be answered now.

        The left column is the state of the command's terminal, the right column is when a password
        is typed.

        echo off, by lines            at once
        echo off, by keys: ssh -t     after a pause: the remote terminal cannot be seen from here
        echo on                       after a long pause, and the password is never shown
        """
        if not prompt.is_secret:
            return quiet > QUIET
        if is_asking(self._child.child_fd):
            return True
        return quiet > (ECHOING if self._child.getecho() else QUIET)

    def _is_refusal(self, quiet: float) -> bool:
        """Return whether a repeated prompt is a prompt, and not a word in some other output."""
        if bool(self._child.getecho()) is not self._typed.had_echo:
            return False
        return is_asking(self._child.child_fd) or quiet > ECHOING

    def _type(self, prompt: Expected) -> None:
        self._has_asked = True
        if prompt.is_secret:
            self._mask.typed(prompt.answer)
        self._prompts.answered(prompt)
        self._typed.type(prompt)

    def _hand_back(self) -> None:
        if not self._has_keys():
            raise AskedAgain(
                "the command asked again: the password or the name was refused; it was ended"
            )
        self._prompts.forget()
        show(YOURS)

    def _drain(self) -> None:
        """Show the last output; do not wait for processes that the command left behind."""
        terminal = self._child.child_fd
        for _piece in range(PIECES):
            self._closed = 0.0
            if not select.select([terminal], [], [], TICK)[0]:
                break
            self._show_more()
            if self._closed:
                break
        show(self._mask.rest())
