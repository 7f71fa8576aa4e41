"""Check the control socket, through which PAM passes a password to a running daemon."""

from __future__ import annotations

from creds_session.doctor.checks.bus import NO_BUS
from creds_session.doctor.checks.daemon_process import end_and_unlock
from creds_session.doctor.checks.registry import Case, Check
from creds_session.facts.next_step import FORGET
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity, in_this_shell


def belongs_to_another(facts: Facts) -> bool:
    """Return whether another daemon than the one that serves listens at the control socket."""
    control, owner = facts.control, facts.bus.owner
    if control.pid is None or owner is None or not owner.is_gnome_keyring:
        return False
    own = control.directory_of_owner
    is_same_place = own is None or f"{own}/control" == control.path
    return is_same_place and control.pid != owner.pid


def _gone(facts: Facts) -> Found | None:
    """Find a daemon that serves secrets and listens nowhere, whatever the reason is."""
    control, owner = facts.control, facts.bus.owner
    if owner is None or not owner.is_gnome_keyring or owner.uid != facts.session.uid:
        return None
    if not control.path or control.listeners or control.owner_listens or not facts.bus.answers:
        return None
    if facts.keyring.control_listens:
        return None
    directory = control.directory_of_owner
    own = f"{directory}/control" if directory else control.path
    evidence = dict.fromkeys((f"nobody listens at {own}", f"nobody listens at {control.path}"))
    remedy = end_and_unlock([owner.pid], "end the daemon, and start one that has a socket")
    return Found((*evidence, f"pid {owner.pid} serves"), remedy=remedy)


def _elsewhere(facts: Facts) -> Found | None:
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


GONE = (
    Check(
        "control-socket-gone",
        "daemon",
        Severity.WARNING,
        "the keyring daemon has no control socket, so the next login will start a second daemon",
        _gone,
        cause="something removed the socket or its directory, such as a program that cleans /run or"
        " a daemon that ended; or the daemon could not make the socket",
        needs=(*NO_BUS, "daemon-split-brain"),
        cases=(
            Case(
                "no program needs the daemon at this moment",
                "`kill PID` with the process id of the evidence, then `creds unlock`;"
                " `creds-doctor --fix` can do it",
            ),
            Case(
                "programs must not lose the keyring now",
                "wait until they have ended; secrets can still be read meanwhile",
            ),
        ),
    ),
)
CHECKS = (
    Check(
        "daemon-elsewhere",
        "daemon",
        Severity.NOTE,
        "the control socket of the keyring daemon is not in the runtime directory",
        _elsewhere,
        cause="the daemon was started before XDG_RUNTIME_DIR was set; GNOME_KEYRING_CONTROL names"
        " the socket's directory",
        cases=(
            Case("secrets can be read", "nothing has to be done in this session"),
            Case(
                "the next login should reach the daemon",
                'end it (`kill PID`), set XDG_RUNTIME_DIR (`eval "$(creds env)"`), then `creds'
                " unlock`",
            ),
        ),
    ),
    Check(
        "control-variable-stale",
        "daemon",
        Severity.NOTE,
        "GNOME_KEYRING_CONTROL names a directory in which no daemon listens",
        _variable_stale,
        cause="tmux, screen and nohup keep the variable of a session that has ended",
        remedy=Remediation("remove the variable from this shell", (in_this_shell(FORGET),)),
    ),
)
