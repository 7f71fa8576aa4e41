"""Read one process in /proc: its name, its program, its user ids, its state."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from creds_session.records import NamedTuple

PROC = "/proc"
MOST_READ = 1 << 16  # bytes of the environment or the arguments of a process
ZOMBIE = "Z"
STATE, PARENT, STARTED = 0, 1, 19  # fields of proc_pid_stat(5), counted after the name
LONGEST_COMM = 256  # bytes; the names of the kernel's own threads are longer than 15
COMM_LENGTH = 15  # TASK_COMM_LEN without its NUL, proc_pid_comm(5)


class ProcessStat(NamedTuple):
    """What /proc/PID/stat says of a process (proc_pid_stat(5)).

    ``name`` is the kernel's name, cut at 15 bytes. ``state`` is the kernel's letter.
    ``start_ticks`` is when the process started, in clock ticks since the machine booted.
    """

    name: str
    state: str
    parent: int
    start_ticks: int

    @property
    def started_after_boot(self) -> float:
        """Return when the process started, in seconds since the machine booted."""
        return self.start_ticks / os.sysconf("SC_CLK_TCK")


def stat_of(pid: int, proc: str = PROC) -> ProcessStat | None:
    """Return what /proc/PID/stat says, or None if the process has ended or cannot be read."""
    try:
        # pathlib would take longer to load than all of this module
        with open(f"{proc}/{pid}/stat", errors="replace") as file:
            text = file.read()
        name, _, rest = text.partition("(")[2].rpartition(")")  # the name may hold anything
        fields = rest.split()
        return ProcessStat(name, fields[STATE], int(fields[PARENT]), int(fields[STARTED]))
    except (OSError, IndexError, ValueError):
        return None


def named_processes(names: Collection[str]) -> Iterator[tuple[int, ProcessStat]]:
    """Yield the pid and the stat of every process that has one of these names.

    There may be thousands of processes. So one small read each finds the name, which costs the
    kernel and Python a third of what stat costs.
    """
    wanted = {os.fsencode(f"{name}\n") for name in names}
    for entry in os.listdir(PROC):
        if entry.isdigit() and _comm(entry) in wanted:
            stat = stat_of(int(entry))
            if stat is not None and stat.name in names:
                yield int(entry), stat


def _comm(entry: str) -> bytes:
    """Return what /proc/PID/comm says, or nothing if the process has ended."""
    try:
        descriptor = os.open(f"{PROC}/{entry}/comm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, LONGEST_COMM)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def boot_time() -> float:
    """Return when the machine booted, in seconds since 1970 (proc_stat(5), btime)."""
    with open(f"{PROC}/stat") as file:
        line = next((line for line in file if line.startswith("btime ")), "btime 0")
    return float(line.split()[1])


def name_of(pid: int) -> str:
    """Return the kernel's name of a process, cut at 15 bytes, or an empty string."""
    try:
        with open(f"{PROC}/{pid}/comm", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""


def executable_of(pid: int) -> str | None:
    """Return the file that a process runs, or None if the kernel hides it."""
    try:
        return os.readlink(f"{PROC}/{pid}/exe")
    except OSError:
        return None


def real_uid_of(pid: int) -> int | None:
    """Return the real user id of a process; a daemon's directory is root's."""
    try:
        return user_ids_of(pid)[0]
    except (OSError, IndexError, ValueError):
        return None


def user_ids_of(pid: int) -> list[int]:
    """Return the real and the effective user id of a process (proc_pid_status(5)).

    Raises OSError if the process has ended, ValueError for a text of another form.
    """
    with open(f"{PROC}/{pid}/status", errors="replace") as file:
        return [int(word) for word in file.read().partition("\nUid:")[2].split(None, 2)[:2]]


def arguments_of(pid: int) -> tuple[str, ...]:
    """Return the arguments of a process, at most 64 KiB of them. Raises OSError.

    They are in the memory of that process, and its user decides how long they are.
    """
    with open(f"{PROC}/{pid}/cmdline", "rb") as file:
        text = os.fsdecode(file.read(MOST_READ))
    return tuple(text[:-1].split("\0")) if text else ()


def find_program(name: str) -> str | None:
    """Return the path of a program in the system's own search path, or None."""
    from creds_session.system.processes.commands import SYSTEM_PATH

    # shutil.which() would load three compression libraries as well.
    paths = (f"{directory}/{name}" for directory in SYSTEM_PATH.split(":"))
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)
