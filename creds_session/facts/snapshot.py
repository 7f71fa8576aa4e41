"""Define the facts about a machine and a session, as frozen values.

``probe`` fills them, ``checks`` and ``unlock`` judge them; nothing here reads the machine. If
something is absent or was denied, the fact is a reason in words, never an exception.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Mapping
from types import MappingProxyType

from creds_session.facts.login_log import LoginLog, LogLine, explain_log
from creds_session.facts.machine import (
    Activation,
    ClientFacts,
    ControlFacts,
    HomeFacts,
    InitFacts,
    ProcessFacts,
    RuntimeFacts,
    UnitsFacts,
)
from creds_session.facts.session import BusFacts, Daemon, KeyringFacts, SessionFacts
from creds_session.facts.session_state import judge
from creds_session.facts.sshd import NOT_ASKED, SshdFacts
from creds_session.pam.syntax.kinds import Dialect
from creds_session.records import NamedTuple


class InstallationFacts(NamedTuple):
    """The paths of the programs and modules that are needed; None if one is not installed."""

    daemon: str | None = None
    pam_module: str | None = None
    sshd: str | None = None
    os_release: str = ""


class VendorFile(NamedTuple):
    """A vendor's newer file, which libpam does not use because ``path`` has our lines.

    ``lacks`` are the rules of the vendor's file that ``path`` does not have, and ``extra`` are the
    rules of ``path`` that the vendor's file does not have; our own rules do not count.
    """

    path: str
    vendor_path: str
    lacks: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


class PamFacts(NamedTuple):
    """The texts of the PAM service files by path; a path that does not exist is not a key.

    ``directories`` are those that the installed libpam names, or None if it is not known.
    ``vendor_files`` are None if this user may not read what creds-setup-pam has changed.
    """

    service: str = "sshd"
    files: Mapping[str, bytes] = MappingProxyType({})
    dialect: Dialect = Dialect.DEBIAN_1_7
    reason: str = ""
    directories: tuple[str, ...] | None = None
    vendor_files: tuple[VendorFile, ...] | None = ()


class FirstLoginFacts(NamedTuple):
    """Whether systemd's user socket of gnome-keyring would make a first login fail."""

    socket_unit: str | None = None
    masked: bool = False
    conditional: bool = False
    serves_new: bool = False

    @property
    def breaks_first_login(self) -> bool:
        """Return whether a keyring that is created through the socket would not be served.

        ``serves_new``: this version of the daemon serves it (gnome-keyring 51 does).
        """
        is_on = self.socket_unit is not None and not self.masked
        return is_on and not self.conditional and not self.serves_new


class Reader(enum.Enum):
    """The person who reads the findings, and who could run a command that is shown."""

    USER = "the user of the session"
    ROOT = "root, who looks at another user's session"
    ELSEWHERE = "somebody who has only the saved facts"


@functools.lru_cache(maxsize=4)
def _explained(log: tuple[LogLine, ...], user: str, port: str, service: str) -> LoginLog:
    """Explain a log once, however many checks and reports ask for it."""
    return explain_log(log, user, port=port, service=service)


class Facts(NamedTuple):
    """One snapshot of a machine and a session; ``now`` is in seconds since 1970.

    ``late`` names the reads that gave no result within their time. ``hung`` names the places that
    gave no answer and that a slow machine alone does not explain.
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
    hung: tuple[str, ...] = ()
    reader: Reader = Reader.USER

    @property
    def login_log(self) -> LoginLog:
        """The log of the login that began this session, as far as it can be seen."""
        session = self.session
        return _explained(self.log, session.user, session.ssh_port, session.service)

    @property
    def is_readable(self) -> bool:
        """Return whether a program can read a secret now, as every command says it.

        Programs read the default keyring. A keyring that every program can unlock without a
        question counts as readable.
        """
        return judge(self.bus, self.keyring).is_readable
