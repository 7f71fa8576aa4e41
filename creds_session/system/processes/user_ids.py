"""Look up user ids: the account of this process, and whether an id is a real user here."""

from __future__ import annotations

import os

from creds_session.records import NamedTuple

RUNTIME_DIRECTORIES = "/run/user"  # logind makes one for each user (pam_systemd(8))
OVERFLOW = 65534  # the kernel's default overflow id (proc_sys_kernel(5))
ALL = 4294967295  # how many ids the map of the first user name space has (user_namespaces(7))


class Account(NamedTuple):
    """The entry of a user id in the passwd database; all fields are empty if there is none.

    A container may run a program with any user id (``docker run --user 12345``).
    """

    name: str = ""
    home: str = ""
    shell: str = ""


def own_account() -> Account:
    """Return the account of the user who runs this process."""
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return Account()
    return Account(entry.pw_name, entry.pw_dir, entry.pw_shell)


def own_name() -> str:
    """Return the name of the user who runs this process, or the user id if it has no name."""
    return own_account().name or str(os.getuid())


def usual_runtime_directory(uid: int) -> str:
    """Return the path of the runtime directory that logind makes for a user."""
    return f"{RUNTIME_DIRECTORIES}/{uid}"


def stands_for_strangers(uid: int) -> bool:
    """Return whether the kernel shows this id for all users without an id in this name space.

    Two such users look like the same user, and so does this process if no map was written
    (user_namespaces(7)). In the initial name space the id belongs to one user, usually nobody.
    """
    return uid == _overflow() and not _has_all()


def _overflow() -> int:
    try:
        with open("/proc/sys/kernel/overflowuid") as file:
            return int(file.read())
    except (OSError, ValueError):
        return OVERFLOW


def _has_all() -> bool:
    """Return whether every user id has its own number here: the map is the initial one."""
    try:
        with open("/proc/self/uid_map") as file:
            first, outside, count = map(int, file.read().split())
    except (OSError, ValueError):
        return False
    return (first, outside, count) == (0, 0, ALL)
