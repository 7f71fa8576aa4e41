"""Run a program to its end, with a time limit and a clean environment."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from creds_session.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from typing import TypedDict

    class _Becoming(TypedDict, total=False):
        user: int
        group: int
        extra_groups: Sequence[int]


SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_FOUND = 127  # the exit code of a shell for a program that it does not find
MOST_OUTPUT = 1 << 24  # bytes of both streams together
CHUNK = 1 << 16
LEFT_BEHIND = 0.5  # seconds to wait for the end of a program that was killed


Identity = tuple[int, int, Sequence[int]]


class Completed(NamedTuple):
    """The exit code of a program, and its output.

    The code is 127 if the program was not found, as in a shell, and 124 if the time was over, as
    in timeout(1).
    """

    code: int
    output: str
    errors: str

    @property
    def succeeded(self) -> bool:
        """Return whether the exit code is 0."""
        return self.code == 0


def run(
    argv: Sequence[str],
    *,
    timeout: float = 5,
    environment: Mapping[str, str] | None = None,
    identity: Identity | None = None,
) -> Completed:
    """Run a program from the system's own search path; every failure is in the result.

    ``timeout`` is in seconds. ``identity`` is the user id, the group id and all groups that the
    program gets; only root can set it.
    """
    import subprocess  # most unlocks run no program

    clean = {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8", **(environment or {})}
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean,
            cwd="/",
            # A person's program must not reach root's terminal: it could type into it (TIOCSTI).
            start_new_session=True,
            **_becoming(identity),
        )
    except FileNotFoundError:
        return Completed(NOT_FOUND, "", f"{argv[0]}: not found")
    except OSError as error:
        return Completed(126, "", str(error))
    return _ended(process, argv[0], timeout)


def _ended(process: subprocess.Popen[bytes], name: str, timeout: float) -> Completed:
    """Wait for the end of the program until the time is over."""
    import subprocess

    deadline = time.monotonic() + timeout
    problem = f"{name}: no answer within {timeout:g} s"
    try:
        streams = _output(process, deadline)
        if streams is None:
            problem = f"{name}: printed more than {MOST_OUTPUT} bytes"
        else:
            process.wait(max(deadline - time.monotonic(), 0))
            return Completed(
                process.returncode, *(text.decode(errors="replace") for text in streams)
            )
    except (TimeoutError, subprocess.TimeoutExpired):
        pass
    finally:
        _end(process)
    return Completed(124, "", problem)


def _output(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes] | None:
    """Return the output on both streams, or None if it is too long. Raises TimeoutError."""
    import selectors

    texts = {stream: bytearray() for stream in (process.stdout, process.stderr) if stream}
    with selectors.DefaultSelector() as waiting:
        for stream in texts:
            waiting.register(stream, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(max(deadline - time.monotonic(), 0))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                part = os.read(key.fd, CHUNK)
                if not part:
                    waiting.unregister(key.fileobj)
                texts[key.fileobj] += part  # type: ignore[index]
            if sum(map(len, texts.values())) > MOST_OUTPUT:
                return None
    output, errors = texts.values()
    return bytes(output), bytes(errors)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that is still running, unless it waits for a dead disk.

    A process that waits for a file system that never answers cannot be ended. This process does
    not wait for it, because it would wait just as long.
    """
    import subprocess

    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()
    if process.poll() is None:
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(LEFT_BEHIND)
    if process.returncode is None:
        process.returncode = (
            -signal.SIGKILL
        )  # it was sent this; without a code its destructor warns


def _becoming(identity: Identity | None) -> _Becoming:
    if identity is None:
        return {}
    uid, gid, groups = identity
    return {"user": uid, "group": gid, "extra_groups": groups}
