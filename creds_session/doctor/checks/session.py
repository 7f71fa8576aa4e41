"""Check whose session this is, and whether its runtime directory and user manager are there."""

from __future__ import annotations

from creds_session.doctor.checks.bus import USUAL, connected
from creds_session.doctor.checks.paths import is_foreign, seen, with_mode
from creds_session.doctor.checks.registry import Case, Check, hindrance
from creds_session.facts.login_log import LoginLog
from creds_session.facts.machine import PathKind
from creds_session.facts.next_step import JOIN, START, BusState, next_step
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity, in_this_shell

LOG_IN = Remediation(
    "become that user by a real login, which starts a session: by ssh, or by machinectl shell"
)


def note_or_error(facts: Facts) -> Severity:
    """Return the level of an oddity that does no harm if a secret can be read in spite of it."""
    return Severity.NOTE if facts.is_readable else Severity.ERROR


def _unset_level(facts: Facts) -> Severity:
    """Return an error only if no session bus was found without the variable."""
    has_bus = facts.bus.answers or facts.bus.is_idle
    return Severity.NOTE if has_bus else note_or_error(facts)


def log_of_login(facts: Facts) -> LoginLog:
    """Return the log of the login that began this session; a session of su or cron has no log."""
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
        return None  # su and cron do not start a user manager, so this session does not need one
    name = f"user@{facts.session.uid}.service"
    if manager.is_masked:
        remedy = Remediation("allow it to start again", (("sudo", "systemctl", "unmask", name),))
        return Found((f"{name} is masked",), remedy=remedy)
    if manager.active != "failed":
        return None
    remedy = Remediation(
        "read why it failed, correct that, and log in again", (("journalctl", "-u", name),)
    )
    return Found((f"{name}: {manager.active}, {manager.result}",), remedy=remedy)


def _manager_absent(facts: Facts) -> Found | None:
    manager = facts.units.manager
    if facts.session.uid == 0 or manager.active != "inactive" or facts.bus.answers:
        return None
    lingers = "lingers" if facts.runtime.lingers else "does not linger"
    linger = ("sudo", "loginctl", "enable-linger", facts.session.user)
    remedy = Remediation(LET_IT_RUN, (linger,))
    evidence = (f"user@{facts.session.uid}.service: {manager.active}", f"the user {lingers}")
    return Found(evidence, remedy=remedy)


def _without_init(facts: Facts) -> Found | None:
    init = facts.init
    return None if init.has_logins else Found((f"process 1 is {init.init}",))


def _wsl(facts: Facts) -> Found | None:
    return Found(("the kernel's release names Microsoft",)) if facts.init.is_wsl else None


SNAP = ("sudo", "snap", "connect", "NAME:password-manager-service")
FLATPAK = ("flatpak", "override", "--user", "--talk-name=org.freedesktop.secrets", "NAME")


def _sandboxed(facts: Facts) -> Found | None:
    kind = facts.client.sandbox
    if not kind:
        return None
    command = {"snap": SNAP, "flatpak": FLATPAK}[kind]
    remedy = Remediation("allow the program NAME to talk to the keyring", (command,))
    return Found((f"this process runs in a {kind}",), remedy=remedy)


def _hidden(facts: Facts) -> Found | None:
    return Found(("/proc/1 cannot be seen",)) if facts.init.hides_processes else None


LET_IT_RUN = "if jobs of this user run without a login, let the user manager run always"
CHECKS = (
    Check(
        "root-under-sudo",
        "session",
        hindrance,
        "this is root's session under sudo, which has no keyring",
        _sudo,
        cause="sudo changes the user and does not start a session, so there is no session bus and"
        " no runtime directory",
        cases=(
            Case("you want your own keyring", "run the command again without sudo"),
            Case(
                "you want to know what is wrong in a user's session",
                "`sudo creds-doctor --user USER`",
            ),
            Case("a job of root's needs a keyring of its own", "`creds exec -- COMMAND`"),
        ),
    ),
    Check(
        "runtime-directory-foreign",
        "session",
        hindrance,
        "XDG_RUNTIME_DIR names a directory that belongs to another user",
        _runtime_foreign,
        cause="su or sudo kept the variable of the session in which it was called",
        remedy=USUAL,
    ),
    Check(
        "runtime-directory-missing",
        "session",
        hindrance,
        "XDG_RUNTIME_DIR names a directory that does not exist",
        _runtime_missing,
        cause="the variable is left over from an earlier session: logind removes the directory when"
        " the last session of a user ends",
        remedy=USUAL,
    ),
    Check(
        "runtime-directory-open",
        "session",
        Severity.WARNING,
        "other users can look into the runtime directory, or write to it",
        _runtime_open,
        cause="its mode was changed, or it was made by hand; the mode must be 0700",
        cases=(
            Case("the directory is yours", "`chmod 700 $XDG_RUNTIME_DIR`; `--fix` can do it"),
            Case(
                "XDG_RUNTIME_DIR names a link",
                "set the variable to the directory that logind made: /run/user/UID",
            ),
        ),
    ),
    Check(
        "runtime-directory-unset",
        "session",
        _unset_level,
        "XDG_RUNTIME_DIR is not set, although the runtime directory exists",
        _runtime_unset,
        cause="su, cron and services with User= do not set the variable; a keyring daemon that is"
        " started without it puts its socket below ~/.cache, where other programs do not look",
        remedy=Remediation("set the variable in this shell", (in_this_shell(JOIN),)),
    ),
    Check(
        "user-manager-failed",
        "session",
        hindrance,
        "the user manager (systemd --user) is not running, so this user has no session bus and no"
        " runtime directory",
        _manager_failed,
        cause="the unit user@UID.service failed or is masked",
        remedy=Remediation(
            "read why it failed, correct that, and log in again",
            (("journalctl", "-u", "user@UID.service"),),
        ),
    ),
    Check(
        "user-manager-absent",
        "session",
        Severity.NOTE,
        "no user manager (systemd --user) is running for this user",
        _manager_absent,
        cause="a user manager is started by a login that logind sees, or by lingering; su and cron"
        " do not start one",
        remedy=Remediation(LET_IT_RUN, (("sudo", "loginctl", "enable-linger", "USER"),)),
    ),
    Check(
        "container-without-init",
        "session",
        Severity.NOTE,
        "no init is running here, so there are no logins, no user's session bus and no PAM session",
        _without_init,
        cause="a container or a chroot starts one program and no init",
        remedy=Remediation(
            "start a session bus, then create a keyring that is kept; `creds exec -- COMMAND` is"
            " for one command, and deletes its keyring at the end",
            (in_this_shell(START), ("creds", "unlock", "--create")),
        ),
    ),
    Check(
        "wsl-without-login",
        "session",
        Severity.NOTE,
        "this is WSL, where a shell is not a login, so PAM does not receive a password",
        _wsl,
        cause="WSL starts the shell itself",
        remedy=Remediation("unlock the keyring once after each boot", (("creds", "unlock"),)),
    ),
    Check(
        "bus-sandboxed",
        "session",
        hindrance,
        "this process runs in a sandbox that does not let it talk to the keyring",
        _sandboxed,
        cause="snap and flatpak filter the session bus",
        cases=(
            Case("the program NAME is a snap", f"`{' '.join(SNAP)}`"),
            Case("the program NAME is a flatpak", f"`{' '.join(FLATPAK)}`"),
        ),
    ),
    Check(
        "processes-hidden",
        "session",
        Severity.NOTE,
        "the processes of other users cannot be seen here",
        _hidden,
        cause="/proc is mounted with the option hidepid=",
        cases=(
            Case("the doctor's answer is enough", "nothing has to be done"),
            Case("root is to see all of it", "`sudo creds-doctor --user USER`"),
        ),
    ),
)
