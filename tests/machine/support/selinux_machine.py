"""A throwaway virtual machine, by qemu without KVM, whose kernel enforces SELinux.

It is many times slower than the processor below it: a boot takes a minute and a login by password
15 seconds. Root's commands share one ssh connection, because each further login would cost that
much too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.machine.support.login import Login
from tests.machine.support.selinux_image import Image, image

QEMU = "qemu-system-x86_64"
BOOT_TIMEOUT = 400.0  # seconds
KERNEL = (
    *("root=/dev/vda", "rw", "console=ttyS0", "net.ifnames=0", "mitigations=off", "quiet"),
    *("security=selinux", "selinux=1", "enforcing=1"),
)
SSH = (
    *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
    *("-o", "LogLevel=ERROR", "-o", "ConnectTimeout=30", "-F", "/dev/null"),
)


class VirtualMachine:
    """One booted virtual machine; made by ``booted``."""

    def __init__(self, place: Path, key: Path, port: int) -> None:
        self._place = place
        self._ssh = ["ssh", *SSH, "-p", str(port)]
        self._root = [*self._ssh, "-i", str(key), "-o", f"ControlPath={place}/ssh"]

    @contextlib.contextmanager
    def connected(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Hold root's connection, once the machine has booted. Raises RuntimeError."""
        deadline = time.monotonic() + BOOT_TIMEOUT
        argv = [*self._root, "-o", "ControlMaster=yes", "-N", "root@127.0.0.1"]
        check = [*self._root, "-O", "check", "root@127.0.0.1"]
        held: subprocess.Popen[bytes] | None = None
        try:
            while subprocess.run(check, check=False, capture_output=True).returncode != 0:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the virtual machine did not boot in time")
                if held is None or held.poll() is not None:
                    held = subprocess.Popen(
                        ["setpriv", "--pdeathsig=KILL", *argv],
                        stdin=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )
                time.sleep(0.5)
            self.run("systemctl is-system-running --wait || :", timeout=BOOT_TIMEOUT)
            yield
        finally:
            if held is not None:
                held.kill()
                held.wait()

    def run(
        self, script: str, *, check: bool = True, stdin: bytes = b"", timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell script as root, in a login session of root's."""
        done = subprocess.run(
            [*self._root, "-o", "ControlMaster=no", "root@127.0.0.1", script],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        if check and done.returncode != 0:
            raise AssertionError(f"{script} exited {done.returncode}\n{out}\n{err}")
        return subprocess.CompletedProcess([script], done.returncode, out, err)

    def add_user(self, name: str, password: str) -> None:
        """Add a person with a home and a password."""
        add = f"useradd --create-home --shell=/bin/bash {name} && chpasswd"
        self.run(add, stdin=f"{name}:{password}\n".encode())

    def ssh(
        self, user: str, password: str, *, answers: Sequence[str] = (), timeout: float = 240
    ) -> Login:
        """Log in by ssh as a person does: the password is typed at the prompt.

        ``answers`` are typed at the password prompts that follow, in turn.
        """
        argv = [*self._ssh, "-tt", "-o", "PubkeyAuthentication=no", f"{user}@127.0.0.1"]
        return Login(argv, password, answers=answers, timeout=timeout)

    def last_words(self) -> str:
        """Return the end of the console and of the journal, for the report of a failed test."""
        console = (self._place / "console").read_text(errors="replace")[-2000:]
        try:
            journal = self.run("journalctl --no-pager --boot --lines=150", check=False).stdout
        except subprocess.TimeoutExpired:
            journal = "the journal cannot be read: no answer in time"
        return f"{console}\n{journal}"


def why_none() -> str:
    """Return why no virtual machine can be booted here, or an empty string."""
    if os.getuid() != 0:
        return "not root"
    missing = [name for name in (QEMU, "mke2fs", "mmdebstrap", "ssh") if shutil.which(name) is None]
    if not missing:
        return ""
    return f"not installed: {', '.join(missing)}; CREDS_SELINUX=1 ./scripts/prepare installs it"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _qemu(disk: Image, place: Path, port: int) -> list[str]:
    """Return the command. The disk's changes go to a file that the kernel removes with qemu."""
    forward = f"user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"
    return [
        *("setpriv", "--pdeathsig=KILL", QEMU, "-M", "q35", "-accel", "tcg,thread=multi"),
        *("-cpu", "max", "-smp", "2", "-m", "2048", "-nodefaults", "-no-reboot"),
        *("-display", "none", "-serial", f"file:{place}/console", "-device", "virtio-rng-pci"),
        *("-kernel", str(disk.kernel), "-initrd", str(disk.initrd), "-append", " ".join(KERNEL)),
        *("-drive", f"file={disk.disk},if=virtio,format=raw,snapshot=on,cache=unsafe"),
        *("-nic", forward),
    ]


@contextlib.contextmanager
def booted() -> Iterator[VirtualMachine]:
    """Boot the machine of this checkout; end it whatever happens. Raises RuntimeError."""
    reason = why_none()
    if reason:
        raise RuntimeError(f"no virtual machine can be booted: {reason}")
    with image() as disk, tempfile.TemporaryDirectory(prefix="creds-vm-") as directory:
        place, port = Path(directory), _free_port()
        with (place / "qemu").open("wb") as output:
            process = subprocess.Popen(
                _qemu(disk, place, port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "TMPDIR": "/var/tmp"},
            )
        machine = VirtualMachine(place, disk.key, port)
        try:
            with machine.connected(process):
                yield machine
        except RuntimeError as error:
            told = [(place / name).read_text(errors="replace") for name in ("qemu", "console")]
            raise RuntimeError(f"{error}\n{''.join(told)[-4000:]}") from error
        finally:
            process.kill()
            process.wait()
