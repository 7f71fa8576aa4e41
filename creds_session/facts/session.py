"""Define the facts that unlocking needs: session bus, daemons, keyring, the person.

They stand apart from the other facts, because unlocking at each login does not need those.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from creds_session.facts.collection_state import CollectionState, KeyringForm
from creds_session.records import NamedTuple

DAEMON_NAME = "gnome-keyring-daemon"
LOGIN_TIMEOUT = 120  # seconds a --login daemon waits, gkd-main.c:LOGIN_TIMEOUT
REFUSED = "creds-session/refused"  # in the runtime directory: `creds unlock` was refused
LOCKED_BY_US = "creds-session/locked"  # likewise: `creds lock` was run, and no `creds unlock` since
MAX_PASSWORD = 8192  # bytes; the daemon reads no further (gkd-main.c:read_login_password)


class DaemonRole(enum.Enum):
    """The program that started a gnome-keyring-daemon, as its arguments show."""

    LOGIN = "login"
    """``--login``: by pam_gnome_keyring, with the password, waiting to be initialised."""
    UNIT = "unit"
    """``--foreground --control-directory``: by systemd, for its socket."""
    ACTIVATED = "activated"
    """``--start``: by D-Bus; it serves, or asks another daemon to serve and then only watches."""
    BY_HAND = "by-hand"
    """``--unlock`` or anything else: by a person or a script."""


def daemon_role(arguments: Sequence[str]) -> DaemonRole:
    """Return the role of a gnome-keyring-daemon, by its arguments."""
    words = set(arguments)
    if words & {"--login", "-l"}:
        return DaemonRole.LOGIN
    if words & {"--start", "-s"}:
        return DaemonRole.ACTIVATED
    has_directory = any(word.startswith(("--control-directory", "-C")) for word in arguments)
    if words & {"--foreground", "-f"} and has_directory and "--unlock" not in words:
        return DaemonRole.UNIT
    return DaemonRole.BY_HAND


class Daemon(NamedTuple):
    """One gnome-keyring-daemon that is running; ``started`` is in seconds since 1970.

    ``executable`` is /proc/PID/exe, or None if the kernel hides it (because of file capabilities).
    ``state`` is the kernel's letter, as in proc_pid_stat(5).
    """

    pid: int
    parent: int
    parent_name: str
    uid: int
    executable: str | None
    arguments: tuple[str, ...]
    started: float
    role: DaemonRole
    state: str = ""


def serving(owner: NameOwner | None, daemons: Sequence[Daemon]) -> tuple[Daemon, ...]:
    """Return the daemons that serve or may serve; one that D-Bus started often only watches."""
    pid = owner.pid if owner else 0
    return tuple(
        daemon for daemon in daemons if daemon.role is not DaemonRole.ACTIVATED or daemon.pid == pid
    )


def is_daemon_name(program: str) -> bool:
    """Return whether a program is gnome-keyring-daemon; the kernel cuts names after 15 bytes."""
    return DAEMON_NAME.startswith(program) and len(program) >= len("gnome-keyring-d")


class NameOwner(NamedTuple):
    """The process that owns org.freedesktop.secrets, as the bus names it.

    ``unique_name`` is the name of its connection on the bus, which no other process ever gets.
    """

    pid: int
    uid: int
    name: str
    unique_name: str = ""

    @property
    def shown(self) -> str:
        """Return name and pid for a person.

        A process of another container has no name here; its pid is 0 or another process's.
        """
        name = self.name or "a program that cannot be seen from here, as in another container"
        return f"{name} (pid {self.pid})"

    @property
    def is_gnome_keyring(self) -> bool:
        """Return whether it is a gnome-keyring-daemon."""
        return is_daemon_name(self.name)


class BusProblem(enum.Enum):
    """Why the session bus gave no answer, if that matters to a decision."""

    NOT_LOOKED_AT = "there was no time to look for a session bus"
    NOBODY_LISTENS = "the socket exists, and no process listens on it (ECONNREFUSED, connect(2))"


class BusFacts(NamedTuple):
    """The session bus and what is on it; ``reason`` says in words why it gave no answer.

    ``problem`` is that reason for programs, None for a reason that decides nothing.

    If the bus answered and the owner of the name did not, there are an owner and a reason.

    ``login`` and ``default`` are the collections with these aliases, often one and the same.
    ``elsewhere`` is the address of another bus of this user that answers, looked for only if the
    session's own does not.
    ``keeps_default_password``: the default keyring is another than the login keyring and is locked,
    and the unlocked login keyring has an item with a password for it, which gnome-keyring tries.
    """

    address: str | None = None
    reason: str = ""
    owner: NameOwner | None = None
    activatable: bool = False
    login: CollectionState | None = None
    default: CollectionState | None = None
    default_path: str = ""
    is_idle: bool = False
    elsewhere: str = ""
    keeps_default_password: bool = False
    problem: BusProblem | None = None

    @property
    def is_unknown(self) -> bool:
        """Return whether there was no time to look for a session bus."""
        return self.problem is BusProblem.NOT_LOOKED_AT

    @property
    def answers(self) -> bool:
        """Return whether the bus answered."""
        return self.address is not None and not self.reason


class ControlHolder(NamedTuple):
    """A keyring daemon that holds the control socket, and serves nothing on this session bus.

    ``address`` is the session bus that the daemon was started with, empty if that cannot be seen.
    ``bus_listens``: whether a process still listens there, None if that cannot be seen.
    """

    pid: int
    address: str = ""
    bus_listens: bool | None = None


class KeyringFacts(NamedTuple):
    """The files of the login keyring and the default keyring, and the control socket.

    ``exists`` is None if it cannot be seen. ``login_waits``: PAM's daemon holds the password of a
    first login, and makes the keyring when it is initialised. ``is_elsewhere``: the socket is not
    in the runtime directory, the only place in which a daemon that D-Bus starts looks for it.
    ``control_pid`` is the process that bound the socket, if it was connected to: a daemon, or
    systemd.
    ``form`` is what the login keyring's file is. ``default_name`` is the name that the file
    ``default`` beside it has, None if there is no such file, and ``default_form`` what that
    keyring's file is. ``is_activated``: the program that D-Bus starts for who asks is
    gnome-keyring-daemon, looked at only if the keyring that programs read has no password.
    ``holder`` is the daemon at the control socket if it keeps programs of this bus waiting.
    """

    path: str
    exists: bool | None
    control: str | None = None
    control_listens: bool = False
    login_waits: bool = False
    is_elsewhere: bool = False
    control_pid: int | None = None
    form: KeyringForm = KeyringForm.UNKNOWN
    default_name: str | None = None
    default_form: KeyringForm = KeyringForm.UNKNOWN
    is_activated: bool = False
    holder: ControlHolder | None = None


class SessionFacts(NamedTuple):
    """The user of this session, and how the session was begun.

    ``login_method`` is sshd's own word (``password``, ``publickey``, ``keyboard-interactive/pam``),
    or None if it cannot be seen. ``service`` is PAM's, as logind knows it. ``ssh_port`` is the
    client's, by which logins can be distinguished in sshd's log.
    """

    user: str
    uid: int
    by_ssh: bool = False
    login_method: str | None = None
    runtime_directory: str | None = None
    service: str = ""
    sudo_user: str = ""
    ssh_port: str = ""
