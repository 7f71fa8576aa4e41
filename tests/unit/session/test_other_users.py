"""A password goes to this user's own processes alone, and ids are what the kernel says."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from creds_session.errors import NotPermitted
from creds_session.system.bus.connection import Bus
from creds_session.system.bus.sockets import is_socket_of
from creds_session.system.processes.peer import peer_credentials
from creds_session.system.processes.user_ids import stands_for_strangers
from tests.unit.children import run_child
from tests.unit.service import UNLOCKED, serving
from tests.unit.traces import CHECKOUT, python

WITHOUT_ENTRY, LARGE = 54_321, 3_000_000_000
BOB = 65_534  # dbus-daemon lets in only users with an entry in the passwd database
PASSWORD = "alices-password"
CONFIGURATION = """\
<busconfig><type>session</type><listen>{address}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow eavesdrop="true"/></policy></busconfig>
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@contextmanager
def bus_for_everybody(directory: Path) -> Iterator[str]:
    """Run a bus of this user that lets other users in."""
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("needs dbus-daemon")
    address = f"unix:path={directory}/bus"
    (directory / "bus.conf").write_text(CONFIGURATION.format(address=address))
    argv = [program, f"--config-file={directory}/bus.conf", "--nofork", "--print-address"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline()
            yield address
        finally:
            process.terminate()


def creds(*arguments: str, given: str = "", user: int | None = None, **environ: str) -> str:
    """Run creds from the checkout; return its exit code and its output."""
    code = "from creds_session.cli.creds import main as creds; sys.exit(creds.main())"
    argv = python(code, *arguments)
    done = subprocess.run(
        argv,
        input=given,
        env={"PATH": os.defpath, **environ},
        capture_output=True,
        text=True,
        check=False,
        user=user,
    )
    return f"{done.returncode} {done.stdout}{done.stderr}"


NETRC = f"machine box login alice password {PASSWORD}\n"
GIT = f"protocol=https\nhost=box\nusername=alice\npassword={PASSWORD}\n\n"


@needs_root
@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("put app alice", PASSWORD),
        ("put --encrypted app alice", PASSWORD),
        ("git-credential store", GIT),
        ("git-credential get", GIT),
        ("import-netrc FILE", ""),
        ("get app alice", ""),
        ("get --username-key key app", ""),
        ("list", ""),
        ("delete app alice", ""),
        ("run app alice --env X -- true", ""),
        ("unlock --password-stdin", PASSWORD),
        ("rekey --password-stdin", f"{PASSWORD}\nother\n"),
    ],
)
def test_no_command_gives_or_takes_a_password_of_another_users_service(
    public: Path, words: str, given: str
) -> None:
    netrc, told = public / "netrc", public / "log" / "told"
    netrc.write_text(NETRC)
    netrc.chmod(0o600)
    told.parent.mkdir()
    told.parent.chmod(0o777)
    item = "/org/freedesktop/secrets/item"
    answers: dict[str, Any] = {
        "SearchItems": ("ao", ([item],)),
        "CreateItem": ("oo", (item, "/")),
        "GetSecrets": ("a{o(oayays)}", ({item: ("/session", b"", b"bobs", "text/plain")},)),
    }
    with (
        bus_for_everybody(public) as address,
        serving(address, told, user=BOB, Get=UNLOCKED, **answers) as pid,
    ):
        words = words.replace("FILE", str(netrc))
        said = creds(*words.split(), given=given, DBUS_SESSION_BUS_ADDRESS=address, HOME="/root")
    code = "125" if words.startswith("run") else "77"
    assert said.startswith(f"{code} ")
    assert f"(pid {pid}) belongs to user id {BOB}; no password goes there" in said
    asked = told.read_text().split() if told.exists() else []
    assert not set(asked) & {"OpenSession", "CreateItem", "GetSecrets", "SearchItems"}


@needs_root
def test_a_large_user_id_is_that_user(public: Path) -> None:
    public.chmod(0o777)

    def look() -> None:
        os.setuid(LARGE)
        path = str(public / "socket")
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind(path)
            server.listen()
            client.connect(path)
            assert peer_credentials(client) == (os.getpid(), LARGE)
            assert is_socket_of(path, LARGE)

    assert run_child(look) == 0


@needs_root
def test_nobody_is_trusted_where_the_kernel_maps_no_user(public: Path) -> None:
    """In such a name space every user looks like this one, root too (user_namespaces(7))."""
    if subprocess.run(["unshare", "--user", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespaces here: unshare(2) allows none in a changed root directory")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(public / "bus"))
        server.listen()
        (public / "bus").chmod(0o777)
        code = (
            "import os\n"
            "from tests.unit.session import test_other_users as here\n"
            f"here.trust_nobody({str(public / 'bus')!r})\n"
        )
        environ = {"PYTHONPATH": ":".join([str(CHECKOUT), *sys.path])}
        argv = ["unshare", "--user", sys.executable, "-c", code]
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def trust_nobody(path: str) -> None:
    """Show what is seen in that name space. The uid of the socket's owner is the same as ours."""
    assert os.stat(path).st_uid == os.getuid()  # noqa: PTH116
    assert stands_for_strangers(os.getuid())
    assert not is_socket_of(path, os.getuid())
    with pytest.raises(NotPermitted, match="cannot be known here; no password goes there"):
        Bus(f"unix:path={path}", 5)


def test_a_user_of_the_first_name_space_stands_for_nobody_else() -> None:
    assert not stands_for_strangers(os.getuid())
    assert not stands_for_strangers(65_534)


@needs_root
@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        ("status", 69, "no-bus"),
        ("hook print", 64, "has no entry in the passwd database, so its login shell is not known"),
        ("hook print --shell sh", 0, "creds"),
        ("hook install", 64, "has no entry in the passwd database"),
        ("hook install --shell sh", 64, "HOME is not set"),
        ("unlock --password-stdin", 69, "bus"),
        ("lock", 69, "bus"),
        ("get app me", 69, "bus"),
        ("env", 69, "bus"),
        ("backends", 69, ""),
        ("exec -- true", 125, "has no entry in the passwd database, and dbus-daemon runs for no"),
    ],
)
def test_a_user_without_an_entry_is_told_what_is_missing(
    words: str, code: int, problem: str
) -> None:
    """OpenShift, ``docker run --user 12345``: no name, no home, no shell."""
    said = creds(*words.split(), given="x", user=WITHOUT_ENTRY)
    assert said.startswith(f"{code} ")
    assert problem in said
    assert "a fault of this program" not in said
