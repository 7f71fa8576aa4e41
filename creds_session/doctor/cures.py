"""Carry out the remedy of a finding: only if it loses nothing, and only as this user.

A process is ended, or continued, by a pidfd that is opened before the process is looked at again:
so its number cannot pass to another process meanwhile (pidfd_open(2)). A mode is changed by a
descriptor of the user's own file, and root acts on no path that somebody else can redirect.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from creds_session.errors import CredsSessionError
from creds_session.facts.snapshot import Facts
from creds_session.findings import EVAL, SUDO, Finding, Remediation, shell_line
from creds_session.records import NamedTuple
from creds_session.system.files.own_files import change_mode
from creds_session.system.files.ownership import weakness
from creds_session.system.processes.foreground import NotExecuted, held_signals, run_in_foreground
from creds_session.system.processes.keyring_daemons import end
from creds_session.system.processes.proc import find_program
from creds_session.system.processes.survey import resume

KILL, CHMOD, MV, OURS = "kill", "chmod", "mv", frozenset({"creds", "creds-setup-pam"})


CAREFULLY = "--try USER --confirm-within 10m"


class Steps(NamedTuple):
    """The commands of one remedy: those of this user, and those that require root."""

    mine: tuple[tuple[str, ...], ...] = ()
    of_root: tuple[tuple[str, ...], ...] = ()


def steps(remedy: Remediation) -> Steps:
    """Separate the commands that the user of this session runs from those that require root.

    Commands that require root change the machine for everybody: how all users log in, what is
    installed, who owns a home directory. They are never carried out here, even if root asks: a
    change of PAM should be tried first, and be reverted unless somebody confirms it from a new
    login.
    """
    mine = tuple(argv for argv in remedy.commands if argv[0] != SUDO)
    return Steps(mine, tuple(argv for argv in remedy.commands if argv[0] == SUDO))


def refusal(finding: Finding) -> str:
    """Return why a remedy is not carried out here, or nothing."""
    remedy = finding.remediation
    if remedy is None:
        return "no remedy is known that a program could carry out"
    if not remedy.commands:
        return f"you have to do this yourself: {remedy.text}"
    commands = "; ".join(remedy.lines)
    if any(argv[0] == EVAL for argv in remedy.commands):
        return f"only your own shell can do this: {commands}"
    if not remedy.is_safe:
        return f"not done automatically, because it cannot be undone or affects others: {commands}"
    of_root = steps(remedy).of_root
    if of_root:
        return f"this requires root: {'; '.join(map(shell_line, of_root))}{_carefully(of_root)}"
    return ""


def _carefully(commands: Iterable[tuple[str, ...]]) -> str:
    """Return how to change PAM on a machine that can be reached only over the network."""
    if not any("creds-setup-pam" in argv for argv in commands):
        return ""
    return f" (on a machine that you reach only over the network, append {CAREFULLY})"


def carry_out(remedy: Remediation, facts: Facts, environ: Mapping[str, str]) -> str:
    """Run the commands of a remedy in order; return why one of them failed, or nothing."""
    for argv in steps(remedy).mine:
        problem = _not_for_root(argv) or _carry_out_command(argv, facts, environ)
        if problem:
            return problem
    return ""


def _not_for_root(argv: tuple[str, ...]) -> str:
    """Return why root must not run a command: others can change where a path in it leads."""
    if os.getuid() != 0:
        return ""
    reasons = (weakness(word) for word in argv if word.startswith("/"))
    weak = next(filter(None, reasons), None)
    return f"not done as root, because {weak}" if weak else ""


def _carry_out_command(argv: tuple[str, ...], facts: Facts, environ: Mapping[str, str]) -> str:
    if argv[0] == KILL:
        return _kill(argv, facts)
    if argv[0] == MV and os.path.lexists(argv[-1]):  # mv --no-clobber then does nothing, silently
        return f"{argv[-1]} exists already, so {argv[-2]} was not moved; rename {argv[-1]} first"
    return _chmod(argv) if argv[0] == CHMOD else _run(argv, environ)


def _chmod(argv: tuple[str, ...]) -> str:
    """Do what ``chmod MODE PATH`` does, but never through a link at the end of the path."""
    _, mode, path = argv
    try:
        change_mode(path, mode, os.getuid())
    except CredsSessionError as error:
        return error.problem
    return ""


def _kill(argv: tuple[str, ...], facts: Facts) -> str:
    """End a daemon, or continue a process, if it is still the one that was looked at."""
    pid = int(argv[-1])
    daemon = next((daemon for daemon in facts.daemons if daemon.pid == pid), None)
    if argv[1] == "-CONT":
        bus = next((bus for bus in facts.processes.buses if bus.pid == pid), None)
        name = bus.name if bus else "gnome-keyring-d"
        return "" if resume(pid, name, os.getuid()) else f"process {pid} is now another process"
    if daemon is None:
        return f"process {pid} was not seen to be a keyring daemon of this user"
    return "" if end(daemon) else f"process {pid} did not end, or is now another process"


def _run(argv: tuple[str, ...], environ: Mapping[str, str]) -> str:
    program = _own(argv[0]) if argv[0] in OURS else find_program(argv[0])
    if program is None:
        return f"{argv[0]} is not installed"
    try:
        with held_signals() as held:
            code = run_in_foreground([program, *argv[1:]], environ, held)
    except NotExecuted as error:
        return error.problem
    return "" if code == 0 else f"{shlex.join(argv)} exited with {code}"


def _own(name: str) -> str | None:
    """Return the command of this installation, which is beside the one that is running."""
    beside = Path(sys.argv[0]).absolute().with_name(name)
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)
