"""Run a program under strace(1), and read what it asked of the kernel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

import creds_session

CHECKOUT = Path(creds_session.__file__).parents[1]
LINE = re.compile(r"(?:\d+ +)?(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\w+)")
# A path is quoted; before it may stand the folder that it is relative to, as `5</folder>`.
PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)(?:<(?P<folder>[^>]*)>)?, )?"(?P<path>(?:[^"\\]|\\.)*)"')
DESCRIPTOR = re.compile(r"\d+<(?P<path>[^>]*)>")
OPENS = frozenset({"open", "openat", "openat2", "creat"})
TAKES_PATHS = OPENS | {
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "truncate"),
    *("chmod", "fchmodat", "chown", "lchown", "fchownat", "setxattr", "lsetxattr", "utimensat"),
}
LOOKS = frozenset(
    {
        *("stat", "lstat", "newfstatat", "statx", "readlink", "readlinkat", "access", "faccessat"),
        *("faccessat2", "getxattr", "lgetxattr", "listxattr", "llistxattr", "statfs", "chdir"),
        *("inotify_add_watch", "execve", "mount"),
    }
)
TAKES_DESCRIPTOR = frozenset(
    {"write", "pwrite64", "fsync", "fdatasync", "ftruncate", "fchmod", "fchown", "fsetxattr"}
)
STARTS = frozenset({"execve", "execveat", "fork", "vfork", "clone", "clone3"})
SPEAKS = frozenset({"connect", "sendto", "sendmsg"})


class Call(NamedTuple):
    """One system call that succeeded, or that starts a program or opens a connection."""

    name: str
    paths: tuple[str, ...]
    arguments: str

    @property
    def names(self) -> list[str]:
        """Return the paths as the kernel was given them: relative to a descriptor, or not."""
        return [found["path"] for found in PATH.finditer(self.arguments)]

    @property
    def changes_files(self) -> bool:
        """Return whether the call can change a file or a folder."""
        if self.name in OPENS:
            words = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE")
            return self.name == "creat" or any(word in self.arguments for word in words)
        return self.name in TAKES_PATHS | {"fchmod", "fchown", "fsetxattr", "ftruncate"}

    @property
    def starts_a_program(self) -> bool:
        """Return whether the call makes another process, or runs another program in this one."""
        is_thread = self.name in {"clone", "clone3"} and "CLONE_THREAD" in self.arguments
        return self.name in STARTS and not is_thread


def require_strace() -> None:
    """Skip the test if strace cannot be run here."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")


def setup_pam(*arguments: str) -> list[str]:
    """Return the argv that runs creds-setup-pam from the checkout."""
    return python(
        "from creds_session.cli.setup_pam.main import main; sys.argv[0] = 'creds-setup-pam'\n"
        "sys.exit(main())",
        *arguments,
    )


def python(code: str, *arguments: str) -> list[str]:
    """Return the argv that runs this code with the package of the checkout."""
    before = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r})\n"
    return [sys.executable, "-I", "-B", "-c", f"{before}{code}", *arguments]


def traced(
    argv: Sequence[str], place: Path, environment: Mapping[str, str] | None = None
) -> tuple[subprocess.CompletedProcess[str], list[Call]]:
    """Run a program to its end; return how it ended and its calls, its children's too.

    ``place`` is a file that gets the trace.
    """
    require_strace()
    names = ",".join(
        sorted(f"?{name}" for name in TAKES_PATHS | TAKES_DESCRIPTOR | STARTS | SPEAKS | LOOKS)
    )
    strace = ["strace", "-f", "-y", "-qq", "-s", "4096", "-o", str(place), "-e", f"trace={names}"]
    done = subprocess.run(
        [*strace, *argv],
        env={"PATH": os.defpath, "HOME": "/nonexistent", **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    calls = list(_calls(_whole_lines(place.read_text(errors="replace").splitlines())))
    assert calls, done
    return done, calls


def _whole_lines(lines: Iterable[str]) -> Iterator[str]:
    """Join what strace printed of a call in two parts because another thread came between."""
    begun: dict[str, str] = {}
    for line in lines:
        thread = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[thread] = line[: -len("<unfinished ...>")].rstrip()
        elif " resumed>" in line:
            yield begun.pop(thread, "") + line.partition(" resumed>")[2]
        else:
            yield line


def _calls(lines: Iterable[str]) -> Iterator[Call]:
    for line in lines:
        parts = LINE.match(line)
        if not parts:
            continue
        name, arguments = parts["name"], parts["arguments"]
        if parts["result"].startswith("-") and name not in STARTS | SPEAKS:
            continue
        paths: list[str] = []
        if name in TAKES_PATHS | LOOKS:
            paths = [_absolute(found) for found in PATH.finditer(arguments)]
        elif name in TAKES_DESCRIPTOR:
            paths = [found["path"] for found in DESCRIPTOR.finditer(arguments)][:1]
        yield Call(name, tuple(os.path.normpath(path) for path in paths), arguments)


def _absolute(found: re.Match[str]) -> str:
    return str(Path(found["folder"] or "", found["path"]))
