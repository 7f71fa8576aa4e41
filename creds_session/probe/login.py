"""Describe this session: whose it is, and how the person logged in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from creds_session.errors import CredsSessionError
from creds_session.facts.next_step import is_under_sudo
from creds_session.facts.session import SessionFacts
from creds_session.probe.login_method import methods_of, of_pam
from creds_session.system.files.root import Root
from creds_session.system.processes.commands import run
from creds_session.system.processes.user_ids import own_name

# auth.c:auth_log. The line of a refused login can contain any text as its user name.
LET_IN = re.compile(r"^(?:Accepted|Partial) \S+ for (\S+) from \S+ port (\d+)", re.MULTILINE)
LOGGED_NAME = 100  # characters of a user name that auth_log writes


def probe_session(environ: Mapping[str, str], *, with_journal: bool = True) -> SessionFacts:
    """Return whose session this is and, if anything shows it, how the person logged in."""
    uid = os.getuid()
    user = own_name()
    return SessionFacts(
        user=user,
        uid=uid,
        by_ssh="SSH_CONNECTION" in environ,
        login_method=_login_method(environ, user, with_journal=with_journal),
        runtime_directory=environ.get("XDG_RUNTIME_DIR"),
        ssh_port="".join(environ.get("SSH_CONNECTION", "").split(" ")[1:2]),
        sudo_user=environ.get("SUDO_USER", "") if is_under_sudo(uid, environ) else "",
    )


def _login_method(
    environ: Mapping[str, str], user: str, *, with_journal: bool = True
) -> str | None:
    """Return sshd's name for the method by which this connection was accepted, or None.

    sshd names the method in the session only if ExposeAuthInfo is set (SSH_USER_AUTH,
    sshd_config(5)). Otherwise the journal contains it, for users who may read the journal.
    """
    if "SSH_USER_AUTH" in environ:
        try:
            content = Root().read(environ["SSH_USER_AUTH"], limit=1 << 16) or b""
        except CredsSessionError:
            return None
        lines = content.splitlines()
        return of_pam([line.split(b" ")[0].decode("ascii", "replace") for line in lines])
    port = environ.get("SSH_CONNECTION", "").split(" ")[1:2]
    if not port or not with_journal:
        return None
    by_root_as_sshd = ("_UID=0", "-t", "sshd", "-t", "sshd-session")  # logger(1) can use any name
    journal = run(["journalctl", "--quiet", "--output=cat", "--boot", *by_root_as_sshd], timeout=1)
    own = (user[:LOGGED_NAME], port[0])
    matches = (match for match in LET_IN.finditer(journal.output) if match.group(1, 2) == own)
    return of_pam(methods_of([match.group(0) for match in matches]))
