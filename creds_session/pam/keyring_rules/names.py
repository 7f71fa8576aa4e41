"""The name of the module that this project is about, and of services that are special to it."""

from __future__ import annotations

import re

MODULE = "pam_gnome_keyring.so"

PASSWORD_ONLY = frozenset({"passwd", "chpasswd", "chpass", "kpasswd"})
"""Services that log nobody in: only their password group matters to a keyring."""


OF_ANOTHER_PERSON = frozenset(
    {
        *("sudo", "sudo-i", "su", "su-l", "runuser", "runuser-l", "doas", "pkexec", "polkit-1"),
        *("cron", "crond", "atd", "at", "crontab", "fcron", "systemd-run0", "run0", "sux"),
        *("ksu", "newrole", "run_init", "userhelper", "config-util"),
        *("systemd-user", "start-stop-daemon", "supervise-daemon"),
    }
)
"""Services whose session is not the login of the person who types the password.

They open the session as root, or for another user, with the caller's environment. A daemon that is
started there belongs to the wrong user, and the person's keyring stays locked. systemd-user and
the programs that start daemons get no password at all.
"""

FAMILIES = frozenset(
    ("sudo", "su", "runuser", "doas", "pkexec", "polkit", "cron", "crond", "cronie", "run0")
)
"""The first words of the names of such services.

sudoers(5) lets each command have a service of its own (pam_service), and ports of a program have
names such as sudo-rs.
"""
_BETWEEN_WORDS = re.compile("[-_.]")


def is_of_another_person(service: str) -> bool:
    """Return whether a service opens a session that is not the login of the person who types."""
    return service in OF_ANOTHER_PERSON or _BETWEEN_WORDS.split(service)[0] in FAMILIES
