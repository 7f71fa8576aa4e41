"""A password in the memory of a process that forbade core files is in no core file."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import struct
import subprocess
import termios
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from creds_session.system.hardening import forbid_core_dumps
from tests.unit.service import serving
from tests.unit.system.test_bus import dbus_daemon
from tests.unit.traces import python

PR_GET_DUMPABLE = 3  # prctl(2)
CANARY = b"canary of a password"
LOOK = f"""
import ctypes, resource
from creds_session.system.hardening import forbid_core_dumps
forbid_core_dumps()
print(ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}), *resource.getrlimit(resource.RLIMIT_CORE))
"""


def crash(folder: Path, *, forbid: bool) -> bool:
    """End a child that holds the canary by SIGABRT; return whether the kernel wrote its core.

    waitpid(2): WCOREDUMP is the kernel's own word, wherever core(5) sends the file.
    """
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        held = bytes(CANARY)
        if forbid:
            forbid_core_dumps()
        signal.signal(signal.SIGABRT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGABRT)
        os._exit(len(held))
    _pid, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGABRT
    return os.WCOREDUMP(status)


def with_canary(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if CANARY in path.read_bytes()]


def test_a_process_that_forbade_it_leaves_no_core_file(tmp_path: Path) -> None:
    assert not crash(tmp_path, forbid=True)
    assert with_canary(tmp_path) == []


def test_a_process_that_forbade_nothing_leaves_one(tmp_path: Path) -> None:
    """Show that the test above can fail here."""
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("this session may write no core files at all")
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
    limits = "ulimit -S -c unlimited 2>/dev/null; exec"
    command = ["sh", "-c", f'{limits} "$@"', "sh", *argv]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        process.stdin.write(b"protocol=https\npassword=canary")
        process.stdin.flush()
        while unread(process.stdin.fileno()):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGABRT)
        _pid, status = os.waitpid(process.pid, 0)
        process.returncode = -os.WTERMSIG(status)
    assert process.returncode == -signal.SIGABRT
    return os.WCOREDUMP(status)


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
    code = "from creds_session.cli.creds import main; sys.argv[0] = 'creds'; sys.exit(main())"
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
