"""Check the processes of the keyring daemon: stopped, hung, ended, or another program."""

from __future__ import annotations

from creds_session.doctor.checks.bus import NO_BUS, STOPPED
from creds_session.doctor.checks.registry import Case, Check, hindrance
from creds_session.facts.session import Daemon
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity


def describe(daemon: Daemon) -> str:
    """Describe a daemon in one line: pid, role, parent, user, executable, arguments."""
    executable = daemon.executable or "(executable hidden by the kernel)"
    return (
        f"pid {daemon.pid}, role {daemon.role.value}, child of {daemon.parent_name or '?'}"
        f" (pid {daemon.parent}), user id {daemon.uid}, {executable}:"
        f" {' '.join(daemon.arguments)}"
    )


def end_and_unlock(pids: list[int], text: str) -> Remediation:
    """Return the remedy that ends these processes and unlocks the keyring by a new daemon."""
    ends = tuple(("kill", str(pid)) for pid in pids)
    return Remediation(text, (*ends, ("creds", "unlock")), is_safe=True)


def _stopped(facts: Facts) -> Found | None:
    stopped = [daemon for daemon in facts.daemons if daemon.state == STOPPED]
    if not stopped:
        return None
    commands = tuple(("kill", "-CONT", str(daemon.pid)) for daemon in stopped)
    remedy = Remediation("let the stopped process continue", commands, is_safe=True)
    return Found(tuple(map(describe, stopped)), remedy=remedy)


def _hung(facts: Facts) -> Found | None:
    bus = facts.bus
    if bus.owner is None or not bus.reason:
        return None
    owner = f"org.freedesktop.secrets is owned by {bus.owner.shown}"
    if bus.owner.is_gnome_keyring:
        remedy = end_and_unlock([bus.owner.pid], "end the daemon, then start another one")
        return Found((owner, bus.reason), remedy=remedy)
    remedy = Remediation(
        f"if {bus.owner.name} shows a window that waits for an answer, answer it; otherwise end it",
        (("kill", str(bus.owner.pid)), ("creds-doctor",)),
    )
    return Found((owner, bus.reason), remedy=remedy)


def _impostor(facts: Facts) -> Found | None:
    evidence = tuple(
        f"pid {process.pid} is {process.executable}, not {process.name}"
        for process in facts.processes.impostors
    )
    return Found(evidence) if evidence else None


def _impostor_level(facts: Facts) -> Severity:
    owner = facts.bus.owner
    pids = {process.pid for process in facts.processes.impostors}
    return Severity.ERROR if owner is not None and owner.pid in pids else Severity.WARNING


def _zombie(facts: Facts) -> Found | None:
    evidence = tuple(f"pid {process.pid} has ended" for process in facts.processes.zombies)
    return Found(evidence) if evidence else None


CHECKS = (
    Check(
        "daemon-stopped",
        "daemon",
        hindrance,
        "the process of the keyring daemon is stopped, so programs and the next login hang",
        _stopped,
        cause="somebody sent the process SIGSTOP, or a debugger holds it",
        needs=NO_BUS,
        about="See [what a daemon that hangs does to a login](../../explanation/bounded-login.md).",
        cases=(
            Case(
                "the process was stopped by a signal",
                "`kill -CONT PID`, with the process id in the evidence; `creds-doctor --fix` can do"
                " it",
            ),
            Case("a debugger is attached to it", "detach the debugger (in gdb: `detach`)"),
        ),
    ),
    Check(
        "daemon-hung",
        "daemon",
        Severity.ERROR,
        "the program that serves secrets does not answer",
        _hung,
        cause="the program waits for something, such as a prompt or a home directory that does not"
        " answer, or it has a fault",
        needs=(*NO_BUS, "daemon-stopped"),
        cases=(
            Case(
                "the program is gnome-keyring-daemon",
                "`kill PID`, then `creds unlock`; `creds-doctor --fix` can do it",
            ),
            Case(
                "it is KeePassXC, KWallet or another program with a window",
                "answer the window that waits; if there is no such window, end the program",
            ),
            Case(
                "the home directory does not answer (NFS)",
                "bring its server back first: a new daemon would hang, too",
            ),
        ),
    ),
    Check(
        "daemon-impostor",
        "daemon",
        _impostor_level,
        "a process has the name gnome-keyring-daemon, but it is another program",
        _impostor,
        cause="a process can choose its own name; the file of this process is not the daemon's",
        remedy=Remediation(
            "find out which program this is before you type a password in this session"
        ),
    ),
)
ENDED = (
    Check(
        "daemon-zombie",
        "daemon",
        Severity.NOTE,
        "a keyring daemon has ended, and its parent has not cleaned it up (zombie)",
        _zombie,
        cause="a container without an init leaves such entries; they are not processes any more",
        cases=(
            Case("in a container", "nothing has to be done; or start it with an init (`--init`)"),
            Case("elsewhere", "nothing has to be done; the entry disappears with its parent"),
        ),
    ),
)
