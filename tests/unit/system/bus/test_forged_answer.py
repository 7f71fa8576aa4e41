"""Who can answer a call to a well-known name of another program: see ``is_answer``."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call, new_method_return
from jeepney.io.blocking import DBusConnection, open_dbus_connection

from creds_session.system.bus.connection import Bus
from creds_session.system.bus.wire import ObjectAddress

NAME = "org.example.Owner"
TO = ObjectAddress("/x", NAME, "a.b")
SYSTEM = """
<allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow send_requested_reply="true" send_type="method_return"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/>
"""
"""As in system.conf, where other users are: each answer needs a call."""
SESSION = """
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
"""
"""As in session.conf. ``eavesdrop`` also allows answers without a call (bus/policy.c)."""
DRIVER = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
CONFIGURATION = """<busconfig>
<listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default">{policy}</policy>
</busconfig>
"""


@contextmanager
def dbus_daemon(folder: Path, policy: str) -> Iterator[str]:
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("needs dbus-daemon")
    path, configuration = folder / "bus", folder / "bus.conf"
    configuration.write_text(CONFIGURATION.format(path=path, policy=policy), "utf-8")
    argv = [program, f"--config-file={configuration}", "--nofork", "--nopidfile", "--print-address"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield f"unix:path={path}"
        finally:
            process.terminate()


def serve_after_a_forgery(owner: DBusConnection, stranger: DBusConnection) -> None:
    """Answer one call, after a stranger has answered it and the bus has handled that."""
    while True:
        call = owner.receive(timeout=20)
        if call.header.message_type is MessageType.method_call:
            break
    forged = new_method_return(call, "s", ("forged",))
    forged.header.fields[HeaderFields.destination] = call.header.fields[HeaderFields.sender]
    stranger.send(forged)
    stranger.send_and_get_reply(new_method_call(DRIVER, "GetId"), timeout=20)
    owner.send(new_method_return(call, "s", ("right",)))


@pytest.mark.parametrize(("policy", "expected"), [(SYSTEM, "right"), (SESSION, "forged")])
def test_a_stranger_s_answer_is_dropped_by_a_bus_that_other_users_are_on(
    tmp_path: Path, policy: str, expected: str
) -> None:
    with (
        dbus_daemon(tmp_path, policy) as address,
        open_dbus_connection(address) as owner,
        open_dbus_connection(address) as stranger,
        Bus(address, 20) as bus,
    ):
        owner.send_and_get_reply(
            new_method_call(DRIVER, "RequestName", "su", (NAME, 0)), timeout=20
        )
        answering = threading.Thread(target=serve_after_a_forgery, args=(owner, stranger))
        answering.start()
        assert bus.call(TO, "M") == (expected,)
        answering.join()
