"""Small services for the tests of planner, judge and proof."""

from __future__ import annotations

from creds_session.pam.keyring_rules.plan import Options, Plan, plan
from creds_session.pam.stack.handlers import Stacks
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Dialect

D = "/etc/pam.d/"
SSHD = D + "sshd"
OTHER = {"other": "auth required pam_deny.so\nsession required pam_deny.so\n"}

JUMP = """\
auth [success=1 default=ignore] pam_unix.so
auth requisite pam_deny.so
auth required pam_permit.so
"""
AUTH_OURS = "auth optional pam_gnome_keyring.so\n"
SESSION = """\
session required pam_permit.so
session optional pam_gnome_keyring.so auto_start
"""
REST = "account required pam_unix.so\n" + SESSION


def files(sshd: str, **others: str) -> dict[str, bytes]:
    """Return files by path; names have an underscore for a hyphen."""
    texts = {"sshd": sshd, **OTHER, **others}
    return {D + name.replace("_", "-"): text.encode() for name, text in texts.items()}


def make(
    sshd: str, options: Options | None = None, *, service: str = "sshd", **others: str
) -> Plan:
    """Plan a service."""
    known = files("", **others)
    known[D + service] = sshd.encode()
    return plan(service, D + service, known.get, Dialect.DEBIAN_1_7, options)


def stacks(sshd: str, **others: str) -> Stacks:
    """Resolve sshd."""
    return resolve_all("sshd", files(sshd, **others).get, dialect=Dialect.DEBIAN_1_7)


def changed(made: Plan) -> list[str]:
    """Return the lines that are new in the result."""
    before = made.content.decode().splitlines()
    return [line for line in made.result.decode().splitlines() if line not in before]
