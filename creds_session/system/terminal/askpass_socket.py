"""Give an askpass program its answer over a socket.

ssh and sudo close every descriptor except the standard streams, so an askpass program cannot
inherit a descriptor through them. It can inherit the path of a socket, which is not secret.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from creds_session.errors import NotPermitted, Unavailable
from creds_session.records import NamedTuple
from creds_session.secret import Secret
from creds_session.system.processes.peer import peer_credentials
from creds_session.system.processes.proc import stat_of

ANSWERED = b"+"
LONGEST = 65536  # bytes of a prompt
WITHIN = 10.0  # seconds for the program at the other end


class Asker(NamedTuple):
    """The program that started the askpass program: its pid, and when it was started."""

    pid: int
    start_ticks: int


Answer = Callable[[Asker, bytes], "Secret | None"]


def listening(path: str) -> socket.socket:
    """Return a socket that listens at this path, which must be in a private directory."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen()
    return server


def serve(server: socket.socket, answer: Answer) -> None:
    """Answer prompts in a thread until this process ends."""
    threading.Thread(target=_serve, args=(server, answer), daemon=True).start()


def _serve(server: socket.socket, answer: Answer) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:  # closed
            return
        with client, suppress(OSError, ValueError):
            client.settimeout(WITHIN)
            prompt, asker = _read(client), _asker(client)
            secret = None if asker is None else answer(asker, prompt)
            client.sendall(b"" if secret is None else ANSWERED + secret.reveal())


def end_if_named(asker: Asker, name: str) -> None:
    """End the program that asks, if it has this name and is still the same process."""
    stat = stat_of(asker.pid)
    if stat is not None and (stat.name, stat.start_ticks) == (name, asker.start_ticks):
        with suppress(OSError):
            os.kill(asker.pid, signal.SIGTERM)


def ask(path: str, prompt: bytes) -> Secret | None:
    """Return the answer to a prompt, or None if there is no answer. Raises Unavailable."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(WITHIN)
        try:
            client.connect(path)
            if peer_credentials(client)[1] != os.getuid():
                raise NotPermitted(f"{path} is another user's")
            client.sendall(prompt)
            client.shutdown(socket.SHUT_WR)
            answer = _read(client)
        except OSError as error:
            raise Unavailable(f"{path}: nobody answers: {error.strerror or error}") from error
    return Secret(answer[1:]) if answer.startswith(ANSWERED) else None


def _asker(client: socket.socket) -> Asker | None:
    """Return the program that started the askpass program, or None for another user's."""
    pid, uid = peer_credentials(client)
    if uid != os.getuid():
        return None
    stat = stat_of(pid)
    parent = stat_of(stat.parent) if stat is not None else None
    return Asker(stat.parent, parent.start_ticks) if stat is not None and parent else None


def _read(client: socket.socket) -> bytes:
    content = b""
    while len(content) <= LONGEST:
        more = client.recv(LONGEST)
        if not more:
            break
        content += more
    return content
