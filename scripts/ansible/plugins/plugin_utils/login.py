# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Log in to a host with a new connection of ssh, as a person does."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import subprocess
import time

try:
    import pexpect
except ImportError:  # the action says so
    pexpect = None

NEW_CONNECTION = ("-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "ConnectionAttempts=1")
BY_PASSWORD = (
    *("-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"),
    *("-o", "PreferredAuthentications=password,keyboard-interactive"),
)
BY_KEY = ("-o", "BatchMode=yes", "-o", "PreferredAuthentications=publickey")
PASSWORD_PROMPT = r"[Pp]assword[^\r\n]*: ?$"
ECHO_LIMIT = 5.0  # seconds for the terminal to stop echoing
SHOWN = 2000  # characters of what a host says that are kept for a message


class LoginFailed(Exception):
    """A login did not work; the text says what was seen."""


class Target:
    """Where ssh connects to, and how the inventory wants it to."""

    def __init__(self, host: str, port=None, options=(), timeout: float = 30) -> None:
        self.host = host
        self.timeout = timeout
        self._options = [*NEW_CONNECTION, "-o", f"ConnectTimeout={int(timeout)}", *options]
        if port:
            self._options += ["-p", str(port)]

    def argv(self, user: str, *options: str, command: str) -> list:
        """Return the command line; no password is ever part of it."""
        return ["ssh", *options, *self._options, "-l", user, "--", self.host, command]


def by_key(target: Target, user: str, key=None) -> None:
    """Log in with a key and run ``true``. Raises LoginFailed."""
    identity = ("-i", key) if key else ()
    argv = target.argv(user, *BY_KEY, *identity, command="true")
    try:
        done = subprocess.run(
            argv, capture_output=True, check=False, timeout=target.timeout, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise LoginFailed(f"the login by SSH key timed out after {target.timeout:g} s") from None
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip() or f"ssh exited {done.returncode}"
        raise LoginFailed(f"the login by SSH key failed: {words[-SHOWN:]}")


def by_password(
    target: Target, user: str, password: str, command=(), become_password=None
) -> tuple:
    """Log in with a password, run a command as root in that login; return its code and output.

    Without a command only the login is made. If the user is not root, sudo runs the command.
    Raises LoginFailed.
    """
    end = secrets.token_hex(8)
    prompt = f"sudo-{end}:"
    line = _line(user, command, prompt)
    argv = target.argv(user, "-tt", *BY_PASSWORD, command=f'{line}; echo "<{end}=$?>"')
    child = pexpect.spawn(
        argv[0],
        argv[1:],
        timeout=target.timeout,
        encoding="utf-8",
        codec_errors="replace",
        dimensions=(50, 400),
        env={**os.environ, "LC_ALL": "C"},
    )
    try:
        return _talk(child, password, become_password or password, re.escape(prompt), end)
    finally:
        with contextlib.suppress(pexpect.ExceptionPexpect, OSError):
            child.close(force=True)


def _line(user: str, command, prompt: str) -> str:
    if not command:
        return "true"
    words = list(command) if user == "root" else ["sudo", "-k", "-p", prompt, "--", *command]
    return shlex.join(words)


def _talk(child, password: str, become_password: str, prompt: str, end: str) -> tuple:
    """Answer the prompts until the command has ended."""
    answers = {0: [password], 1: [become_password]}
    seen = ""
    patterns = [PASSWORD_PROMPT, prompt, rf"<{end}=(\d+)>", pexpect.EOF, pexpect.TIMEOUT]
    while True:
        found = child.expect(patterns)
        seen += child.before if isinstance(child.before, str) else ""
        if answers.get(found):
            _type_secretly(child, answers[found].pop())
            continue
        shown = _shown(seen, password, become_password)
        if found == 2:
            return int(child.match.group(1)), shown
        raise LoginFailed(_why(found, shown, child.timeout))


def _shown(seen: str, *passwords: str) -> str:
    """Return the end of what a host said. The host may print a password that was sent to it."""
    for password in sorted(filter(None, passwords), key=len, reverse=True):
        seen = seen.replace(password, "********")
    return seen[-SHOWN:]


def _why(found: int, seen: str, timeout: float) -> str:
    words = " ".join(seen.split()) or "the host said nothing"
    if found == 4:
        return f"the login by password timed out after {timeout:g} s: {words}"
    if found == 1:
        return f"sudo refused the password: {words}"
    return f"the login by password failed: {words}"


def _type_secretly(child, password: str) -> None:
    """Type a password once the terminal has stopped echoing."""
    limit = time.monotonic() + ECHO_LIMIT
    while child.getecho():
        if time.monotonic() > limit:
            raise LoginFailed("the terminal still echoes, so no password was typed")
        time.sleep(0.01)
    child.sendline(password)
