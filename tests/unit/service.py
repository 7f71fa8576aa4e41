"""A program that serves secrets on a bus, as badly as a test wants it to."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Union

from jeepney import HeaderFields, Message, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

from creds_session.system.bus.connection import Bus
from creds_session.system.secret_service.service import LOGIN, NAME

CHECKOUT = Path(__file__).parents[2]
PR_SET_DUMPABLE = 4
Answer = Union[str, tuple[str, tuple[object, ...]]]
LOCKED: Answer = ("v", (("b", True),))
UNLOCKED: Answer = ("v", (("b", False),))
NOISE = "no\x1b[31m"
LEAVES = "leaves"
"""In place of an answer: the connection to the bus ends, and a new one owns the name."""

ANSWERS: Mapping[str, Answer] = {
    "ReadAlias": ("o", (LOGIN,)),
    "Get": LOCKED,
    "OpenSession": ("vo", (("s", ""), "/session")),
    "UnlockWithMasterPassword": ("", ()),
}


@contextmanager
def serving(
    address: str,
    told: Path,
    *,
    delay: float = 0,
    user: int | None = None,
    program: str = "gnome-keyring-daemon",
    **answers: Answer,
) -> Iterator[int]:
    """Own the name in a process that passes for gnome-keyring's; give its pid.

    An answer that is a string is an error of that name; ``told`` gets the methods called. An
    answer to ``Get_Items`` is that of a property alone. ``user`` is whose process it is, and
    ``program`` what it is called.
    """
    file = told.parent / program
    shutil.copy(os.path.realpath(sys.executable), file)
    given = repr((address, str(told), delay, {**ANSWERS, **answers}))
    environ = {"PYTHONHOME": sys.base_prefix, "PYTHONPATH": ":".join([str(CHECKOUT), *sys.path])}
    code = f"from tests.unit.service import serve; serve(*{given})"
    with subprocess.Popen([str(file), "-c", code], env=environ, user=user) as process:
        try:
            with Bus(address, 10) as bus:
                while bus.peer(NAME) is None:
                    assert process.poll() is None
                    time.sleep(0.01)
            yield process.pid
        finally:
            process.kill()


def serve(address: str, told: str, delay: float, answers: Mapping[str, Answer]) -> None:
    """Serve until killed, as a process that hides its file, as the daemon does."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)
    connection = open_dbus_connection(address)
    connection.send_and_get_reply(message_bus.RequestName(NAME))
    while True:
        message = connection.receive()
        if message.header.message_type is not MessageType.method_call:
            continue  # the bus says that the name is ours
        method = str(message.header.fields.get(HeaderFields.member, ""))
        with Path(told).open("a") as log:
            log.write(f"{method}\n")
        time.sleep(delay)
        special = f"{method}_{message.body[-1]}" if message.body else method
        which = special if special in answers else method
        answer = answers.get(which, "org.example.No")
        if answer == LEAVES:
            successor = open_dbus_connection(address)
            successor.send_and_get_reply(message_bus.RequestName(NAME))  # it waits for the name
            connection.close()
            connection = successor
            answers = {**answers, which: ANSWERS.get(method, "org.example.No")}
            continue
        connection.send(_reply(message, answer))


def _reply(message: Message, answer: Answer) -> Message:
    if isinstance(answer, str):
        return new_error(message, answer, "s", (NOISE,))
    return new_method_return(message, *answer)
