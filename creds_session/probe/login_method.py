"""How sshd let one login in, as sshd itself wrote to the journal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from creds_session.probe.login_log import from_journal
from creds_session.system.processes.commands import run

TIMEOUT = 5.0  # seconds
# OpenSSH, auth.c:auth_log. "Partial" is one method of several that AuthenticationMethods asks for.
LET_IN = re.compile(r"^(Accepted|Partial) (\S+) for ")
PASSWORD_METHODS = frozenset({"password", "keyboard-interactive/pam"})
"""The methods by which sshd runs PAM's auth rules (sshd_config(5), UsePAM)."""


def probe_login_methods(leader: int) -> tuple[str, ...]:
    """Return the methods by which sshd let in the connection of this process of sshd's.

    Returns nothing if sshd did not write it, or if the journal cannot be read. Only lines of root's
    processes count, since logger(1) can say any name.
    """
    matches = [f"_PID={leader}", "_UID=0"]
    shape = ["--output=json", "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_PID"]
    done = run(["journalctl", "--quiet", "--boot", *shape, *matches], timeout=TIMEOUT)
    return methods_of([line.text for line in from_journal(done.output)])


def methods_of(lines: list[str]) -> tuple[str, ...]:
    """Return the methods of the last login among the lines of one process number.

    An earlier process may have had the number. What it wrote ends with its own "Accepted".
    """
    methods: list[str] = []
    is_let_in = False
    for line in lines:
        found = LET_IN.match(line)
        if found is None:
            continue
        if is_let_in:
            methods.clear()
        methods.append(found.group(2))
        is_let_in = found.group(1) == "Accepted"
    return tuple(methods) if is_let_in else ()


def of_pam(methods: Sequence[str]) -> str | None:
    """Return, of the methods that let one login in, the one that gave PAM a password, if any.

    AuthenticationMethods of sshd_config(5) demands several. A password of the method ``password``
    is still there when the session begins; that of keyboard-interactive is not.
    """
    for start in ("password", "keyboard-interactive"):
        gave = [one for one in methods if one.startswith(start)]
        if gave:
            return gave[0]
    return next(iter(methods), "") or None
