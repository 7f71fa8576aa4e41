"""A password in the memory of a process that forbade core files is in no core file."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import termios
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.unit.service import serving
from tests.unit.system.bus.test_connection import dbus_daemon
from tests.unit.traces import python

PR_GET_DUMPABLE = 3  # prctl(2)
CANARY = b"canary of a password"
CRASH = f"""
import os, signal
from creds_session.system.processes.core_dumps import forbid_core_dumps
held = {CANARY!r}
if sys.argv[1]:
    forbid_core_dumps()
os.kill(os.getpid(), signal.SIGABRT)
"""
LOOK = f"""
import ctypes, resource
from creds_session.system.processes.core_dumps import forbid_core_dumps
forbid_core_dumps()
print(ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}), *resource.getrlimit(resource.RLIMIT_CORE))
"""


def started(argv: list[str], **how: Any) -> subprocess.Popen[bytes]:
    """Start a program that may leave a core file, whatever the tests before did to this process."""
    limits = 'ulimit -c unlimited 2>/dev/null || ulimit -c "$(ulimit -H -c)"; exec "$@"'
    return subprocess.Popen(["sh", "-c", limits, "sh", *argv], stdin=subprocess.PIPE, **how)


def left_a_core(process: subprocess.Popen[bytes]) -> bool:
    """Wait for the end by SIGABRT; return whether the kernel wrote a core file.

    waitpid(2): WCOREDUMP is the kernel's own word, wherever core(5) sends the file.
    """
    _pid, status = os.waitpid(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == -signal.SIGABRT
    return os.WCOREDUMP(status)


def crash(folder: Path, *, forbid: bool) -> bool:
    """End a child that holds the canary by SIGABRT; return whether it left a core file."""
    with started(python(CRASH, "forbid" if forbid else ""), cwd=folder) as process:
        return left_a_core(process)


def with_canary(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if CANARY in path.read_bytes()]


def test_a_process_that_forbade_it_leaves_no_core_file(tmp_path: Path) -> None:
    assert not crash(tmp_path, forbid=True)
    assert with_canary(tmp_path) == []


def test_a_process_that_forbade_nothing_leaves_one(tmp_path: Path) -> None:
    """Show that the test above can fail here."""
    if not crash(tmp_path, forbid=False):
        pytest.skip("the kernel writes no core files here: see /proc/sys/kernel/core_pattern")
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if "/" not in pattern and not pattern.startswith("|"):
        assert len(with_canary(tmp_path)) == 1


def test_neither_the_kernel_nor_another_process_may_read_its_memory() -> None:
    """The limit alone is not enough: core(5) does not heed it when cores go to a pipe."""
    done = subprocess.run(python(LOOK), capture_output=True, text=True, check=True)
    assert done.stdout == "0 0 0\n"


def ended_while_it_reads(argv: list[str], environment: dict[str, str]) -> bool:
    """Give a command half of its input, end it by SIGABRT; return whether it left a core."""
    with started(argv, env=environment) as process:
        assert process.stdin is not None
        process.stdin.write(b"protocol=https\npassword=canary")
        process.stdin.flush()
        while unread(process.stdin.fileno()):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGABRT)
        return left_a_core(process)


def unread(pipe: int) -> int:
    """Return how many bytes of a pipe nobody has read yet (FIONREAD, ioctl_pipe in pipe(7))."""
    (count,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, struct.pack("i", 0)))
    return int(count)


@pytest.mark.parametrize(
    "command",
    [
        "put app me",
        "git-credential store",
        "unlock --create --password-stdin",
        "rekey --password-stdin",
    ],
)
def test_no_command_that_reads_a_password_leaves_a_core_file(tmp_path: Path, command: str) -> None:
    code = "from creds_session.cli.creds.main import main; sys.argv[0] = 'creds'; sys.exit(main())"
    keyring = tmp_path / ".local/share/keyrings/login.keyring"
    with dbus_daemon(tmp_path) as address, ExitStack() as service:
        if command.startswith("rekey"):
            keyring.parent.mkdir(parents=True)
            keyring.touch()
            service.enter_context(serving(address, tmp_path / "told"))
        environment = {"PATH": os.defpath, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
        environment["DBUS_SESSION_BUS_ADDRESS"] = address
        assert not ended_while_it_reads(python(code, *command.split()), environment)


def test_a_command_that_forbids_nothing_leaves_one(tmp_path: Path) -> None:
    """Show that the test above can fail here."""
    if not crash(tmp_path, forbid=False):
        pytest.skip("the kernel writes no core files here")
    script = f"cd {tmp_path}; exec cat >/dev/null"
    assert ended_while_it_reads(["sh", "-c", script], {"PATH": os.defpath})
