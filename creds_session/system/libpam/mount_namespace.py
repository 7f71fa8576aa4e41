"""A child process that sees other content in some files, which nobody else sees.

It has a mount name space of its own (mount_namespaces(7)): what is mounted there ends with it. It
is forked before the password is known, gets it by a pipe, and what crashes in it crashes alone.
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
from typing import NamedTuple, NoReturn

from creds_session.errors import Unavailable
from creds_session.secret import Secret
from creds_session.system.processes.commands import SYSTEM_PATH
from creds_session.system.processes.core_dumps import forbid_core_dumps

CLONE_NEWNS = 0x00020000  # unshare(2)
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000  # mount(2)
READY = b"ready"
SETUP_TIMEOUT = 10.0

Answer = Callable[[bytes], bytes]


class Child(NamedTuple):
    """The child, waiting for a secret; made by ``private_child``."""

    pid: int
    to_child: int
    from_child: int

    def ask(self, secret: Secret, timeout: float) -> bytes:
        """Hand the secret over; return what the child makes of it. Raises Unavailable."""
        with contextlib.suppress(BrokenPipeError):  # it has ended; that is told below
            os.write(self.to_child, secret.reveal() + b"\n")
        answer = self._receive(timeout)
        if answer.endswith(b"\n"):
            return answer[:-1]
        raise Unavailable(f"could not try: the child process {self._how_it_ended()}")

    def require_ready(self) -> None:
        """Wait until it sees its own content. Raises Unavailable, saying what the kernel said."""
        told = self._receive(SETUP_TIMEOUT).rstrip(b"\n")
        if told != READY:
            raise Unavailable(
                f"could not try: no private view of the files: {told.decode(errors='replace')}",
                hint="`--confirm-within 10m` in place of `--try USER` needs none",
            )

    def _receive(self, timeout: float) -> bytes:
        """Return one line, or less where the child ends. Raises Unavailable."""
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
        """End it, and all that it started."""
        os.close(self.to_child)
        os.close(self.from_child)
        for kill in (os.killpg, os.kill):  # it may not have a group of its own yet
            with contextlib.suppress(ProcessLookupError):
                kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@contextmanager
def private_child(files: Mapping[str, bytes], answer: Answer) -> Iterator[Child]:
    """Fork a child in which each path has this content; it runs ``answer`` on the secret.

    The child's answer is one line, and so is the secret. It has a clean environment and no
    terminal. Raises Unavailable where the kernel refuses it.
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
    """Be the child; never return, and let no exception out: it would hold the secret's frame."""
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
            return None  # the parent has given up
        line += more
    return bytes(line[:-1])


def _cut_off(kept: set[int]) -> None:
    """Leave the terminal, the environment and every other open file behind."""
    os.setsid()
    forbid_core_dumps()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update({"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8"})
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for name in os.listdir("/proc/self/fd"):  # numbers, not files
        if int(name) > 2 and int(name) not in kept:  # noqa: PLR2004 - beyond standard error
            with contextlib.suppress(OSError):
                os.close(int(name))


def _enter(files: Mapping[str, bytes]) -> None:
    """Take a mount name space of our own, and lay each content over its path.

    Only root may; where nothing is laid over anything there is nothing to do.
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
            with open(descriptor, "wb") as file:  # it takes a descriptor
                file.write(content)
            source, target = os.fsencode(temporary), os.fsencode(path)
            _check(libc.mount(source, target, None, ctypes.c_ulong(MS_BIND), None))
        finally:
            os.unlink(temporary)  # the mount holds on to the file


def _check(returned: int) -> None:
    if returned != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
