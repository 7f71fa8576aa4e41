"""Do work in a child process that has become another user for good.

So root itself never reads a file, and never talks to a process, that the other user controls.
"""

from __future__ import annotations

import os
import pwd
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from creds_session.errors import NotPermitted, Unavailable
from creds_session.system.processes.descriptors import close_inherited

LARGEST = 1 << 26  # bytes of an answer


def as_user(entry: pwd.struct_passwd, work: Callable[[], bytes], timeout: float) -> bytes:
    """Fork a child that becomes this user and does the work; return the result of the work.

    Call it only while this process has one thread. ``timeout`` is in seconds. Raises NotPermitted
    unless this process is root, and Unavailable if the child gives no answer in time.
    """
    if os.geteuid() != 0:
        raise NotPermitted("only root may look at another user's session", root_may=True)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _be(entry, work, writer)
    os.close(writer)
    try:
        return _answer(reader, time.monotonic() + timeout)
    finally:
        os.close(reader)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # its pid cannot be reused before waitpid()
        os.waitpid(pid, os.WNOHANG)  # a child that waits for a dead disk may never end


def _be(entry: pwd.struct_passwd, work: Callable[[], bytes], writer: int) -> NoReturn:
    """Do the work as the child, and exit."""
    code = 70
    try:
        # The user can trace a process of theirs, and so could use descriptors that only root has.
        close_inherited({writer})
        os.setsid()  # without root's terminal, into which it could type (TIOCSTI)
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        os.chdir("/")
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        left = work()
        while left:
            left = left[os.write(writer, left) :]
        code = 0
    finally:
        os._exit(code)


def _answer(reader: int, deadline: float) -> bytes:
    answer = bytearray()
    while select.select([reader], [], [], max(deadline - time.monotonic(), 0))[0]:
        part = os.read(reader, 1 << 16)
        if not part:
            break
        answer += part
        if len(answer) > LARGEST:
            break
    else:
        raise Unavailable("looking as that user gave no answer in time")
    if not answer:
        raise Unavailable("looking as that user failed")
    return bytes(answer)
