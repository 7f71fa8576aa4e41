"""Whose session this is, and whether what a session needs is there: home, runtime directory."""

from __future__ import annotations

from creds_session.doctor.checks.bus import USUAL, connected
from creds_session.doctor.checks.paths import is_foreign, seen, with_mode
from creds_session.doctor.checks.registry import Check, hindrance
from creds_session.facts.login_log import LoginLog
from creds_session.facts.machine import PathKind
from creds_session.facts.next_step import JOIN, START, BusState, next_step
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity, in_this_shell

LOG_IN = Remediation(
    "become that user by a login of its own, which makes the session: ssh, or machinectl shell"
)


def note_or_error(facts: Facts) -> Severity:
    """What is odd and does no harm where a secret can be read all the same."""
    return Severity.NOTE if facts.is_readable else Severity.ERROR


def _unset_level(facts: Facts) -> Severity:
    """The variable is why no secret can be read only if no bus was found without it."""
    has_bus = facts.bus.answers or facts.bus.is_idle
    return Severity.NOTE if has_bus else note_or_error(facts)


def log_of_login(facts: Facts) -> LoginLog:
    """Return the log of the login that this session is; what su or cron began has none."""
    is_login = facts.session.service or facts.session.by_ssh
    return facts.login_log if is_login else LoginLog()


def _sudo(facts: Facts) -> Found | None:
    session = facts.session
    if session.uid != 0 or not session.sudo_user or facts.bus.answers:
        return None
    look = ("sudo", "creds-doctor", "--user", session.sudo_user)
    other = Remediation(f"look at the session of {session.sudo_user} as root", (look,))
    remedy = Remediation(next_step(BusState.UNDER_SUDO).text, alternatives=(other,))
    return Found((f"user id 0, SUDO_USER={session.sudo_user}",), remedy=remedy)


def _runtime_foreign(facts: Facts) -> Found | None:
    named = facts.runtime.named
    if named is None or not is_foreign(named, facts):
        return None
    return Found(seen(named, "XDG_RUNTIME_DIR"), remedy=connected(facts, LOG_IN))


def _runtime_missing(facts: Facts) -> Found | None:
    named = facts.runtime.named
    if named is None or named.kind in {PathKind.FOLDER, PathKind.UNKNOWN}:
        return None
    return Found(seen(named, "XDG_RUNTIME_DIR"), remedy=connected(facts))


def _runtime_open(facts: Facts) -> Found | None:
    named = facts.runtime.named
    if named is None or named.kind is not PathKind.FOLDER or is_foreign(named, facts):
        return None
    if not named.is_open_to_others:
        return None
    return Found(seen(named, "XDG_RUNTIME_DIR"), remedy=with_mode(facts, named, "700"))


def _runtime_unset(facts: Facts) -> Found | None:
    runtime = facts.runtime
    if runtime.named is not None or runtime.usual.kind is not PathKind.FOLDER:
        return None
    return Found(("XDG_RUNTIME_DIR is not set", *seen(runtime.usual)))


def _manager_failed(facts: Facts) -> Found | None:
    manager = facts.units.manager
    if not (facts.session.service or facts.session.by_ssh):
        return None  # su and cron start none, so it is not what this session lacks
    name = f"user@{facts.session.uid}.service"
    if manager.is_masked:
        remedy = Remediation("let it start again", (("sudo", "systemctl", "unmask", name),))
        return Found((f"{name} is masked",), remedy=remedy)
    if manager.active != "failed":
        return None
    remedy = Remediation("see why, correct it, and log in again", (("journalctl", "-u", name),))
    return Found((f"{name}: {manager.active}, {manager.result}",), remedy=remedy)


def _manager_absent(facts: Facts) -> Found | None:
    manager = facts.units.manager
    if facts.session.uid == 0 or manager.active != "inactive" or facts.bus.answers:
        return None
    lingers = "lingers" if facts.runtime.lingers else "does not linger"
    linger = ("sudo", "loginctl", "enable-linger", facts.session.user)
    remedy = Remediation("for jobs without a login, let it run always", (linger,))
    told = (f"user@{facts.session.uid}.service: {manager.active}", f"the user {lingers}")
    return Found(told, remedy=remedy)


def _without_init(facts: Facts) -> Found | None:
    init = facts.init
    return None if init.has_logins else Found((f"process 1 is {init.init}",))


def _wsl(facts: Facts) -> Found | None:
    return Found(("the kernel's release names Microsoft",)) if facts.init.is_wsl else None


def _sandboxed(facts: Facts) -> Found | None:
    kind = facts.client.sandbox
    if not kind:
        return None
    words = {
        "snap": ("sudo", "snap", "connect", "NAME:password-manager-service"),
        "flatpak": ("flatpak", "override", "--user", "--talk-name=org.freedesktop.secrets", "NAME"),
    }
    remedy = Remediation("let the program speak to the keyring", (words[kind],))
    return Found((f"this process runs in a {kind}",), remedy=remedy)


def _hidden(facts: Facts) -> Found | None:
    return Found(("/proc/1 cannot be seen",)) if facts.init.hides_processes else None


CHECKS = (
    Check(
        "root-under-sudo",
        "session",
        hindrance,
        "this is root's session under sudo, which has no keyring",
        _sudo,
        cause="sudo changes the user and makes no session: no bus, no runtime directory",
    ),
    Check(
        "runtime-directory-foreign",
        "session",
        hindrance,
        "XDG_RUNTIME_DIR belongs to another user",
        _runtime_foreign,
        cause="su or sudo kept the variable of the session that it was called in",
        remedy=USUAL,
    ),
    Check(
        "runtime-directory-missing",
        "session",
        hindrance,
        "XDG_RUNTIME_DIR names a folder that is not there",
        _runtime_missing,
        cause="the variable is left over: logind removes the folder with a user's last session",
        remedy=USUAL,
    ),
    Check(
        "runtime-directory-open",
        "session",
        Severity.WARNING,
        "the runtime directory is open to other users",
        _runtime_open,
        cause="its mode was changed, or it was made by hand; it must be 0700",
    ),
    Check(
        "runtime-directory-unset",
        "session",
        _unset_level,
        "XDG_RUNTIME_DIR is not set, though the folder is there",
        _runtime_unset,
        cause="su, cron and services with User= set no variable; a daemon that is started so puts"
        " its socket below ~/.cache, where no other one looks",
        remedy=Remediation("set it in this shell", (in_this_shell(JOIN),)),
    ),
    Check(
        "user-manager-failed",
        "session",
        hindrance,
        "the user's systemd does not run, so there is no bus and no runtime directory of its own",
        _manager_failed,
        cause="user@.service failed or is masked",
        remedy=Remediation(
            "see why, correct it, and log in again", (("journalctl", "-u", "user@UID.service"),)
        ),
    ),
    Check(
        "user-manager-absent",
        "session",
        Severity.NOTE,
        "no user manager runs for this user",
        _manager_absent,
        cause="only a login that logind sees starts one, or lingering: su and cron do not",
        remedy=Remediation(
            "for jobs without a login, let it run always",
            (("sudo", "loginctl", "enable-linger", "USER"),),
        ),
    ),
    Check(
        "container-without-init",
        "session",
        Severity.NOTE,
        "no init runs here: there are no logins, no user bus and no PAM session",
        _without_init,
        cause="a container or a chroot starts one program and no init",
        remedy=Remediation(
            "start a session bus, then make a keyring that stays; `creds exec -- COMMAND` is for"
            " one command and throws its keyring away",
            (in_this_shell(START), ("creds", "unlock", "--create")),
        ),
    ),
    Check(
        "wsl-without-login",
        "session",
        Severity.NOTE,
        "this is WSL: a shell there is no login, so PAM is handed no password",
        _wsl,
        cause="WSL starts the shell itself",
        remedy=Remediation("unlock it by hand, once after each boot", (("creds", "unlock"),)),
    ),
    Check(
        "bus-sandboxed",
        "session",
        hindrance,
        "this process is in a sandbox that lets it not speak to the keyring",
        _sandboxed,
        cause="snap and flatpak filter the session bus",
    ),
    Check(
        "processes-hidden",
        "session",
        Severity.NOTE,
        "other users' processes are hidden here",
        _hidden,
        cause="/proc is mounted with hidepid=",
    ),
)
