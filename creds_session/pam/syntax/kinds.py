"""The kinds of rules and of libpam, which facts and verdicts name (``terms`` has all terms).

Sources: pam.conf(5); the line assembly and the patches of libpam, see ``Dialect``.
"""

from __future__ import annotations

import enum


class ManagementGroup(enum.Enum):
    """The ``type`` field of a rule (pam.conf(5): "the type is the management group")."""

    AUTH = "auth"
    ACCOUNT = "account"
    PASSWORD = "password"  # noqa: S105 - the management group's name
    SESSION = "session"


class Dialect(enum.Enum):
    """Which libpam reads the text; the value is (line assembly, whose patches).

    "1.5" means every release before 1.6.0, "1.7" means 1.6.0 and later. Release 1.6.0 replaced the
    1024-byte buffer (pam_handlers.c:_pam_assemble_line) and began to count includes.
    """

    DEBIAN_1_5 = ("1.5", "debian")
    DEBIAN_1_7 = ("1.7", "debian")
    UPSTREAM_1_5 = ("1.5", "upstream")
    UPSTREAM_1_7 = ("1.7", "upstream")

    @classmethod
    def of(cls, version: str, *, debian: bool) -> Dialect:
        """Return the dialect of a version of libpam, such as ``1.5.2``, with or without patches."""
        numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
        lines = "1.5" if numbers < [1, 6] else "1.7"
        return cls((lines, "debian" if debian else "upstream"))

    @property
    def has_line_limit(self) -> bool:
        """Whether a line longer than 1023 bytes is split (BUF_SIZE in pam_handlers.c)."""
        return self.value[0] == "1.5"

    @property
    def counts_includes(self) -> bool:
        """Whether the depth limit of 16 counts ``include`` too, and not only ``substack``."""
        return not self.has_line_limit

    @property
    def is_debian(self) -> bool:
        """Whether it has Debian's patches: @include, lookup in /etc/pam.d, jump is ignore."""
        return self.value[1] == "debian"

    @property
    def directories(self) -> tuple[str, ...]:
        """The directories of services, in order (pam_private.h PAM_CONFIG_DF and later).

        The vendor directory is chosen when libpam is built. The third directory is the default
        since 1.7.2; Debian has none.
        """
        known = ("/etc/pam.d", "/usr/lib/pam.d")
        return known if self.is_debian else (*known, "/usr/share/pam/pam.d")
