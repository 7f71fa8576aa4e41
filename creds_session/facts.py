"""What a machine and a session look like, as frozen values.

``probe`` fills them, ``checks`` and ``unlock`` judge them; nothing here reads anything.
What is absent or was denied is a reason in words, never an exception.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from creds_session.pam.terms import Dialect
from creds_session.sshd import NOT_ASKED, SshdFacts
from creds_session.story import LogLine
from creds_session.surroundings import (
    Activation,
    ClientFacts,
    ControlFacts,
    HomeFacts,
    InitFacts,
    ProcessFacts,
    RuntimeFacts,
    UnitsFacts,
)

DAEMON_NAME = "gnome-keyring-daemon"
LOGIN_TIMEOUT = 120  # seconds a --login daemon waits, gkd-main.c:LOGIN_TIMEOUT


class CollectionState(enum.Enum):
    """What became of a collection of the Secret Service."""

    UNLOCKED = "unlocked"
    LOCKED = "locked"
    ABSENT = "absent"
    GHOST = "ghost"


def collection_name(path: str) -> str:
    """Return what tells a collection from others: the last part of its path."""
    return path.rpartition("/")[2]


class DaemonRole(enum.Enum):
    """Who started a gnome-keyring-daemon, told by its arguments."""

    LOGIN = "login"
    """``--login``: by pam_gnome_keyring, with the password, waiting to be initialised."""
    UNIT = "unit"
    """``--foreground --control-directory``: by systemd, for its socket."""
    ACTIVATED = "activated"
    """``--start``: by D-Bus; it serves, or tells another daemon to and then only watches."""
    BY_HAND = "by-hand"
    """``--unlock`` or anything else: by a person or a script."""


def daemon_role(arguments: Sequence[str]) -> DaemonRole:
    """Return the role that the arguments of a gnome-keyring-daemon tell."""
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
    """One gnome-keyring-daemon that runs; ``started`` is in seconds since 1970.

    ``executable`` is /proc/PID/exe, or None where the kernel hides it (file capabilities do that).
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
    """Return the daemons that serve, or may come to: one that D-Bus started often only watches."""
    pid = owner.pid if owner else 0
    return tuple(one for one in daemons if one.role is not DaemonRole.ACTIVATED or one.pid == pid)


class NameOwner(NamedTuple):
    """The process that owns org.freedesktop.secrets, as the bus names it.

    ``unique_name`` is its connection's own name on the bus, which no other process ever gets.
    """

    pid: int
    uid: int
    name: str
    unique_name: str = ""

    @property
    def is_gnome_keyring(self) -> bool:
        """Tell whether it is a gnome-keyring-daemon; the kernel cuts its name at 15 bytes."""
        return DAEMON_NAME.startswith(self.name) and len(self.name) >= len("gnome-keyring-d")


class BusFacts(NamedTuple):
    """The session bus and what is on it; ``reason`` says why there is nothing to say.

    Where the bus answered and the owner of the name did not, there is an owner and a reason.

    ``login`` and ``default`` are the collections with these aliases, often one and the same.
    """

    address: str | None = None
    reason: str = ""
    owner: NameOwner | None = None
    activatable: bool = False
    login: CollectionState | None = None
    default: CollectionState | None = None
    default_path: str = ""
    is_idle: bool = False

    @property
    def answers(self) -> bool:
        """Tell whether the bus was spoken to."""
        return self.address is not None and not self.reason


class KeyringFacts(NamedTuple):
    """The login keyring's file, and the control socket where a daemon listens.

    ``exists`` is None where it cannot be seen. ``login_waits``: PAM's daemon holds the password
    of a first login, and makes the keyring of it when it is initialised. ``is_elsewhere``: the
    socket is not in the runtime directory, the only place where one that D-Bus starts looks.
    """

    path: str
    exists: bool | None
    control: str | None = None
    control_listens: bool = False
    login_waits: bool = False
    is_elsewhere: bool = False


class SessionFacts(NamedTuple):
    """Whose session this is and how it came about.

    ``login_method`` is sshd's own word (``password``, ``publickey``, ``keyboard-interactive/pam``),
    or None where nothing tells it. ``service`` is PAM's, as logind knows it.
    """

    user: str
    uid: int
    by_ssh: bool = False
    login_method: str | None = None
    runtime_directory: str | None = None
    service: str = ""
    sudo_user: str = ""


class InstallationFacts(NamedTuple):
    """Which of the programs and modules that are needed lie on the disk."""

    daemon: str | None = None
    pam_module: str | None = None
    sshd: str | None = None
    os_release: str = ""


class PamFacts(NamedTuple):
    """The texts of the PAM service files; a path that is not there is not a key."""

    service: str = "sshd"
    files: Mapping[str, bytes] = MappingProxyType({})
    dialect: Dialect = Dialect.DEBIAN_1_7
    reason: str = ""


class FirstLoginFacts(NamedTuple):
    """Whether systemd's user socket of gnome-keyring would make a first login fail."""

    socket_unit: str | None = None
    masked: bool = False
    conditional: bool = False

    @property
    def breaks_first_login(self) -> bool:
        """Tell whether a keyring created through the socket would not be served."""
        return self.socket_unit is not None and not self.masked and not self.conditional


class Facts(NamedTuple):
    """One snapshot of a machine and a session; ``now`` is in seconds since 1970.

    ``late`` names the reads that gave nothing within their time.
    """

    now: float
    session: SessionFacts
    bus: BusFacts
    keyring: KeyringFacts
    daemons: tuple[Daemon, ...] = ()
    installation: InstallationFacts = InstallationFacts()
    pam: PamFacts = PamFacts()
    first_login: FirstLoginFacts = FirstLoginFacts()
    sshd: SshdFacts = NOT_ASKED
    home: HomeFacts = HomeFacts()
    runtime: RuntimeFacts = RuntimeFacts()
    units: UnitsFacts = UnitsFacts()
    processes: ProcessFacts = ProcessFacts()
    control: ControlFacts = ControlFacts()
    activations: tuple[Activation, ...] | None = None
    init: InitFacts = InitFacts()
    client: ClientFacts = ClientFacts()
    log: tuple[LogLine, ...] = ()
    late: tuple[str, ...] = ()

    @property
    def is_readable(self) -> bool:
        """Tell whether a program can read a secret now, as the owner of the name itself says.

        Programs read the default keyring; gnome-keyring's login one must be open besides, for it
        is the one that a login opens.
        """
        bus = self.bus
        if not bus.answers or bus.owner is None:
            return False
        if bus.owner.is_gnome_keyring:
            is_open = bus.login is CollectionState.UNLOCKED
            return is_open and bus.default in {None, CollectionState.UNLOCKED}
        return bus.default is CollectionState.UNLOCKED
