"""Which keyring daemons run, and whether the one that programs reach is the one that logins do."""

from __future__ import annotations

from creds_session.doctor.checks.bus import NO_BUS, STOPPED
from creds_session.doctor.checks.registry import Check, hindrance
from creds_session.doctor.checks.session import log_of_login, note_or_error
from creds_session.facts.bus_address import path_of_address
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.login_log import STARTED
from creds_session.facts.machine import PathKind
from creds_session.facts.next_step import FORGET
from creds_session.facts.session import LOGIN_TIMEOUT, Daemon, DaemonRole, NameOwner, serving
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity, in_this_shell

UNLOCK = Remediation("start it and unlock", (("creds", "unlock"),), is_safe=True)
SETTLING = 3.0  # seconds in which a daemon that has just started takes its name
SECRETS = "secrets"
NO_FILE = {PathKind.FOLDER, PathKind.DANGLING, PathKind.OTHER, PathKind.SOCKET}
IN_IT = "make a default keyring in {}, or open the one that is there"
MEANS = {
    "keepassxc": "in KeePassXC, open a database that exposes a group to the Secret Service",
    "kwalletd": "create the wallet in KWallet Manager, or open it",
    "ksecretd": "create the wallet in KWallet Manager, or open it",
}
"""How a program that serves secrets comes to serve some, by the start of its name."""


def describe(daemon: Daemon) -> str:
    """Tell a daemon in one line: pid, role, parent, executable, arguments."""
    executable = daemon.executable or "(executable hidden by the kernel)"
    return (
        f"pid {daemon.pid}, role {daemon.role.value}, child of {daemon.parent_name or '?'}"
        f" (pid {daemon.parent}), user id {daemon.uid}, {executable}:"
        f" {' '.join(daemon.arguments)}"
    )


def _end(pids: list[int], text: str) -> Remediation:
    ends = tuple(("kill", str(pid)) for pid in pids)
    return Remediation(text, (*ends, ("creds", "unlock")), is_safe=True)


def _age(daemon: Daemon, facts: Facts) -> float:
    return facts.now - daemon.started


def _stopped(facts: Facts) -> Found | None:
    stopped = [daemon for daemon in facts.daemons if daemon.state == STOPPED]
    if not stopped:
        return None
    commands = tuple(("kill", "-CONT", str(daemon.pid)) for daemon in stopped)
    remedy = Remediation("let it go on", commands, is_safe=True)
    return Found(tuple(map(describe, stopped)), remedy=remedy)


def _hung(facts: Facts) -> Found | None:
    bus = facts.bus
    if bus.owner is None or not bus.reason:
        return None
    told = f"org.freedesktop.secrets is owned by {bus.owner.shown}"
    if not bus.owner.is_gnome_keyring:
        remedy = Remediation(
            f"if {bus.owner.name} shows a window that waits, answer it; otherwise end it",
            (("kill", str(bus.owner.pid)), ("creds-doctor",)),
        )
        return Found((told, bus.reason), remedy=remedy)
    remedy = _end([bus.owner.pid], "end it, then start another")
    return Found((told, bus.reason), remedy=remedy)


def _impostor(facts: Facts) -> Found | None:
    impostors = facts.processes.impostors
    if not impostors:
        return None
    told = tuple(f"pid {one.pid} is {one.executable}, not {one.name}" for one in impostors)
    return Found(told)


def _impostor_level(facts: Facts) -> Severity:
    owner = facts.bus.owner
    owns = owner is not None and owner.pid in {one.pid for one in facts.processes.impostors}
    return Severity.ERROR if owns else Severity.WARNING


def _zombie(facts: Facts) -> Found | None:
    zombies = facts.processes.zombies
    return Found(tuple(f"pid {one.pid} has ended" for one in zombies)) if zombies else None


def _listens_elsewhere(facts: Facts) -> bool:
    control, owner = facts.control, facts.bus.owner
    if control.pid is None or owner is None or not owner.is_gnome_keyring:
        return False
    own = control.directory_of_owner
    is_same_place = own is None or f"{own}/control" == control.path
    return is_same_place and control.pid != owner.pid


def _split(facts: Facts) -> Found | None:
    owner, control = facts.bus.owner, facts.control
    if owner is None or not _listens_elsewhere(facts):
        return None
    told = (
        f"org.freedesktop.secrets is owned by pid {owner.pid}",
        f"{control.path} is served by pid {control.pid}",
        *map(describe, serving(owner, facts.daemons)),
    )
    pids = [daemon.pid for daemon in facts.daemons]
    return Found(told, remedy=_end(pids, "end them all, and start one"))


def _several(facts: Facts) -> Found | None:
    running = serving(facts.bus.owner, facts.daemons)
    if len(running) < 2 or _listens_elsewhere(facts):  # noqa: PLR2004 - several
        return None
    return Found(tuple(map(describe, running)))


def _is_on_own_bus(facts: Facts) -> bool:
    """Tell whether this is the bus of the runtime directory, where PAM's daemon belongs."""
    return path_of_address(facts.bus.address or "") == f"{facts.session.runtime_directory}/bus"


def _elsewhere(facts: Facts) -> Found | None:
    if facts.bus.owner is not None or not facts.bus.answers or not _is_on_own_bus(facts):
        return None
    strangers = [daemon for daemon in facts.daemons if must_serve(daemon, facts)]
    if not strangers:
        return None
    pids = [daemon.pid for daemon in strangers]
    remedy = _end(pids, "end it, which closes its keyring there, then start one here")
    return Found(tuple(map(describe, strangers)), remedy=remedy)


def must_serve(daemon: Daemon, facts: Facts) -> bool:
    """Tell whether a daemon has had the time to take the name on its bus."""
    if daemon.role is DaemonRole.ACTIVATED or not _has_secrets(daemon):
        return False
    age = _age(daemon, facts)
    return age > (LOGIN_TIMEOUT + SETTLING if daemon.role is DaemonRole.LOGIN else SETTLING)


def _has_secrets(daemon: Daemon) -> bool:
    words = list(daemon.arguments)
    for place, word in enumerate(words):
        if word.startswith("--components="):
            return SECRETS in word.partition("=")[2].split(",")
        if word in {"--components", "-c"} and place + 1 < len(words):
            return SECRETS in words[place + 1].split(",")
    return True


def _without_secrets(facts: Facts) -> Found | None:
    lacking = [daemon for daemon in facts.daemons if not _has_secrets(daemon)]
    if not lacking or facts.bus.owner is not None or facts.bus.is_unknown:
        return None
    pids = [daemon.pid for daemon in lacking]
    return Found(tuple(map(describe, lacking)), remedy=_end(pids, "end it, and start a whole one"))


def _waiting(facts: Facts) -> Found | None:
    waiting = [daemon for daemon in facts.daemons if daemon.role is DaemonRole.LOGIN]
    others = [daemon for daemon in facts.daemons if daemon.role is not DaemonRole.LOGIN]
    if not waiting or others or facts.bus.owner is not None or facts.bus.is_unknown:
        return None
    left = max(LOGIN_TIMEOUT - _age(waiting[0], facts), 0)
    return Found(
        (describe(waiting[0]),),
        f"the keyring daemon still waits to be initialised, and ends in {left:.0f} s",
    )


def _gone(facts: Facts) -> Found | None:
    if facts.daemons or facts.bus.owner is not None or facts.bus.is_unknown:
        return None
    login_log = log_of_login(facts)
    started = [event.line for event in login_log.events if STARTED in event.line.text]
    if not started:
        return None
    age = facts.now - started[-1].when
    return Found((f"{started[-1].text} ({age:.0f} s ago)", "none runs now"))


def _other_home(facts: Facts) -> Found | None:
    owner, keyring = facts.bus.owner, facts.keyring
    if owner is None or not owner.is_gnome_keyring or not keyring.exists:
        return None
    if keyring.form.is_damaged or facts.home.login.kind in NO_FILE:
        return None  # no daemon serves such a keyring
    if facts.bus.login is not CollectionState.ABSENT:
        return None
    remedy = _end([owner.pid], "end it, and start one that has this home")
    return Found(
        (f"pid {owner.pid} knows no login keyring", f"{keyring.path} is there"), remedy=remedy
    )


def _control_elsewhere(facts: Facts) -> Found | None:
    keyring, control = facts.keyring, facts.control
    if keyring.is_elsewhere:
        return Found((f"it listens at {keyring.control}",))
    if control.owner_listens and not control.listeners:
        return Found((f"it listens at {control.directory_of_owner}/control",))
    return None


def _variable_stale(facts: Facts) -> Found | None:
    named = facts.client.variables.get("GNOME_KEYRING_CONTROL")
    if not named or (facts.keyring.control or "").startswith(f"{named}/"):
        return None
    return Found((f"GNOME_KEYRING_CONTROL={named}", "no socket of this user is there"))


def _socket_gone(facts: Facts) -> Found | None:
    """Find a daemon that serves and listens nowhere, whatever the reason is."""
    control, owner = facts.control, facts.bus.owner
    if owner is None or not owner.is_gnome_keyring or owner.uid != facts.session.uid:
        return None
    if not control.path or control.listeners or control.owner_listens or not facts.bus.answers:
        return None
    if facts.keyring.control_listens:
        return None
    directory = control.directory_of_owner
    told = f"{directory}/control" if directory else control.path
    evidence = dict.fromkeys((f"nobody listens at {told}", f"nobody listens at {control.path}"))
    remedy = _end([owner.pid], "end it, and start one that has a socket")
    return Found((*evidence, f"pid {owner.pid} serves"), remedy=remedy)


def _provider_foreign(facts: Facts) -> Found | None:
    owner = facts.bus.owner
    if owner is None or owner.uid == facts.session.uid:
        return None
    return Found((f"{owner.shown} belongs to user id {owner.uid}",))


def _it(owner: NameOwner) -> str:
    return owner.name or "that program"


def _other_locked(facts: Facts) -> Found | None:
    owner = facts.bus.owner
    if owner is None or owner.is_gnome_keyring or facts.bus.default is not CollectionState.LOCKED:
        return None
    return Found(
        (f"{facts.bus.default_path} is locked",),
        f"another program serves secrets here, and is locked: {owner.shown}",
        remedy=Remediation(f"unlock it in {_it(owner)}; no password of `creds unlock` opens it"),
    )


def _other_provider(facts: Facts) -> Found | None:
    owner = facts.bus.owner
    if owner is None or owner.is_gnome_keyring:
        return None
    means = next((how for name, how in MEANS.items() if owner.name.startswith(name)), IN_IT)
    return Found(
        (f"org.freedesktop.secrets is owned by {owner.shown}",),
        f"another program serves secrets here: {owner.shown}",
        remedy=Remediation(means.format(_it(owner))),
    )


CHECKS = (
    Check(
        "daemon-stopped",
        "daemon",
        hindrance,
        "the keyring daemon is stopped: programs hang, and so does the next login",
        _stopped,
        cause="someone sent it SIGSTOP, or a debugger holds it",
        needs=NO_BUS,
        about="See [what a daemon that hangs does to a login](../../explanation/bounded-login.md).",
    ),
    Check(
        "daemon-hung",
        "daemon",
        Severity.ERROR,
        "the program that serves secrets does not answer",
        _hung,
        cause="it waits for something, such as a prompt or a home that is gone, or it is broken",
        needs=(*NO_BUS, "daemon-stopped"),
    ),
    Check(
        "daemon-impostor",
        "daemon",
        _impostor_level,
        "a process calls itself gnome-keyring-daemon, and is another program",
        _impostor,
        cause="the name of a process is what it says of itself; its file is not the daemon's",
        remedy=Remediation("find out what it is before you type a password anywhere"),
    ),
    Check(
        "provider-foreign",
        "daemon",
        Severity.ERROR,
        "the process that serves secrets here belongs to another user",
        _provider_foreign,
        cause="a bus that lets other users in, or root, owns the name",
        remedy=Remediation("work on a bus of your own: log in anew"),
        needs=NO_BUS,
    ),
    Check(
        "other-provider-locked",
        "daemon",
        Severity.ERROR,
        "another program serves secrets here, and is locked",
        _other_locked,
        cause="KeePassXC, KWallet and others own org.freedesktop.secrets in place of gnome-keyring",
        remedy=Remediation("unlock it by its own means, or end it and run: creds unlock"),
        needs=(*NO_BUS, "daemon-hung", "provider-foreign"),
    ),
    Check(
        "other-provider",
        "daemon",
        note_or_error,
        "another program serves secrets here",
        _other_provider,
        cause="only one program can own org.freedesktop.secrets on a bus",
        remedy=Remediation("use that program's own means to unlock, or end it"),
        needs=(*NO_BUS, "daemon-hung", "provider-foreign", "other-provider-locked"),
    ),
    Check(
        "daemon-split-brain",
        "daemon",
        hindrance,
        "two keyring daemons: programs reach the one, logins unlock the other",
        _split,
        cause="a second daemon (`--unlock`, `--replace`, a session script) took over the control"
        " socket, while the first kept its name on the bus",
        needs=(*NO_BUS, "daemon-stopped"),
        about="Unlocking by the control socket, as PAM does, then says OK, and every program stays"
        " locked.",
    ),
    Check(
        "daemon-without-secrets",
        "daemon",
        hindrance,
        "the keyring daemon runs without its secrets",
        _without_secrets,
        cause="it was started with --components= that leaves `secrets` out",
        needs=NO_BUS,
    ),
    Check(
        "daemon-on-another-bus",
        "daemon",
        hindrance,
        "a keyring daemon runs, and serves another bus than this one",
        _elsewhere,
        cause="it was started inside another bus (dbus-run-session) and holds the control socket"
        " that the daemon of this bus would be found by",
        needs=NO_BUS,
        about="A client that starts the service waits for two minutes, and then says `Timeout was"
        " reached`.",
    ),
    Check(
        "daemon-waiting",
        "daemon",
        Severity.ERROR,
        "the keyring daemon still waits to be initialised",
        _waiting,
        cause="PAM started it with --login; it serves nothing until a client or `creds unlock`"
        f" asks for secrets, and ends by itself {LOGIN_TIMEOUT} s after the login",
        remedy=UNLOCK,
        needs=(*NO_BUS, "daemon-stopped", "daemon-on-another-bus", "daemon-without-secrets"),
    ),
    Check(
        "daemon-gone",
        "daemon",
        Severity.ERROR,
        "the keyring daemon that the login started is gone",
        _gone,
        cause=f"nothing asked it for secrets within {LOGIN_TIMEOUT} s, it crashed, or was ended",
        remedy=UNLOCK,
        needs=(*NO_BUS, "unit-failed"),
    ),
    Check(
        "daemon-other-home",
        "daemon",
        hindrance,
        "the keyring daemon does not know the login keyring of this home",
        _other_home,
        cause="it was started with another HOME or XDG_DATA_HOME, or before the home was mounted",
        needs=(*NO_BUS, "daemon-stopped", "daemon-split-brain"),
    ),
    Check(
        "control-socket-gone",
        "daemon",
        Severity.WARNING,
        "the keyring daemon listens at no control socket: the next login will start a second one",
        _socket_gone,
        cause="something removed the socket or its directory, such as a cleaner of /run or a daemon"
        " that ended; or the daemon could not make it",
        needs=(*NO_BUS, "daemon-split-brain"),
    ),
    Check(
        "daemon-several",
        "daemon",
        Severity.NOTE,
        "several keyring daemons of this user run",
        _several,
        cause="each bus has its own; what is unlocked on the one is not on the others",
    ),
    Check(
        "daemon-elsewhere",
        "daemon",
        Severity.NOTE,
        "the keyring daemon's control socket is not in the runtime directory",
        _control_elsewhere,
        cause="it was started before XDG_RUNTIME_DIR was set; GNOME_KEYRING_CONTROL names it",
    ),
    Check(
        "control-variable-stale",
        "daemon",
        Severity.NOTE,
        "GNOME_KEYRING_CONTROL names a folder where no daemon listens",
        _variable_stale,
        cause="tmux, screen and nohup keep the variable of a session that has ended",
        remedy=Remediation("leave it out of this shell", (in_this_shell(FORGET),)),
    ),
    Check(
        "daemon-zombie",
        "daemon",
        Severity.NOTE,
        "a keyring daemon has ended, and its parent does not care",
        _zombie,
        cause="containers without an init leave such entries; they are no processes any more",
    ),
)
NO_DAEMON = (
    *NO_BUS,
    *("daemon-stopped", "daemon-hung", "daemon-waiting", "daemon-gone", "daemon-other-home"),
    *("daemon-split-brain", "daemon-on-another-bus", "daemon-without-secrets"),
    *("provider-foreign", "other-provider-locked", "other-provider"),
)
