"""Take the snapshot of a machine and a session: jobs that run side by side, with a time limit."""

from __future__ import annotations

import json
import os
import pwd
import time
from collections.abc import Callable, Mapping

from creds_session.errors import NoSuchFile
from creds_session.facts.bus_address import path_of_address
from creds_session.facts.login_log import LogLine, address_of, method_of
from creds_session.facts.machine import (
    ClientFacts,
    ControlFacts,
    HomeFacts,
    InitFacts,
    PolicyRefusal,
    RuntimeFacts,
    UnitsFacts,
)
from creds_session.facts.session import KeyringFacts, SessionFacts
from creds_session.facts.session_state import LOGIN
from creds_session.facts.snapshot import Facts, Reader
from creds_session.facts.sshd import NOT_ASKED, SshdFacts, connection_of
from creds_session.probe.activation import probe_activations
from creds_session.probe.client import probe_client
from creds_session.probe.control_socket import probe_control
from creds_session.probe.home import file_system, probe_home, probe_runtime
from creds_session.probe.host import ENFORCING, probe_init, refused_by_policy
from creds_session.probe.installation import (
    Packages,
    probe_dialect,
    probe_first_login,
    probe_installation,
)
from creds_session.probe.keyring import probe_keyring
from creds_session.probe.keyring_files import keyring_file
from creds_session.probe.live import BUS_TIMEOUT, Live, probe_live
from creds_session.probe.login import probe_session
from creds_session.probe.login_log import LINES, probe_log
from creds_session.probe.pam_files import probe_pam
from creds_session.probe.sshd import probe_sshd
from creds_session.probe.systemd import Systemd
from creds_session.system.bus.sockets import is_socket_of
from creds_session.system.files.root import Root
from creds_session.system.processes.disk_probe import Disk
from creds_session.system.processes.environment import environments
from creds_session.system.processes.jobs import TimedJobs
from creds_session.system.processes.user_ids import own_account, own_name, usual_runtime_directory

TIMEOUT = 2.5  # seconds for everything, so that creds-doctor answers within three
SU = frozenset({"su", "su-l", "sudo", "sudo-i", "runuser", "runuser-l", "cron", "crond"})


def probe(environ: Mapping[str, str], root: Root, timeout: float = TIMEOUT) -> Facts:
    """Take the snapshot of this session; connect only to processes that already run.

    ``timeout`` is in seconds. A job that fails, or that does not end in time, leaves its facts
    unknown and is named in ``late``.
    """
    jobs = TimedJobs(timeout)
    of_bus = BUS_TIMEOUT * timeout / TIMEOUT
    systemd = Systemd()
    units = jobs.start("units", systemd.units, UnitsFacts(reason="systemd was not asked in time"))
    no_lines: tuple[LogLine, ...] = ()
    log = jobs.start("log", lambda: probe_log(os.getuid(), systemd.login()), no_lines)
    nobody = SessionFacts("?", os.getuid())
    session = jobs.start("session", lambda: _session(environ, systemd, log), nobody)
    disk, run = Disk.pair(_on_disk(environ), _in_runtime(environ))
    live = jobs.start("bus", lambda: _live(environ, run, systemd, of_bus), Live())
    home = jobs.start("home", disk.only_then(lambda: probe_home(environ)), _unseen_home(environ))
    unseen = KeyringFacts("", None)
    keyring = jobs.start(
        "keyring",
        disk.only_then(run.only_then(lambda: probe_keyring(environ, connect=False))),
        unseen,
    )
    runtime = jobs.start("runtime", run.only_then(lambda: probe_runtime(environ)), RuntimeFacts())
    client = jobs.start("client", disk.only_then(lambda: probe_client(environ)), ClientFacts())
    activations = jobs.start(
        "activations", disk.only_then(lambda: probe_activations(environ)), None
    )
    # The system's own files are on its own disks, so these reads have no time limit.
    installation = probe_installation(root)
    sshd = _sshd(jobs, environ, root, installation.sshd)
    packages = Packages(root)
    init = probe_init(installation.daemon, packages)
    refused = _refused(jobs, run, init, installation.daemon, environ)
    first_login = probe_first_login(root, packages)
    seen = live()
    control = ControlFacts()
    if run.answers():
        control = probe_control(environ, seen.bus, seen.processes.daemons, units())
    pam = probe_pam(root, _service(sshd(), session()), probe_dialect(root, packages))
    return Facts(
        now=time.time(),
        session=session(),
        bus=seen.bus,
        keyring=keyring(),
        daemons=seen.processes.daemons,
        installation=installation,
        pam=pam,
        first_login=first_login,
        sshd=sshd(),
        home=home(),
        runtime=runtime(),
        units=units(),
        processes=seen.processes.others,
        control=control,
        activations=activations(),
        init=init._replace(selinux_refuses=refused()),
        client=client(),
        log=log(),
        late=tuple(jobs.failed),
        hung=tuple(name for name, place in (("home", disk), ("runtime", run)) if place.hangs),
    )


def _unseen_home(environ: Mapping[str, str]) -> HomeFacts:
    """Return the facts of the home that are known without access to it."""
    home = environ.get("HOME", "")
    return HomeFacts(file_system=file_system(home) if home else "")


def _on_disk(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return where this user's files are, perhaps on a server that does not answer."""
    home = environ.get("HOME") or own_account().home
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return keyring_file(environ, LOGIN), f"{config}/creds-session"


def _in_runtime(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return where this session's sockets are, by the variables of the environment."""
    bus = path_of_address(environ.get("DBUS_SESSION_BUS_ADDRESS", ""))
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    return runtime and f"{runtime}/keyring", bus


def probe_user(name: str, root: Root, timeout: float = TIMEOUT) -> Facts:
    """Take the snapshot of another user's session, as root, in a child that runs as that user.

    Root itself reads sshd's settings, PAM's files and the log. Raises NoSuchFile, NotPermitted or
    Unavailable.
    """
    from creds_session.facts.serialization import (  # the own session needs neither
        dumps,
        loads,
    )
    from creds_session.system.processes.as_user import as_user

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise NoSuchFile(f"there is no user {name!r}") from None

    def look() -> bytes:
        environ = _environment_of(entry)
        # The child has closed root's descriptors.
        facts = probe(environ, Root(root.directory), timeout)
        return f"{json.dumps(environ.get('SSH_CONNECTION', ''))}\n{dumps(facts)}".encode()

    answer = as_user(entry, look, timeout + 1)
    connection, _, snapshot = answer.decode().partition("\n")
    facts, connection = loads(snapshot), str(json.loads(connection))
    log = probe_log(entry.pw_uid)
    login = connection_of(name, connection, address_of(log, name))
    sshd = probe_sshd(root, facts.installation.sshd, login)
    port = facts.session.ssh_port
    method = facts.session.login_method or (method_of(log, name, port) if port else None)
    return facts._replace(
        session=facts.session._replace(login_method=method),
        sshd=sshd,
        log=log,
        pam=probe_pam(root, _service(sshd, facts.session)),
        reader=Reader.ROOT,
        init=_of_nobody(facts.init, facts.installation.daemon),
    )


def _of_nobody(init: InitFacts, daemon: str | None) -> InitFacts:
    """Drop the results for the SELinux context of root's child, which is not the user's."""
    init = init._replace(selinux_context="")
    return init._replace(selinux_refuses=refused_by_policy(init, daemon, {}))


def _sshd(
    jobs: TimedJobs, environ: Mapping[str, str], root: Root, program: str | None
) -> Callable[[], SshdFacts]:
    """Ask sshd for the settings of this user's login, which only root can do."""
    if os.geteuid() != 0:
        unasked = probe_sshd(root, program)
        return lambda: unasked

    def ask() -> SshdFacts:
        login = connection_of(own_name(), environ.get("SSH_CONNECTION", ""))
        return probe_sshd(root, program, login)

    return jobs.start("sshd", ask, NOT_ASKED)


def _refused(
    jobs: TimedJobs,
    run: Disk,
    init: InitFacts,
    daemon: str | None,
    environ: Mapping[str, str],
) -> Callable[[], tuple[PolicyRefusal, ...] | None]:
    """Ask for what the SELinux policy refuses, if it is enforced."""
    if init.selinux != ENFORCING:
        return lambda: None
    ask = run.only_then(lambda: refused_by_policy(init, daemon, environ))
    return jobs.start("selinux", ask, None)


def _environment_of(entry: pwd.struct_passwd) -> dict[str, str]:
    """Return the environment of one of the user's processes, preferably of a login."""
    wanted = ("SSH_CONNECTION", "XDG_SESSION_ID", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")
    environs = (environ for environ in environments(entry.pw_uid) if environ.get("HOME"))
    best = max(environs, key=lambda environ: sum(name in environ for name in wanted), default={})
    base = {"HOME": entry.pw_dir, "USER": entry.pw_name, "LOGNAME": entry.pw_name}
    runtime = usual_runtime_directory(entry.pw_uid)
    if is_socket_of(f"{runtime}/bus", entry.pw_uid):
        base["XDG_RUNTIME_DIR"] = runtime
    return {**base, **best}


def _live(environ: Mapping[str, str], run: Disk, systemd: Systemd, timeout: float) -> Live:
    """Describe the processes and the session bus; ask the user manager over the same connection."""
    try:
        return probe_live(environ, run, timeout, systemd.ask_user_manager)
    finally:
        systemd.no_user_manager()


def _session(
    environ: Mapping[str, str], systemd: Systemd, log: Callable[[], tuple[LogLine, ...]]
) -> SessionFacts:
    """Describe the session; read the journal again only if the lines do not go back far enough."""
    service = systemd.service()
    session = probe_session(environ, with_journal=False)
    if session.login_method is None and session.by_ssh:
        lines = log()
        port = environ["SSH_CONNECTION"].split(" ")[1:2]
        session = session._replace(login_method=method_of(lines, session.user, *port))
        if session.login_method is None and len(lines) >= LINES:
            session = probe_session(environ)
    return session._replace(service=service)


def _service(sshd: SshdFacts, session: SessionFacts) -> str:
    """Return the PAM service to judge: sshd's, or the service of this session."""
    is_sshd = session.by_ssh or session.service in {"", "sshd"} or session.service in SU
    return sshd.pam_service_name if is_sshd else session.service
