"""Check which keyring daemons run, and whether programs and logins reach the same one."""

from __future__ import annotations

from creds_session.doctor.checks import control_socket, daemon_process, provider
from creds_session.doctor.checks.bus import NO_BUS
from creds_session.doctor.checks.daemon_process import describe, end_and_unlock
from creds_session.doctor.checks.registry import Case, Check, hindrance
from creds_session.doctor.checks.remedies import START
from creds_session.doctor.checks.session import log_of_login
from creds_session.facts.bus_address import path_of_address
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.control_holder import own_bus_lines
from creds_session.facts.daemon_duties import has_secrets, is_old_enough
from creds_session.facts.login_log import STARTED
from creds_session.facts.machine import PathKind
from creds_session.facts.session import LOGIN_TIMEOUT, Daemon, DaemonRole, serving
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Severity

NO_FILE = {PathKind.FOLDER, PathKind.DANGLING, PathKind.OTHER, PathKind.SOCKET}


def _age(daemon: Daemon, facts: Facts) -> float:
    return facts.now - daemon.started


def _split(facts: Facts) -> Found | None:
    owner, control = facts.bus.owner, facts.control
    if owner is None or not control_socket.belongs_to_another(facts):
        return None
    evidence = (
        f"org.freedesktop.secrets is owned by pid {owner.pid}",
        f"{control.path} is served by pid {control.pid}",
        *map(describe, serving(owner, facts.daemons)),
    )
    pids = [daemon.pid for daemon in facts.daemons]
    return Found(evidence, remedy=end_and_unlock(pids, "end all of them, and start one"))


def _several(facts: Facts) -> Found | None:
    running = serving(facts.bus.owner, facts.daemons)
    if len(running) < 2 or control_socket.belongs_to_another(facts):  # noqa: PLR2004 - several
        return None
    return Found(tuple(map(describe, running)))


def _is_on_own_bus(facts: Facts) -> bool:
    """Return whether this is the session bus of the runtime directory, for PAM's daemon."""
    return path_of_address(facts.bus.address or "") == f"{facts.session.runtime_directory}/bus"


def _elsewhere(facts: Facts) -> Found | None:
    if facts.bus.owner is not None or not facts.bus.answers or not _is_on_own_bus(facts):
        return None
    holder = facts.control.holder
    strangers = [
        daemon
        for daemon in facts.daemons
        if must_serve(daemon, facts) or (holder is not None and daemon.pid == holder.pid)
    ]
    if not strangers:
        return None
    pids = [daemon.pid for daemon in strangers]
    text = "end that daemon, which locks its keyring there, then start one here"
    evidence = (*map(describe, strangers), *_of_holder(facts))
    return Found(evidence, remedy=end_and_unlock(pids, text))


def _of_holder(facts: Facts) -> tuple[str, ...]:
    """Return what was seen of the daemon at the control socket, and of its session bus."""
    holder = facts.control.holder
    if holder is None:
        return ()
    listens = f"pid {holder.pid} listens at {facts.control.path}"
    return (listens, *own_bus_lines(holder, facts.bus.address or ""))


def must_serve(daemon: Daemon, facts: Facts) -> bool:
    """Return whether a daemon has had enough time to take the name on its session bus."""
    is_activated = daemon.role is DaemonRole.ACTIVATED
    return not is_activated and has_secrets(daemon) and is_old_enough(daemon, facts.now)


def _without_secrets(facts: Facts) -> Found | None:
    lacking = [daemon for daemon in facts.daemons if not has_secrets(daemon)]
    if not lacking or facts.bus.owner is not None or facts.bus.is_unknown:
        return None
    pids = [daemon.pid for daemon in lacking]
    remedy = end_and_unlock(pids, "end it, and start a daemon with all its parts")
    return Found(tuple(map(describe, lacking)), remedy=remedy)


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
    log = log_of_login(facts)
    started = [event.line for event in log.events if STARTED in event.line.text]
    if not started:
        return None
    age = facts.now - started[-1].when
    return Found((f"{started[-1].text} ({age:.0f} s ago)", "no keyring daemon is running now"))


def _other_home(facts: Facts) -> Found | None:
    owner, keyring = facts.bus.owner, facts.keyring
    if owner is None or not owner.is_gnome_keyring or not keyring.exists:
        return None
    if keyring.form.is_damaged or facts.home.login.kind in NO_FILE:
        return None  # no daemon serves such a keyring
    if facts.bus.login is not CollectionState.ABSENT:
        return None
    evidence = (f"pid {owner.pid} knows no login keyring", f"{keyring.path} exists")
    return Found(
        evidence, remedy=end_and_unlock([owner.pid], "end it, and start one that has this home")
    )


END_CASE = Case(
    "the daemon is yours, and no program needs it as it is",
    "`kill PID` with the process ids of the evidence, then `creds unlock`; `creds-doctor --fix` can"
    " do it",
)
CHECKS = (
    *daemon_process.CHECKS,
    *provider.CHECKS,
    Check(
        "daemon-split-brain",
        "daemon",
        hindrance,
        "two keyring daemons are running: programs use one of them, and logins unlock the other",
        _split,
        cause="a second daemon (`--unlock`, `--replace`, a script of the session) took over the"
        " control socket, while the first one kept its name on the session bus",
        needs=(*NO_BUS, "daemon-stopped"),
        about="Unlocking through the control socket, as PAM does, then reports success, but every"
        " program still finds the keyring locked.",
        cases=(
            END_CASE,
            Case(
                "it happens at each login",
                "remove the second start from the start-up files of the shell or the desktop"
                " (`gnome-keyring-daemon` in ~/.profile, ~/.bashrc, ~/.config/autostart)",
            ),
        ),
    ),
    Check(
        "daemon-without-secrets",
        "daemon",
        hindrance,
        "the keyring daemon was started without the part that serves secrets",
        _without_secrets,
        cause="the daemon was started with the option --components=, which leaves `secrets` out",
        needs=NO_BUS,
        cases=(
            END_CASE,
            Case(
                "a start-up file starts it in this way",
                "add `secrets` to its option --components=, or remove that line",
            ),
        ),
    ),
    Check(
        "daemon-on-another-bus",
        "daemon",
        hindrance,
        "a keyring daemon is running, but it does not serve this session bus",
        _elsewhere,
        cause="usually this daemon was started inside another session bus (dbus-run-session), and"
        " holds the control socket at which a daemon of this session bus would be found",
        needs=(*NO_BUS, "daemon-stopped"),
        about="A program that starts the service waits for two minutes, and then says `Timeout was"
        " reached`. `creds unlock`, `creds get` and `creds status` name the daemon instead.\n\n"
        "If a terminal hangs up, dbus-run-session ends, and the session bus and the keyring daemon"
        " that were started in it live on. The evidence names the session bus that the daemon was"
        " started with, if the kernel shows it.",
        cases=(
            END_CASE,
            Case(
                "the other session bus is still needed",
                "end the daemon only after the programs there have ended",
            ),
        ),
    ),
    Check(
        "daemon-waiting",
        "daemon",
        Severity.ERROR,
        "the keyring daemon still waits to be initialised",
        _waiting,
        cause="PAM started the daemon with --login. It serves nothing until a program or `creds"
        f" unlock` asks for secrets, and ends by itself {LOGIN_TIMEOUT} s after the login",
        remedy=START,
        needs=(*NO_BUS, "daemon-stopped", "daemon-on-another-bus", "daemon-without-secrets"),
    ),
    Check(
        "daemon-gone",
        "daemon",
        Severity.ERROR,
        "the keyring daemon that the login started is not running any more",
        _gone,
        cause=f"no program asked it for secrets within {LOGIN_TIMEOUT} s, or it crashed, or"
        " somebody ended it",
        remedy=START,
        needs=(*NO_BUS, "unit-failed"),
    ),
    Check(
        "daemon-other-home",
        "daemon",
        hindrance,
        "the keyring daemon does not know the login keyring of this home directory",
        _other_home,
        cause="the daemon was started with another HOME or XDG_DATA_HOME, or before the home"
        " directory was mounted",
        needs=(*NO_BUS, "daemon-stopped", "daemon-split-brain"),
        cases=(
            END_CASE,
            Case(
                "HOME or XDG_DATA_HOME is wrong in this shell",
                "correct the variable, then `creds-doctor` again",
            ),
        ),
    ),
    *control_socket.GONE,
    Check(
        "daemon-several",
        "daemon",
        Severity.NOTE,
        "several keyring daemons of this user are running",
        _several,
        cause="each session bus has its own daemon; a keyring that one of them has unlocked is not"
        " unlocked in the others",
        cases=(
            Case("each daemon belongs to a session bus that is needed", "nothing has to be done"),
            Case("one of them is left over", "`kill PID`, with its process id in the evidence"),
        ),
    ),
    *control_socket.CHECKS,
    *daemon_process.ENDED,
)
NO_DAEMON = (
    *NO_BUS,
    *("daemon-stopped", "daemon-hung", "daemon-waiting", "daemon-gone", "daemon-other-home"),
    *("daemon-split-brain", "daemon-on-another-bus", "daemon-without-secrets"),
    *("provider-foreign", "other-provider-locked", "other-provider"),
)
