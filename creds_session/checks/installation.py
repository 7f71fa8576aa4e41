"""Whether the programs and modules that are needed lie on the disk."""

from __future__ import annotations

from creds_session.checks.registry import Check, hindrance
from creds_session.facts import DAEMON_NAME, Facts
from creds_session.findings import Found, Remediation, Severity
from creds_session.packages import install_command
from creds_session.pam.policy import MODULE


def install(name: str, os_release: str) -> Remediation:
    """Return how a program or module is installed on this distribution."""
    command = install_command(name, os_release)
    if command.startswith("install "):
        return Remediation(command)
    return Remediation("install it", (("sudo", *command.split(" ")),))


def _daemon(facts: Facts) -> Found | None:
    return None if facts.installation.daemon else Found((f"no {DAEMON_NAME} in /usr/bin",))


def _module(facts: Facts) -> Found | None:
    if facts.installation.pam_module:
        return None
    return Found((f"no {MODULE} in libpam's folders",))


CHECKS = (
    Check(
        "daemon-not-installed",
        "installation",
        hindrance,
        "gnome-keyring-daemon is not installed",
        _daemon,
        cause="servers come without a desktop, and so without its keyring",
        cure=lambda facts: install(DAEMON_NAME, facts.installation.os_release),
    ),
    Check(
        "pam-module-not-installed",
        "installation",
        Severity.WARNING,
        "pam_gnome_keyring.so is not installed",
        _module,
        cause="distributions put it into a package of its own; a rule with a leading `-` says"
        " nothing of a module that is not there",
        cure=lambda facts: install(MODULE, facts.installation.os_release),
    ),
)
