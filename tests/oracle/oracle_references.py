"""Files that services include, for when a repository lacks its own: one set a distribution.

Debian's and Red Hat's stand in pam.d/. The others are written for this purpose: they have
the shape of the distribution's own (what jumps, what ends the stack), not its text.
"""

from __future__ import annotations

from pathlib import Path

LAYOUTS = Path(__file__).parents[2] / "pam.d"

OTHER = b"""\
auth     required pam_deny.so
account  required pam_deny.so
password required pam_deny.so
session  required pam_deny.so
"""

_DEBIAN = {
    "common-session-noninteractive": b"""\
session [default=1] pam_permit.so
session requisite pam_deny.so
session required  pam_permit.so
session required  pam_unix.so
""",
    "login": b"""\
auth requisite pam_nologin.so
@include common-auth
@include common-account
@include common-session
@include common-password
""",
}

_SUSE = {
    "common-auth": b"auth required pam_env.so\nauth required pam_unix.so try_first_pass\n",
    "common-account": b"account required pam_unix.so try_first_pass\n",
    "common-password": b"""\
password requisite pam_cracklib.so
password required  pam_unix.so use_authtok nullok try_first_pass
""",
    "common-session": b"""\
session required pam_limits.so
session required pam_unix.so try_first_pass
session optional pam_umask.so
session optional pam_systemd.so
session optional pam_env.so
""",
}

_YOCTO = {
    "common-auth": b"""\
auth [success=1 default=ignore] pam_unix.so nullok
auth requisite pam_deny.so
auth required  pam_permit.so
""",
    "common-account": b"""\
account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so
account requisite pam_deny.so
account required  pam_permit.so
""",
    "common-password": b"""\
password [success=1 default=ignore] pam_unix.so obscure
password requisite pam_deny.so
password required  pam_permit.so
""",
    "common-session": b"""\
session [default=1] pam_permit.so
session requisite pam_deny.so
session required  pam_permit.so
session required  pam_unix.so
""",
}

_ARCH = {
    "system-auth": b"""\
auth       required                    pam_faillock.so preauth
-auth      [success=2 default=ignore]  pam_systemd_home.so
auth       [success=1 default=bad]     pam_unix.so try_first_pass
auth       [default=die]               pam_faillock.so authfail
auth       required                    pam_faillock.so authsucc
-account   [success=1 default=ignore]  pam_systemd_home.so
account    required                    pam_unix.so
-password  [success=1 default=ignore]  pam_systemd_home.so
password   required                    pam_unix.so try_first_pass shadow
-session   optional                    pam_systemd_home.so
session    required                    pam_limits.so
session    required                    pam_unix.so
""",
    "system-login": b"""\
auth     required  pam_shells.so
auth     requisite pam_nologin.so
auth     include   system-auth
account  required  pam_access.so
account  include   system-auth
password include   system-auth
session  optional  pam_loginuid.so
session  include   system-auth
session  optional  pam_motd.so
-session optional  pam_systemd.so
session  required  pam_env.so
""",
    "system-local-login": b"""\
auth     include system-login
account  include system-login
password include system-login
session  include system-login
""",
}
_ARCH["system-remote-login"] = _ARCH["system-local-login"]
_ARCH["system-services"] = b"""\
auth     sufficient pam_permit.so
account  include    system-auth
session  include    system-auth
"""

_GENTOO = {
    **_ARCH,
    "system-auth": b"""\
auth     required pam_env.so
auth     required pam_unix.so try_first_pass likeauth nullok
account  required pam_unix.so
password required pam_unix.so try_first_pass use_authtok nullok
session  required pam_limits.so
session  required pam_unix.so
""",
}

_ALPINE = {
    "base-auth": b"auth required pam_env.so\nauth required pam_unix.so nullok\n",
    "base-account": b"account required pam_nologin.so\naccount required pam_unix.so\n",
    "base-password": b"password required pam_unix.so nullok sha512 shadow\n",
    "base-session": b"session required pam_limits.so\nsession required pam_unix.so\n",
}

_SLACKWARE = {
    "system-auth": b"""\
auth     required   pam_env.so
auth     sufficient pam_unix.so likeauth nullok
auth     required   pam_deny.so
account  required   pam_unix.so
password sufficient pam_unix.so nullok shadow minlen=6
password required   pam_deny.so
session  required   pam_limits.so
session  required   pam_unix.so
-session optional   pam_elogind.so
""",
    "postlogin": b"session optional pam_umask.so\n",
}


def _shown(layout: str) -> dict[str, bytes]:
    """Read the includes of a layout in pam.d/."""
    files = (LAYOUTS / layout / "before").iterdir()
    return {path.name: path.read_bytes() for path in files if path.name != "sshd"}


REFERENCES: dict[str, dict[str, bytes]] = {
    "debian": {**_DEBIAN, **_shown("debian")},
    "redhat": _shown("redhat"),
    "suse": _SUSE,
    "yocto": _YOCTO,
    "arch": _ARCH,
    "gentoo": _GENTOO,
    "alpine": _ALPINE,
    "slackware": _SLACKWARE,
    "": {},
}
