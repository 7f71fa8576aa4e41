"""Define the facts around a session: directories, files, units, processes, clients.

``snapshot`` puts them together. A value that could not be read is None or a reason in words.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from creds_session.facts.collection_state import KeyringForm
from creds_session.facts.session import ControlHolder
from creds_session.records import NamedTuple


class PathKind(enum.Enum):
    """What is at a path."""

    FILE = "file"
    FOLDER = "directory"
    SOCKET = "socket"
    OTHER = "other"
    DANGLING = "dangling link"
    ABSENT = "absent"
    DENIED = "denied"
    UNKNOWN = "unknown"


class PathFacts(NamedTuple):
    """What is at a path, and what this user may do with it.

    If the path is a link, ``is_link`` says so, and the kind, owner, mode and rights are those of
    its target. ``links`` describes each link on the way, the path itself included, in words.
    ``redirection`` says in words which part of the path is a link, or can be changed by somebody
    other than root. It is empty only if root alone decides what lies there: on any other path, a
    command that root runs may reach any other file.
    """

    path: str = ""
    kind: PathKind = PathKind.UNKNOWN
    uid: int = -1
    mode: int = 0
    is_readable: bool = True
    is_writable: bool = True
    is_link: bool = False
    links: tuple[str, ...] = ()
    redirection: str = "nobody looked at the directories on the way to it"

    @property
    def is_open_to_others(self) -> bool:
        """Return whether anybody except its owner may do anything with it."""
        return bool(self.mode & 0o077)


class HomeFacts(NamedTuple):
    """The home, the directory of the keyrings and what is in it.

    ``data`` is the directory that contains the directory of the keyrings, usually ~/.local/share,
    and ``above_data`` is the one that contains ``data``.
    ``file_system`` is the type of the home's file system, as mount(8) names it, and its ``sec=``
    option, as in ``nfs4 sec=krb5p``.
    ``default`` is the name that the file ``default`` has. ``forms`` is what each keyring's file
    is, by its name without ``.keyring``; ``bad_lines`` is the first line of an unencrypted keyring
    that gnome-keyring cannot read, by the same name. ``free_bytes`` and ``free_files`` are what is
    left to this user on the directory's file system, None if it keeps no count.
    """

    home: PathFacts = PathFacts()
    home_of_account: str = ""
    data: PathFacts = PathFacts()
    folder: PathFacts = PathFacts()
    login: PathFacts = PathFacts()
    form: KeyringForm = KeyringForm.UNKNOWN
    keyrings: tuple[str, ...] = ()
    default: str | None = None
    forms: Mapping[str, KeyringForm] = MappingProxyType({})
    bad_lines: Mapping[str, int] = MappingProxyType({})
    free_bytes: int | None = None
    free_files: int | None = None
    is_read_only: bool = False
    file_system: str = ""
    above_data: PathFacts = PathFacts()


class RuntimeFacts(NamedTuple):
    """The runtime directory that is named, and the one that logind makes; the bus's socket."""

    named: PathFacts | None = None
    usual: PathFacts = PathFacts()
    bus_socket: PathFacts | None = None
    lingers: bool = False


class UnitFacts(NamedTuple):
    """What systemd says about a unit; all fields are empty if it was not asked."""

    load: str = ""
    active: str = ""
    sub: str = ""
    result: str = ""
    main_pid: int = 0

    @property
    def is_known(self) -> bool:
        """Return whether systemd answered."""
        return bool(self.load)

    @property
    def is_masked(self) -> bool:
        """Return whether the unit can never start."""
        return self.load == "masked"


class UnitsFacts(NamedTuple):
    """The user manager, and what it says about the units of gnome-keyring.

    ``bus`` is the socket unit of the session bus. It is asked for only if that bus does not answer.
    """

    manager: UnitFacts = UnitFacts()
    socket: UnitFacts = UnitFacts()
    service: UnitFacts = UnitFacts()
    reason: str = ""
    bus: UnitFacts = UnitFacts()


class OtherProcess(NamedTuple):
    """Another process that matters to the keyring daemons; ``state`` is as in proc(5)."""

    pid: int
    uid: int
    name: str
    state: str = ""
    executable: str | None = None


class ProcessFacts(NamedTuple):
    """Processes other than the running keyring daemons of this user."""

    zombies: tuple[OtherProcess, ...] = ()
    impostors: tuple[OtherProcess, ...] = ()
    strangers: tuple[OtherProcess, ...] = ()
    buses: tuple[OtherProcess, ...] = ()
    prompters: tuple[OtherProcess, ...] = ()


class ControlFacts(NamedTuple):
    """The control socket in the runtime directory: how many processes listen, and which answers.

    ``pid`` is None if no process was asked, because a connection could have started a daemon.
    ``owner_listens`` says whether anybody listens in the directory that the owner of the name
    calls its own, None if that was not looked at. ``holder`` is the daemon that listens, if no
    program serves secrets on this session bus although that daemon must serve by now.
    """

    path: str = ""
    listeners: int = 0
    pid: int | None = None
    directory_of_owner: str | None = None
    owner_listens: bool | None = None
    holder: ControlHolder | None = None


class Activation(NamedTuple):
    """A file by which a bus starts a provider of secrets."""

    path: str
    command: str
    is_there: bool


INITS = frozenset(
    ("systemd", "init", "runit", "openrc-init", "s6-svscan", "dinit", "shepherd", "upstart")
)
"""What process 1 is called on a machine that people log in to; a container runs something else."""
UNCONFINED = frozenset({"unconfined_u", "system_u"})


class PolicyRefusal(NamedTuple):
    """Permissions that SELinux's policy does not give to a domain, for objects of a type and class.

    ``source`` and ``target`` are types, such as ``sshd_t``.
    """

    source: str
    target: str
    object_class: str
    permissions: tuple[str, ...]

    @property
    def rule(self) -> str:
        """The rule that would give them, in SELinux's Common Intermediate Language (secilc(8))."""
        permissions = " ".join(self.permissions)
        return f"(allow {self.source} {self.target} ({self.object_class} ({permissions})))"


class InitFacts(NamedTuple):
    """The kind of this machine: its init, what it hides, which capabilities it takes away.

    ``selinux`` is ``enforcing``, ``permissive`` or nothing, and ``selinux_context`` that of this
    session's processes. ``selinux_refuses`` is what the policy refuses of what a login by ssh has
    to do, None if the policy could not be asked or if SELinux is not enforcing.
    """

    init: str = ""
    is_wsl: bool = False
    hides_processes: bool = False
    lacks_capability: str = ""
    keyring_version: str = ""
    selinux: str = ""
    selinux_context: str = ""
    selinux_refuses: tuple[PolicyRefusal, ...] | None = None

    @property
    def has_logins(self) -> bool:
        """Whether people may log in here, judged by process 1."""
        return not self.init or self.init in INITS

    @property
    def is_confined(self) -> bool:
        """Whether SELinux confines this user, who is then staff_u, user_u or the like."""
        user = self.selinux_context.partition(":")[0]
        return self.selinux == "enforcing" and user.endswith("_u") and user not in UNCONFINED


class ClientFacts(NamedTuple):
    """The settings that decide where programs of this shell look for secrets.

    ``starts_daemon`` names the lines of start-up files, as FILE:LINE, that name the keyring daemon;
    the text of such a line is not kept, because it may contain a password. ``has_ssh_keys`` says
    whether a login by SSH key is set up in the home, None if that cannot be seen. ``was_refused``:
    ``creds unlock`` was refused in this session, and has not succeeded since. ``was_locked``:
    ``creds lock`` was run in this session, and ``creds unlock`` has not succeeded since.
    """

    variables: Mapping[str, str] = MappingProxyType({})
    backend_file: str = ""
    configured_backend: str = ""
    has_secretstorage: bool = True
    hooks: tuple[str, ...] = ()
    hook_is_off: str = ""
    ssh_socket: PathFacts | None = None
    sandbox: str = ""
    starts_daemon: tuple[str, ...] = ()
    has_ssh_keys: bool | None = None
    was_refused: bool = False
    was_locked: bool = False
