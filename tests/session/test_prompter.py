"""Whoever owns the prompter's name is seen, if a program waits for its answer, and not before."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from creds_session.facts.session import BusFacts
from creds_session.probe.keyring import look_at, probe_bus
from creds_session.probe.prompter import probe_prompters
from creds_session.session.lock import lock
from creds_session.system.bus.connection import Bus

# It shows a prompt as a desktop's shell does, and nobody answers.
PROMPTER = """
from jeepney import MessageType, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

bus = open_dbus_connection()
bus.send_and_get_reply(message_bus.RequestName("org.gnome.keyring.SystemPrompter", 4))
print("ready", flush=True)
while True:
    message = bus.receive()
    if message.header.message_type is MessageType.method_call:
        bus.send(new_method_return(message))
        print("called", flush=True)
"""


@contextmanager
def prompter() -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-c", PROMPTER]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def seen() -> list[int]:
    found: list[int] = []

    def look(bus: Bus) -> BusFacts:
        facts = look_at(bus)
        found.extend(one.pid for one in probe_prompters(bus, facts, ()))
        return facts

    probe_bus(os.environ, 5, look)
    return found


@pytest.mark.usefixtures("session")
def test_a_desktop_that_shows_a_prompt_is_seen_and_an_idle_one_is_not() -> None:
    assert lock(os.environ).collections == ("login",)
    assert seen() == []
    with prompter() as shell:
        assert seen() == []
        client = subprocess.Popen(
            ["secret-tool", "store", "--label=x", "service", "x", "username", "y"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert client.stdin is not None
            client.stdin.write(b"value")
            client.stdin.close()
            deadline = time.monotonic() + 20
            while not (found := seen()) and time.monotonic() < deadline:
                assert client.poll() is None
            assert found == [shell.pid]
        finally:
            shell.kill()  # the client is told that its prompt is gone
            client.wait(20)
    assert seen() == []
