"""Let systemd run a program later: after some time, or at the next boot."""

from __future__ import annotations

import os
import re

from creds_session.errors import Unavailable
from creds_session.records import NamedTuple
from creds_session.system.files.replace import Attributes
from creds_session.system.files.root import Root
from creds_session.system.processes.commands import NOT_FOUND, run
from creds_session.system.systemd.systemctl import (
    NOT_LOADED,
    systemctl,
    systemd_version,
)

BUS_TIMEOUT = 30.0  # seconds; systemd may be busy
UNTIL_IT_SUCCEEDS = ("Restart=on-failure", "RestartSec=10s")  # systemd.service(5)
NO_LIMIT = "StartLimitIntervalSec=0"  # systemd.unit(5): by default five quick starts are the limit
ONESHOT_RESTARTS = 244  # older versions refuse a unit with Type=oneshot and Restart=


class Job(NamedTuple):
    """A program for systemd to run later: its command, its name in the journal, its purpose."""

    argv: tuple[str, ...]
    name: str
    description: str

    @property
    def words(self) -> tuple[str, ...]:
        """Return the command with ``$`` written as ``$$``, except in the first word.

        systemd replaces variables in the other words (systemd.service(5), "Command lines").
        """
        return (self.argv[0], *(word.replace("$", "$$") for word in self.argv[1:]))


def start(unit: str, seconds: float, job: Job) -> None:
    """Let systemd run a program that many seconds from now. Raises Unavailable.

    A program that fails for any reason is run again until it succeeds: the disk may be full, a lock
    may be held, or a file system may be read-only for a while. systemd writes each attempt and each
    restart to the journal. By default the accuracy of a timer is one minute (systemd.timer(5)).
    """
    command = ["systemd-run", "--quiet", "--collect", "--no-ask-password", f"--unit={unit}"]
    command += [f"--description={job.description}", f"--on-active={seconds:g}s"]
    command += ["--timer-property=AccuracySec=100ms", f"--property=SyslogIdentifier={job.name}"]
    command += [f"--property={setting}" for setting in (*UNTIL_IT_SUCCEEDS, NO_LIMIT)]
    done = run([*command, "--", *job.words], timeout=BUS_TIMEOUT)
    if done.code == NOT_FOUND:
        raise Unavailable("systemd-run is not installed, so nothing could revert in time")
    if not done.succeeded:
        reason = done.errors.strip().partition("\n")[0] or f"it ended with {done.code}"
        raise Unavailable(f"systemd-run set no timer: {reason}")


LOGINS = (
    *("ssh.service", "sshd.service", "dropbear.service"),
    *("ssh.socket", "sshd.socket", "dropbear.socket"),
    *("sshd-unix-local.socket", "sshd-vsock.socket"),  # systemd-ssh-generator(8)
    "systemd-user-sessions.service",
)
"""The units that let people log in. A socket starts ssh@.service or sshd@.service each time."""

LONGEST_AT_BOOT = 90  # seconds that sshd waits for it; a oneshot has no default limit
AT_BOOT = "/etc/systemd/system/{unit}.service"
UNSAFE = re.compile(r"[\x00-\x1f\x7f'\"\\]")  # systemd's string-util.c:string_is_safe
WANTED = "/etc/systemd/system/multi-user.target.wants/{unit}.service"


def at_boot(root: Root, unit: str, job: Job, only_if: str) -> None:
    """Let systemd run a program at each boot while a file exists, before anybody logs in.

    systemd 244 and later runs a program that fails again until it succeeds. Logins wait only for
    the first attempt. systemd reads units at boot, so it is not reloaded now. The unit gets the
    owner of its directory, which is root on a running system. It has no default dependencies: with
    them it would start after all sockets, and so could not start before one of them
    (systemd.socket(5), systemd.service(5), "Default Dependencies"). Raises CannotWrite, and
    Unavailable for a program whose path systemd would refuse.
    """
    if UNSAFE.search(job.argv[0]):
        raise Unavailable(
            f"{job.argv[0]!r}: systemd runs no program with a quote or a backslash in its path",
            hint="install it elsewhere, as scripts/install does",
        )
    again = "\n".join(UNTIL_IT_SUCCEEDS) if systemd_version() >= ONESHOT_RESTARTS else "Restart=no"
    text = f"""\
[Unit]
Description={job.description}
DefaultDependencies=no
ConditionPathExists={only_if}
After=sysinit.target
Before={" ".join(LOGINS)} shutdown.target
Conflicts=shutdown.target
{NO_LIMIT}

[Service]
Type=oneshot
TimeoutStartSec={LONGEST_AT_BOOT}
{again}
SyslogIdentifier={job.name}
ExecStart={" ".join(map(_quoted, job.words))}
"""
    with root.entry_to_write(AT_BOOT.format(unit=unit)) as entry:
        owner = os.fstat(entry.directory.descriptor)
        attributes = Attributes(0o644, owner.st_uid, owner.st_gid, ())
        entry.replace(text.encode(), attributes, lambda: None)
    with root.entry_to_write(WANTED.format(unit=unit)) as link:
        link.link_to(f"../{unit}.service")


def _quoted(word: str) -> str:
    """Quote a word for a unit file. Other bytes than printable ASCII are written in hexadecimal.

    See systemd.syntax(7), "Quoting", and systemd.unit(5), "Specifiers", for ``%``.
    """
    escaped = "".join(_escaped(byte) for byte in os.fsencode(word.replace("%", "%%")))
    return f'"{escaped}"'


def _escaped(byte: int) -> str:
    character = chr(byte)
    if character in {'"', "\\"}:
        return f"\\{character}"
    return character if character.isascii() and character.isprintable() else f"\\x{byte:02x}"


def not_at_boot(root: Root, unit: str) -> None:
    """Undo ``at_boot``: remove the unit and its link."""
    for path in (WANTED, AT_BOOT):
        with root.entry(path.format(unit=unit)) as entry:
            if entry is not None:
                entry.remove()


def is_at_boot(root: Root, unit: str) -> bool:
    """Return whether a unit of ``at_boot``, or its link, exists here."""
    paths = (AT_BOOT.format(unit=unit), WANTED.format(unit=unit))
    return any(root.exists(path, last=False) for path in paths)


def is_waiting(unit: str) -> bool:
    """Return whether the timer has not elapsed yet."""
    return systemctl("is-active", "--quiet", f"{unit}.timer", timeout=BUS_TIMEOUT).succeeded


def stop(unit: str, *, program: bool) -> bool:
    """Stop the timer and, if asked, the program's restarts; return whether they are stopped."""
    units = [f"{unit}.timer", *([f"{unit}.service"] if program else [])]
    return systemctl("stop", *units, timeout=BUS_TIMEOUT).code in {0, NOT_LOADED}
