"""User ids: whose they are in this user name space, and the account of our own."""

from __future__ import annotations

import functools
import os
import pwd
from contextlib import suppress
from typing import NamedTuple

RUNTIME_DIRECTORIES = "/run/user"  # logind makes one for each user (pam_systemd(8))
OVERFLOW = 65534  # what the kernel uses unless it is told another (proc_sys_kernel(5))
ALL = 4294967295  # how many ids the map of the first user name space has (user_namespaces(7))


class Account(NamedTuple):
    """What the passwd database says of a user id; all empty if it has no entry.

    A container may run a program with any user id (``docker run --user 12345``).
    """

    name: str = ""
    home: str = ""
    shell: str = ""


def own_account() -> Account:
    """Return the account of the user who runs this."""
    with suppress(KeyError):
        entry = pwd.getpwuid(os.getuid())
        return Account(entry.pw_name, entry.pw_dir, entry.pw_shell)
    return Account()


def own_name() -> str:
    """Return the name of the user who runs this, or the user id in digits if it has no name."""
    return own_account().name or str(os.getuid())


def usual_runtime_directory(uid: int) -> str:
    """Return the path of the runtime directory that logind makes for a user."""
    return f"{RUNTIME_DIRECTORIES}/{uid}"


@functools.lru_cache(maxsize=8)
def stands_for_strangers(uid: int) -> bool:
    """Return whether the kernel shows this id for every user that has none in this name space.

    Two such users, and we ourselves if no map was written, look like one (user_namespaces(7)). In
    the first name space it is one user's own id, as a rule that of nobody.
    """
    return uid == _overflow() and not _has_all()


def _overflow() -> int:
    with suppress(OSError, ValueError), open("/proc/sys/kernel/overflowuid") as told:
        return int(told.read())
    return OVERFLOW


def _has_all() -> bool:
    """Return whether every user id has an own number here: the map is the one of the kernel's."""
    with suppress(OSError, ValueError), open("/proc/self/uid_map") as told:
        first, outside, count = map(int, told.read().split())
        return (first, outside, count) == (0, 0, ALL)
    return False
