"""Whether the programs and modules that are needed lie on the disk."""

from __future__ import annotations

from creds_session.facts import DAEMON_NAME, Facts
from creds_session.findings import Finding, Remediation, Seen, Severity
from creds_session.packages import install_command
from creds_session.pam.policy import MODULE


def parts_are_installed(facts: Facts) -> Seen:
    """gnome-keyring-daemon and pam_gnome_keyring.so are installed."""
    parts = {
        DAEMON_NAME: (facts.installation.daemon, Severity.ERROR, "daemon-not-installed"),
        MODULE: (facts.installation.pam_module, Severity.WARNING, "pam-module-not-installed"),
    }
    findings = []
    for name, (path, severity, check_id) in parts.items():
        if path is None:
            command = install_command(name, facts.installation.os_release)
            commands = () if command.startswith("install ") else (tuple(command.split(" ")),)
            cure = Remediation("install it" if commands else command, commands)
            title = f"{name} is not installed"
            findings.append(Finding(check_id, severity, title, remediation=cure))
    found = [path for path, _, _ in parts.values() if path]
    return Seen(f"installed: {', '.join(found) or 'nothing'}", tuple(findings))
