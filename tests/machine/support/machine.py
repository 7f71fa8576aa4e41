"""A throwaway machine: a booted systemd with real sshd, PAM, logind, D-Bus and gnome-keyring.

The root file system is an overlay whose upper layer is a tmpfs in a mount name space of its own:
nothing done inside reaches the host, and when this process ends, however it ends, the kernel ends
the machine (PR_SET_PDEATHSIG) and drops its mounts.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.machine.support.capability import control_groups
from tests.machine.support.login import ConsoleLogin, Login

QUIET_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "systemd-firstboot.service",
    "systemd-networkd-wait-online.service",
)
# A getty need not wait a second for a boot's messages to end, nor offer colours, nor be rare.
GETTY = "/etc/systemd/system/container-getty@.service.d/plain.conf"
PLAIN_GETTY = b"[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=simple\nEnvironment=TERM=plain\n"
# Tests restart sshd with other settings, often within the ten seconds of the usual limit.
SSHD = "/etc/systemd/system/ssh.service.d/plain.conf"
OFTEN = b"[Unit]\nStartLimitIntervalSec=0\n"
# Without these stamps systemd rebuilds caches at each boot, as after an update of /usr
# (systemd-update-done.service(8)); a machine that somebody uses has them.
UPDATED = {"/etc/.updated": b"", "/var/.updated": b""}
TIOCSPTLCK, TIOCGPTN = 0x40045431, 0x80045430  # ioctl_tty(2); termios lacks them
INOTIFY_LIMIT, INOTIFY_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances"), 4096
# systemd looks at no more than five changes of mounts in a second (its docs/ENVIRONMENT.md). A boot
# of Debian 13 makes more, and took a second longer. What systemd starts does not get the variable.
MOUNT_AND_BOOT = """
echo $$ >"$4/cgroup.procs"
mount -t tmpfs -o mode=0755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
code=133 # systemd-nspawn's own, for a machine that wants to be booted again
while [ $code = 133 ]; do
    code=0
    systemd-nspawn --quiet --directory="$1/root" --machine="$3" --private-network --boot \
        --register=no --keep-unit --console=pipe --timezone=off --capability="$5" \
        --setenv=SYSTEMD_DEFAULT_MOUNT_RATE_LIMIT_BURST=1000 || code=$?
done
exit $code
"""


class Machine:
    """One booted machine; made by ``booted``."""

    def __init__(self, process: subprocess.Popen[bytes], console: Path, timeout: float) -> None:
        self._process = process
        self._console = console
        self.leader = 0
        self.wait_for_boot(timeout)

    @property
    def root(self) -> Path:
        """The machine's root directory, as the host sees it."""
        return Path(f"/proc/{self.leader}/root")

    def wait_for_boot(self, timeout: float = 180) -> None:
        """Wait until another init than the one known has come up. Raises RuntimeError."""
        deadline = time.monotonic() + timeout
        self.leader = _leader(self._process, self.leader, deadline)
        while time.monotonic() < deadline:
            state = self.run("systemctl", "is-system-running", "--wait", check=False).stdout
            if state.strip() in {"running", "degraded"}:
                self.run("ip", "link", "set", "lo", "up")
                return
            time.sleep(0.05)
        raise RuntimeError("the machine did not finish booting in time")

    def reboot(self) -> None:
        """Boot the same root file system again, as after a power cut but for what is in memory."""
        self.run("systemctl", "reboot", "--force", check=False)
        self.wait_for_boot()

    def enter(self, *command: str) -> list[str]:
        """Return the argv that runs a command inside, as root, outside any login session."""
        return ["nsenter", "-t", str(self.leader), "-a", "--", *command]

    def run(
        self, *command: str, stdin: bytes = b"", check: bool = True, timeout: float = 240
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root.

        The time-out (seconds) ends what hangs. An installation takes longer than a minute if two
        whole runs of the tests share two processors.
        """
        done = subprocess.run(
            self.enter(*command),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=timeout,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        if check and done.returncode != 0:
            raise AssertionError(f"{command} exited {done.returncode}\n{out}\n{err}")
        return subprocess.CompletedProcess(list(command), done.returncode, out, err)

    def sh(
        self, script: str, *, check: bool = True, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell script inside as root."""
        return self.run("sh", "-c", script, check=check, stdin=stdin)

    def add_user(self, name: str, password: str) -> None:
        """Add a person with a home and a password."""
        self.run("useradd", "--create-home", "--shell=/bin/bash", name)
        self.run("chpasswd", stdin=f"{name}:{password}\n".encode())

    def ssh(
        self,
        user: str,
        password: str | None,
        *options: str,
        answers: Sequence[str] = (),
        timeout: float = 30,
    ) -> Login:
        """Log in by ssh as a person does: the password is typed at the prompt.

        ``answers`` are typed at the password prompts that follow, in turn.
        """
        argv = ["ssh", "-tt", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"]
        argv += ["-o", "UserKnownHostsFile=/dev/null", *options, f"{user}@127.0.0.1"]
        return Login(self.enter(*argv), password, answers=answers, timeout=timeout)

    @contextlib.contextmanager
    def console(
        self, user: str, password: str, *, answers: Sequence[str] = (), timeout: float = 30
    ) -> Iterator[Login]:
        """Log in at the prompt of a getty, as ``machinectl login`` has it (machinectl(1)).

        The terminal must be one of the machine's own: login(1) of util-linux takes none that
        has no name in its /dev ("FATAL: bad tty", login.c:init_tty).
        """
        descriptor = os.open(self.root / "dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        fcntl.ioctl(descriptor, TIOCSPTLCK, struct.pack("i", 0))
        (number,) = struct.unpack("I", fcntl.ioctl(descriptor, TIOCGPTN, struct.pack("I", 0)))
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        unit = f"container-getty@{number}.service"
        self.run("systemctl", "start", "--no-block", unit)
        try:
            with ConsoleLogin(descriptor, user, password, answers=answers, timeout=timeout) as one:
                yield one
        finally:
            self.run("systemctl", "stop", unit)

    def journal(self, *options: str) -> str:
        """Return the journal's messages."""
        return self.run("journalctl", "--no-pager", "--output=short-monotonic", *options).stdout

    def last_words(self) -> str:
        """Return the end of the console and of the journal, for the report of a failed test."""
        console = self._console.read_text(errors="replace")[-1000:]
        try:
            journal = self.run(
                *("journalctl", "--no-pager", "--boot", "--lines=200"), check=False, timeout=20
            ).stdout
        except subprocess.TimeoutExpired:
            journal = "the journal cannot be read: no answer within 20 s"
        return f"{console}\n{journal}"

    def processes(self, user: str) -> list[str]:
        """Return ``pid ppid command line`` of each process of a user."""
        listed = self.run("ps", "-wwo", "pid=,ppid=,args=", "-u", user, check=False)
        return listed.stdout.splitlines()

    def wait_until_gone(self, user: str, timeout: float = 60) -> None:
        """Wait until nothing runs for this user, his user manager included.

        logind keeps the manager, and on Debian 13 the runtime directory by itself, for ten
        seconds after the last session (UserStopDelaySec, logind.conf(5)): both are told to go at
        once, the directory when no process is left that this could end. On Debian 12 systemd was
        seen to keep the directory for good after logind had forgotten the user.
        """
        uid = self.run("id", "-u", user).stdout.strip()
        unit = f"user-runtime-dir@{uid}.service"
        self.run("systemctl", "stop", f"user@{uid}.service", check=False)
        deadline = time.monotonic() + timeout
        directory = self.root / "run/user" / uid
        while (processes := self.processes(user)) or directory.exists():
            if time.monotonic() > deadline:
                status = self.run("systemctl", "status", unit, check=False).stdout
                users = self.run("loginctl", "list-users", check=False).stdout
                raise AssertionError(f"{user} still runs: {processes}\n{status}\n{users}")
            if not processes:
                known = self.run("loginctl", "terminate-user", user, check=False)
                if known.returncode:
                    self.run("systemctl", "stop", unit, check=False)
            time.sleep(0.03)


def wait_until(condition: Callable[[], bool], limit: float = 20) -> None:
    """Wait until something is so, at most ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def _leader(process: subprocess.Popen[bytes], before: int, deadline: float) -> int:
    """Return the pid of the machine's init, which is somewhere below unshare."""
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the machine ended with {process.returncode} while booting")
        with contextlib.suppress(OSError):
            for child in _descendants(process.pid):
                if child != before and _is_init(child):
                    return child
        time.sleep(0.02)
    raise RuntimeError("the machine did not come up in time")


def _is_init(pid: int) -> bool:
    """Tell whether a process is a machine's init; a user manager is called systemd too."""
    own = Path(f"/proc/{pid}/status").read_text().partition("NSpid:")[2].partition("\n")[0]
    name = Path(f"/proc/{pid}/comm").read_text()
    return name == "systemd\n" and own.split()[-1] == "1"


def _descendants(pid: int) -> Iterator[int]:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from _descendants(int(child))


def _write_layer(
    layer: Path, files: Mapping[str, bytes], links: Mapping[str, str], masked: Sequence[str]
) -> None:
    for path, content in files.items():
        target = layer / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o644)
    for path, to in {**{f"/etc/systemd/{m}": "/dev/null" for m in masked}, **links}.items():
        link = layer / path.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(to)
    for directory in [layer, *(d for d in layer.rglob("*") if d.is_dir() and not d.is_symlink())]:
        directory.chmod(0o755)


Boot = Callable[..., Machine]
"""Boots a machine that ends with the tests: release, layout, units, files, more packages."""


@contextlib.contextmanager
def booted(
    *layers: Path,
    files: Mapping[str, bytes] | None = None,
    links: Mapping[str, str] | None = None,
    masked: Sequence[str] = (),
    capability: str = "",
    timeout: float = 180,
) -> Iterator[Machine]:
    """Boot a machine from these layers, the topmost first; end it whatever happens.

    ``files`` and ``links`` are laid over the layers; ``masked`` names units, as
    ``user/gnome-keyring-daemon.socket``, that systemd shall not start. ``capability`` is one that
    systemd-nspawn takes from a machine unless it is named (systemd-nspawn(1)).
    """
    _raise_inotify_limit()
    place = Path(tempfile.mkdtemp(prefix="creds-machine-"))
    layer, mount, console = place / "layer", place / "mount", place / "console"
    layer.mkdir()
    mount.mkdir()
    masked = [f"system/{unit}" for unit in QUIET_UNITS] + list(masked)
    given = {GETTY: PLAIN_GETTY, SSHD: OFTEN, **UPDATED, **(files or {})}
    _write_layer(layer, given, links or {}, masked)
    lower = ":".join(str(directory) for directory in (layer, *layers))
    name = f"creds-{os.getpid()}-{place.name[-8:].replace('_', 'x')}"
    command = ["setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--propagation=private"]
    # systemd-nspawn's end does not end what it started; the end of a pid name space does.
    command += ["--pid", "--fork", "--kill-child", "--mount-proc"]
    group = _own_control_group(name)
    command += ["sh", "-ec", MOUNT_AND_BOOT, "sh", str(mount), lower, name, str(group), capability]
    with console.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            # Under cgroup v1 a container is not told when a session's last process is gone.
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )
    try:
        yield Machine(process, console, timeout)
    except RuntimeError as error:
        raise RuntimeError(f"{error}\n{console.read_text(errors='replace')[-4000:]}") from error
    finally:
        process.kill()
        process.wait()
        _remove_control_group(group)
        shutil.rmtree(place, ignore_errors=True)


def _raise_inotify_limit() -> None:
    """Allow each user id enough inotify instances for the machines of several runs at once.

    The user ids of all machines are the host's, so that they share one limit for each id
    (inotify(7); 128 by default). A machine takes about six: above the limit, its systemd ends with
    255 while it boots, or a login gets no session bus.
    """
    if int(INOTIFY_LIMIT.read_text()) < INOTIFY_INSTANCES:
        INOTIFY_LIMIT.write_text(str(INOTIFY_INSTANCES))


def _own_control_group(name: str) -> Path:
    """Make a control group for one machine.

    systemd-nspawn --keep-unit boots in the caller's own: two machines at once would then share
    their sessions' groups, and neither sees a session end while the other's goes on.
    """
    own = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    path = next(line[len("0::/") :] for line in own if line.startswith("0::/"))
    group = Path(control_groups(), path, name)
    group.mkdir()
    return group


def _remove_control_group(group: Path, timeout: float = 10) -> None:
    """Remove a control group once its processes are gone."""
    deadline = time.monotonic() + timeout
    while group.exists() and time.monotonic() < deadline:
        for directory, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(directory).rmdir()
        time.sleep(0.02)
