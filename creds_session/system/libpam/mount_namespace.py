"""Run code in a child process that sees other content in some files; no other process sees it.

The child has its own mount name space (mount_namespaces(7)), and its mounts end with it. It is
forked before the password is known, and gets the password through a pipe. A crash of the child does
not affect this process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

from creds_session.errors import Unavailable
from creds_session.records import NamedTuple
from creds_session.secret import Secret
from creds_session.system.processes.commands import SYSTEM_PATH
from creds_session.system.processes.core_dumps import forbid_core_dumps
from creds_session.system.processes.descriptors import close_inherited

CLONE_NEWNS = 0x00020000  # unshare(2)
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000  # mount(2)
READY = b"ready"
SETUP_TIMEOUT = 10.0

Answer = Callable[[bytes], bytes]


class Child(NamedTuple):
    """A child that waits for a secret; ``private_child`` makes it."""

    pid: int
    to_child: int
    from_child: int

    def ask(self, secret: Secret, timeout: float) -> bytes:
        """Send the secret; return the answer of the child. Raises Unavailable."""
        with contextlib.suppress(BrokenPipeError):  # it has ended, which is reported below
            os.write(self.to_child, secret.reveal() + b"\n")
        answer = self._receive(timeout)
        if answer.endswith(b"\n"):
            return answer[:-1]
        raise Unavailable(f"could not try: the child process {self._how_it_ended()}")

    def require_ready(self) -> None:
        """Wait until the child sees its files. Raises Unavailable, with the kernel's error."""
        answer = self._receive(SETUP_TIMEOUT).rstrip(b"\n")
        if answer != READY:
            raise Unavailable(
                f"could not try: no private view of the files: {answer.decode(errors='replace')}",
                hint="`--confirm-within 10m` in place of `--try USER` needs none",
            )

    def _receive(self, timeout: float) -> bytes:
        """Return one line, or less if the child ends. Raises Unavailable."""
        line = bytearray()
        while not line.endswith(b"\n"):
            if not select.select([self.from_child], [], [], timeout)[0]:
                raise Unavailable(f"could not try: no answer within {timeout:g} s")
            more = os.read(self.from_child, 65536)
            if not more:
                break
            line += more
        return bytes(line)

    def _how_it_ended(self) -> str:
        done = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        if done is None or done.si_code == os.CLD_EXITED:
            return "gave no answer"
        return f"was ended by signal {done.si_status}"

    def end(self) -> None:
        """End the child and all processes that it started."""
        os.close(self.to_child)
        os.close(self.from_child)
        for kill in (os.killpg, os.kill):  # it may not have its own group yet
            with contextlib.suppress(ProcessLookupError):
                kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@contextmanager
def private_child(files: Mapping[str, bytes], answer: Answer) -> Iterator[Child]:
    """Fork a child in which each path has this content; it runs ``answer`` on the secret.

    The secret and the answer are one line each. The child has a clean environment and no terminal.
    Raises Unavailable if the kernel refuses the mounts.
    """
    secret_reader, secret_writer = os.pipe()
    answer_reader, answer_writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _live(files, answer, secret_reader, answer_writer)
    os.close(secret_reader)
    os.close(answer_writer)
    child = Child(pid, secret_writer, answer_reader)
    try:
        child.require_ready()
        yield child
    finally:
        child.end()


def _live(files: Mapping[str, bytes], answer: Answer, reader: int, writer: int) -> NoReturn:
    """Run the child, and exit. An exception must not leave this: it would contain the secret."""
    code = 70
    try:
        _cut_off({reader, writer})
        try:
            _enter(files)
        except OSError as error:
            os.write(writer, os.fsencode(error.strerror or "refused") + b"\n")
            os._exit(0)
        os.write(writer, READY + b"\n")
        secret = _read_line(reader)
        if secret is not None:
            os.write(writer, answer(secret) + b"\n")
        code = 0
    finally:
        os._exit(code)


def _read_line(reader: int) -> bytes | None:
    line = bytearray()
    while not line.endswith(b"\n"):
        more = os.read(reader, 65536)
        if not more:
            return None  # the parent has closed the pipe
        line += more
    return bytes(line[:-1])


def _cut_off(kept: set[int]) -> None:
    """Drop the terminal, the environment, and every descriptor that is not kept."""
    os.setsid()
    forbid_core_dumps()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update({"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8"})
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    close_inherited(kept)


def _enter(files: Mapping[str, bytes]) -> None:
    """Make a new mount name space, and mount each content over its path.

    Only root may do this. Without files there is nothing to do. Raises OSError.
    """
    if not files:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(CLONE_NEWNS))
    _check(libc.mount(None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None))
    for path, content in files.items():
        descriptor, temporary = tempfile.mkstemp(prefix="creds-session-", dir="/run")
        try:
            os.fchmod(descriptor, 0o644)
            with open(descriptor, "wb") as file:  # open() also takes a descriptor
                file.write(content)
            source, target = os.fsencode(temporary), os.fsencode(path)
            _check(libc.mount(source, target, None, ctypes.c_ulong(MS_BIND), None))
        finally:
            os.unlink(temporary)  # the mount keeps the file


def _check(returned: int) -> None:
    if returned != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
