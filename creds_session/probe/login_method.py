"""Find the methods by which sshd accepted a login, in sshd's own lines in the journal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from creds_session.probe.login_log import from_journal
from creds_session.system.processes.commands import run

TIMEOUT = 5.0  # seconds
# OpenSSH, auth.c:auth_log. "Partial" is one method of several that AuthenticationMethods asks for.
LET_IN = re.compile(r"^(Accepted|Partial) (\S+) for ")
PASSWORD_METHODS = frozenset({"password", "keyboard-interactive/pam"})
"""The methods for which sshd runs PAM's auth rules (sshd_config(5), UsePAM)."""


def probe_login_methods(leader: int) -> tuple[str, ...]:
    """Return the methods by which sshd accepted the connection of this process of sshd.

    Returns nothing if sshd did not log them, or if the journal cannot be read. Only lines of root's
    processes count, because logger(1) can use any name.
    """
    matches = [f"_PID={leader}", "_UID=0"]
    shape = ["--output=json", "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_PID"]
    done = run(["journalctl", "--quiet", "--boot", *shape, *matches], timeout=TIMEOUT)
    return methods_of([line.text for line in from_journal(done.output)])


def methods_of(lines: list[str]) -> tuple[str, ...]:
    """Return the methods of the last login among the lines with one pid.

    An earlier process may have had the same pid. Its lines end with its own "Accepted".
    """
    methods: list[str] = []
    is_let_in = False
    for line in lines:
        match = LET_IN.match(line)
        if match is None:
            continue
        if is_let_in:
            methods.clear()
        methods.append(match.group(2))
        is_let_in = match.group(1) == "Accepted"
    return tuple(methods) if is_let_in else ()


def of_pam(methods: Sequence[str]) -> str | None:
    """Return the method that gave PAM a password, if there is one, or else the first method.

    AuthenticationMethods of sshd_config(5) can require several methods. The password of the method
    ``password`` still exists when the session begins; that of keyboard-interactive does not.
    """
    for start in ("password", "keyboard-interactive"):
        with_password = [method for method in methods if method.startswith(start)]
        if with_password:
            return with_password[0]
    return next(iter(methods), "") or None
