"""Start a child that asks the real libpam, on this machine or on another root."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from creds_session.pam.syntax.terms import Dialect

CHILD = Path(__file__).with_name("child_libpam.py")

# /etc becomes an empty file system of its own, so that nothing of the root is written and
# Debian's libpam, which looks for includes in /etc/pam.d alone, sees only our files. The
# same for /usr/lib/pam.d, with a layer over /usr/lib that keeps what is written. Modules write to
# /run and /var/log, and speak to daemons in /run: both are empty too.
SETUP = """
set -e
mount --make-rprivate /
code=$(cat "$1")
mount -t tmpfs none "$2/etc"
mkdir "$2/etc/lib" "$2/etc/work"
mount -t overlay none -o "lowerdir=$2/usr/lib,upperdir=$2/etc/lib,workdir=$2/etc/work" "$2/usr/lib"
rm -rf "$2/usr/lib/pam.d"
mount -t tmpfs none "$2/run"
mount -t tmpfs none "$2/var/log"
exec chroot "$2" "$3" -c "$code"
"""


class CannotAsk(Exception):  # the reason a test is skipped
    """libpam cannot be asked here."""


@dataclass(frozen=True)
class Case:
    """Files by path, the service, and which calls to make on a fresh handle each time."""

    files: dict[str, bytes]
    service: str
    sequences: tuple[tuple[str, ...], ...]
    user: str = "nobody"

    def to_json(self) -> str:
        """Encode for the child; bytes as latin-1."""
        files = {path: data.decode("latin-1") for path, data in self.files.items()}
        asked = {"service": self.service, "user": self.user, "sequences": self.sequences}
        return json.dumps({"files": files, **asked})


@dataclass(frozen=True)
class Answer:
    """pam_start's code, then the code and the messages of each call."""

    start: int
    answers: tuple[tuple[int, tuple[str, ...]], ...]


ASKING = ThreadPoolExecutor(max_workers=1)
CRASHED = Answer(-1, ())
HUNG = Answer(-2, ())


def dialect_of(root: str) -> Dialect:
    """Tell by dpkg's records (or the library's strings) which libpam a root has."""
    status = Path(root, "var/lib/dpkg/status")
    if status.is_file():
        records = status.read_text("utf-8", "replace")
        found = re.search(r"(?ms)^Package: libpam0(?:g|t64)$.*?^Version: (\S+)", records)
        if found:
            return Dialect.of(found.group(1).rpartition("-")[0], debian=True)
    command = ["chroot", root, "rpm", "-q", "--qf", "%{VERSION}", "pam-libs"]
    found_rpm = subprocess.run(command, capture_output=True, check=False, text=True)
    if found_rpm.returncode == 0:
        return Dialect.of(found_rpm.stdout, debian=False)
    msg = f"cannot ask libpam: which one is in {root} is unknown"
    raise CannotAsk(msg)


def _command(root: str) -> list[str]:
    python = sys.executable if root == "/" else "/usr/bin/python3"
    setup = ["unshare", "-m", "sh", "-c", SETUP, "sh", str(CHILD), root.rstrip("/"), python]
    if root == "/":
        setup[-2] = "/."
    return setup


def check(root: str) -> None:
    """Raise CannotAsk with the reason, unless libpam can be asked."""
    if os.geteuid() != 0:
        msg = "cannot ask libpam: not root"
        raise CannotAsk(msg)
    case = Case(
        {"/etc/pam.d/svc": b"auth required pam_debug.so auth=maxtries\n"},
        "svc",
        (("authenticate",),),
    )
    try:
        answer = ask(root, [case])[0]
    except (OSError, subprocess.SubprocessError) as error:
        msg = f"cannot ask libpam: {error}"
        raise CannotAsk(msg) from error
    expected = [Answer(0, ((11, ("auth=maxtries",)),))]
    if answer != expected:
        msg = f"cannot ask libpam: {root} answered {answer} to a rule with pam_debug"
        raise CannotAsk(msg)


def ask(root: str, cases: list[Case], *, processor_seconds: int = 600) -> list[list[Answer]]:
    """Ask about every case; a case that libpam does not survive is [CRASHED] or [HUNG].

    libpam hangs in a loop that never waits. So the limit is one of processor time, which other
    processes of the machine cannot use up.
    """
    answers: list[list[Answer]] = []
    while len(answers) < len(cases):
        given, end = _ask_once(root, cases[len(answers) :], processor_seconds)
        answers += given
        if len(answers) < len(cases):
            answers.append([end])
    return answers


def begin_to_ask(root: str, cases: list[Case]) -> Future[list[list[Answer]]]:
    """Ask while we predict: libpam and we take about as long, and are two processes."""
    return ASKING.submit(ask, root, cases)


def _ask_once(
    root: str, cases: list[Case], processor_seconds: int
) -> tuple[list[list[Answer]], Answer]:
    """Run one child until it is done or dies."""
    limited = ["prlimit", f"--cpu={processor_seconds}:{processor_seconds + 1}", *_command(root)]
    lines = "".join(case.to_json() + "\n" for case in cases)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        with tempfile.TemporaryFile("w+") as questions:
            questions.write(lines)
            questions.seek(0)
            done = subprocess.run(
                limited, stdin=questions, stdout=output, stderr=errors, check=False
            )
            end = HUNG if done.returncode in {-signal.SIGXCPU, -signal.SIGKILL} else CRASHED
        output.seek(0)
        given = [_decode(line) for line in output]
        errors.seek(0)
        trouble = errors.read()
    if not given and trouble:
        raise subprocess.SubprocessError(trouble.strip().splitlines()[-1])
    return given, end


def _decode(line: str) -> list[Answer]:
    return [
        Answer(item["start"], tuple((code, tuple(texts)) for code, texts in item["answers"]))
        for item in json.loads(line)
    ]
