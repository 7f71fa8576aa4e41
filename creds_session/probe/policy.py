"""Ask the kernel what the SELinux policy allows a login to do, without trying it.

pam_gnome_keyring runs in sshd's domain. At the first login it executes the keyring daemon, and
later it connects to the daemon's socket. The kernel answers through selinuxfs, to every user whose
domain may ask, whether the loaded policy allows these accesses (security/selinux/selinuxfs.c:
sel_write_access, sel_write_create; libselinux, compute_av.c).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from creds_session.facts.machine import PolicyRefusal
from creds_session.probe.keyring_files import CONTROL
from creds_session.system.processes.proc import named_processes

LABEL = "security.selinux"  # xattr(7)
SSHD = ("sshd", "sshd-session")  # the names of its processes; OpenSSH 9.8 brought the second
IS_PERMISSIVE = 1  # SELINUX_AVD_FLAGS_PERMISSIVE, security/selinux/include/security.h
LARGEST = 4096  # bytes of an answer
START = ("execute", "getattr", "open", "read")


class _Kernel:
    """The kernel's selinuxfs, mounted at a path. Its methods raise OSError and ValueError."""

    def __init__(self, mount: str) -> None:
        self._mount = mount

    def missing(
        self, source: str, target: str, object_class: str, permissions: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Return which of these permissions a context does not have for another one."""
        answer = self._ask("access", f"{source} {target} {self._index(object_class)}")
        place = f"{self._mount}/class/{object_class}/perms"
        numbers = {name: int(_text(f"{place}/{name}")) for name in permissions}
        return missing(answer, numbers)

    def created(self, source: str, parent: str, object_class: str) -> str:
        """Return the context of what a process creates in a directory with this context."""
        return self._ask("create", f"{source} {parent} {self._index(object_class)}")

    def _index(self, object_class: str) -> int:
        return int(_text(f"{self._mount}/class/{object_class}/index"))

    def _ask(self, name: str, question: str) -> str:
        descriptor = os.open(f"{self._mount}/{name}", os.O_RDWR | os.O_CLOEXEC)
        try:
            os.write(descriptor, question.encode())
            return os.read(descriptor, LARGEST).decode().strip("\0 \n")
        finally:
            os.close(descriptor)


def missing(answer: str, numbers: Mapping[str, int]) -> tuple[str, ...]:
    """Return the permissions that an answer of selinuxfs does not allow. Raises ValueError.

    ``numbers`` are the numbers of the permissions, from 1. The fields of the answer are: allowed,
    decided, audited if allowed, audited if denied, the number of the policy, flags. All of them are
    hexadecimal, except the number of the policy. A permissive domain may do everything.
    """
    allowed, *_, flags = answer.split()
    if int(flags, 16) & IS_PERMISSIVE:
        return ()
    given = int(allowed, 16)
    return tuple(name for name, number in numbers.items() if not given >> (number - 1) & 1)


def probe_policy(
    mount: str, daemon: str | None, context: str, runtime: str
) -> tuple[PolicyRefusal, ...] | None:
    """Return the accesses of an ssh login that the policy refuses; None if that is unknown.

    ``context`` is the context of the session, and ``runtime`` is its runtime directory. If one of
    them is empty, the accesses that depend on it are not checked.
    """
    try:
        login, program = _context_of_sshd(), _label(os.path.realpath(daemon)) if daemon else ""
        if not login or not program:
            return None
        kernel = _Kernel(mount)
        refusals = []
        for question in _questions(kernel, login, program, context, runtime):
            source, target, object_class, permissions = question
            if refused := kernel.missing(source, target, object_class, permissions):
                types = (_type(source), _type(target))
                refusals.append(PolicyRefusal(*types, object_class, refused))
    except (OSError, ValueError, IndexError):
        return None
    return tuple(dict.fromkeys(refusals))


def _questions(
    kernel: _Kernel, login: str, program: str, context: str, runtime: str
) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Yield the accesses of a login: source context, target context, class and permissions.

    Before the first of them, pam_selinux has set the context of the next program to the session's.
    """
    yield login, program, "file", START
    if not context:
        return
    yield context, program, "file", ("entrypoint",)
    for directory, socket in _sockets(kernel, context, runtime):
        yield login, directory, "dir", ("search",)
        yield login, socket, "sock_file", ("getattr", "write")
    yield login, context, "unix_stream_socket", ("connectto",)


def _sockets(kernel: _Kernel, context: str, runtime: str) -> Iterator[tuple[str, str]]:
    """Yield the contexts of the daemon's directory and socket: if PAM makes them, and as they are.

    If systemd makes the socket, they have another type.
    """
    above = _label(runtime)
    if above:
        directory = kernel.created(context, above, "dir")
        yield directory, kernel.created(context, directory, "sock_file")
    directory, socket = _label(f"{runtime}/keyring"), _label(f"{runtime}/{CONTROL}")
    if directory and socket:
        yield directory, socket


def _context_of_sshd() -> str:
    """Return the context of root's sshd, or an empty string if it is not running or hidden."""
    for pid, _ in named_processes(SSHD):
        with suppress(OSError):
            is_roots = os.stat(f"/proc/{pid}").st_uid == 0
            context = _text(f"/proc/{pid}/attr/current").strip("\0 \n") if is_roots else ""
            if context:
                return context
    return ""


def _label(path: str) -> str:
    """Return the label of a file, or an empty string. Links are not followed."""
    try:
        return os.getxattr(path, LABEL, follow_symlinks=False).decode().strip("\0")
    except OSError:
        return ""


def _type(context: str) -> str:
    """Return the type in a context, which is user:role:type and often :level. Raises IndexError."""
    return context.split(":")[2]


def _text(path: str) -> str:
    return Path(path).read_text(errors="replace")
