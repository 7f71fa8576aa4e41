# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Keep what a rollout did to each host, on the controller.

The directory holds ``rollout.json`` with the hosts and the reason for which the rollout stopped, one
file for each host below ``hosts``, and the reports. Each file is replaced in one step, and one lock
serves the processes of a run, so that what is written is whole however the run ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
import urllib.parse
from collections.abc import Iterator

from ansible_collections.creds_session.keyring.plugins.plugin_utils import outcomes, report

SCHEMA = 1
PRIVATE = 0o700
PROGRESS = "progress.json"
PARTS = 4  # the reports are made after one of so many parts of the hosts that are left


def run_of(process: int) -> str:
    """Return a name for the run of ansible-playbook that is this process.

    The number of a process is used again after some time, so the time of its start is a part of the
    name where the kernel says it (the 22nd field of /proc/PID/stat, see proc(5)).
    """
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            started = file.read().rpartition(b")")[2].split()[19].decode()
    except OSError:
        return str(process)
    return f"{process} {started}"


class Records:
    """The records of one rollout."""

    def __init__(self, directory: str) -> None:
        self._directory = os.path.abspath(os.path.expanduser(directory))
        os.makedirs(self._directory, mode=PRIVATE, exist_ok=True)
        if os.stat(self._directory).st_uid != os.geteuid():
            raise PermissionError(f"{self._directory} belongs to another user")
        os.makedirs(os.path.join(self._directory, "hosts"), mode=PRIVATE, exist_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        path = os.path.join(self._directory, "lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def begin(self, run: str, hosts: list, batch: list) -> tuple:
        """Note the hosts of this run; return why this run has stopped, and whether a host is done.

        A new run forgets why the last one stopped. Only a new run reads the records of all hosts.
        """
        with self._locked():
            found = self._read("rollout.json")
            progress = self._read(PROGRESS)
            if found.get("run") != run:
                found = {"run": run, "began": time.time(), "stopped": None}
            if progress.get("run") != run:
                records = self._hosts().values()
                is_done = any(record.get("outcome") in outcomes.GOOD for record in records)
                progress = {"run": run, "done": is_done, "left": len(hosts), "unreported": None}
                self._write(PROGRESS, progress)
            every = list(dict.fromkeys([*found.get("hosts", []), *hosts]))
            if every != found.get("hosts"):
                found["hosts"] = every
                self._write("rollout.json", found)
            return found["stopped"], progress["done"] or len(batch) == 1

    def of(self, host: str) -> dict:
        """Return the record of one host; it is empty if nothing was done to the host."""
        return self._read(_file_of(host))

    def write(self, host: str, record: dict, *, stops: bool) -> None:
        """Write the record of one host, and the reports. ``stops``: the rollout stops here.

        A step that leaves the outcome as it is changes no report. Another outcome is added to the
        end of report.txt. The records of all hosts are joined into new reports after a quarter of
        the outcomes that are still to come, at the end, and if the rollout stops.
        """
        with self._locked():
            is_news = stops or record["outcome"] != self.of(host).get("outcome")
            if is_news:  # first of all, so that report.txt is never older than a record
                self._append(report.line(record, time.time()))
            self._write(_file_of(host), record)
            if not is_news:
                return
            if stops:
                self._stop(host, record)
            progress = self._read(PROGRESS)
            if _is_due(progress, record["outcome"]) or stops:
                progress["stopped"] = stops or progress.get("stopped", False)
                self._report(is_running=progress.get("left", 0) > 0)
            if "run" in progress:
                self._write(PROGRESS, progress)

    def _stop(self, host: str, record: dict) -> None:
        """Note that the rollout stops at a host, unless it has stopped at another one."""
        found = self._read("rollout.json")
        if not found.get("stopped"):
            reason = record["reason"] or outcomes.MEANINGS[record["outcome"]]
            found["stopped"] = {"host": host, "reason": reason}
            self._write("rollout.json", found)

    def keep_snapshot(self, host: str, files: list) -> None:
        """Keep the PAM files of a host as they are before a change."""
        directory = os.path.join(self._directory, "snapshots")
        os.makedirs(directory, mode=PRIVATE, exist_ok=True)
        self._write(_snapshot_of(host), {"host": host, "taken": time.time(), "files": files})

    def snapshot(self, host: str) -> list:
        """Return the PAM files of a host as they were before the last change."""
        return self._read(_snapshot_of(host)).get("files", [])

    def _hosts(self) -> dict:
        directory = os.path.join(self._directory, "hosts")
        names = sorted(name for name in os.listdir(directory) if name.endswith(".json"))
        records = [self._read(os.path.join("hosts", name)) for name in names]
        return {record["host"]: record for record in records if record}

    def _report(self, *, is_running: bool) -> None:
        rollout = self._read("rollout.json")
        values = report.values(rollout, self._hosts(), is_running=is_running)
        self._write("report.json", {"schema": SCHEMA, **values})
        self._replace("report.txt", report.text(values))
        self._replace("report.html", report.page(values))

    def _append(self, line: str) -> None:
        path = os.path.join(self._directory, "report.txt")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _read(self, name: str) -> dict:
        try:
            with open(os.path.join(self._directory, name), encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, name: str, values: dict) -> None:
        self._replace(name, json.dumps(values, indent=2) + "\n")

    def _replace(self, name: str, text: str) -> None:
        path = os.path.join(self._directory, name)
        descriptor, new = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".new-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(new, path)


def _is_due(progress: dict, outcome: str) -> bool:
    """Count an outcome, and return whether the reports are due.

    ``left`` is the number of hosts of the run that have no outcome yet, and ``unreported`` the number
    of outcomes since the last reports. The fewer hosts are left, the more often the reports are made,
    so that the number of reports grows with the logarithm of the number of hosts. Without a run, at
    its beginning and after a stop, they are made for each outcome.
    """
    if "run" not in progress:
        return True
    is_awaited = progress["unreported"] is None or progress.get("stopped", False)
    progress["unreported"] = (progress["unreported"] or 0) + 1
    progress["left"] -= outcome not in outcomes.OPEN
    progress["done"] = progress["done"] or outcome in outcomes.GOOD
    if not is_awaited and progress["unreported"] < progress["left"] // PARTS:
        return False
    progress["unreported"] = 0
    return True


def _file_of(host: str) -> str:
    """Return the name of the file of a host, which may be called anything."""
    return os.path.join("hosts", urllib.parse.quote(host, safe="") + ".json")


def _snapshot_of(host: str) -> str:
    return os.path.join("snapshots", os.path.basename(_file_of(host)))
