"""Trees of Debian: /etc/pam.d as the real pam-auth-update writes it from the packages' profiles."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.machine.support import rootfs
from tests.trees.tree import DIRECTORY, STATUS, Tree

ALWAYS = ("gnome-keyring", "systemd", "unix")
MODULE = "/usr/lib/x86_64-linux-gnu/security/pam_gnome_keyring.so"
ADMINS = {
    "faillock": """\
Name: Count failed logins
Default: no
Priority: 0
Auth-Type: Primary
Auth:
\t[default=die]\tpam_faillock.so authfail
""",
    "faillock-notify": """\
Name: Refuse a user with too many failed logins
Default: no
Priority: 1024
Auth-Type: Primary
Auth:
\trequisite\tpam_faillock.so preauth
Account-Type: Primary
Account:
\trequired\tpam_faillock.so
""",
    "google-authenticator": """\
Name: A one-time code after the password
Default: no
Priority: 0
Auth-Type: Additional
Auth:
\trequired\tpam_google_authenticator.so nullok
""",
    "pwhistory": """\
Name: Refuse old passwords
Default: no
Priority: 1024
Password-Type: Primary
Password:
\trequisite\tpam_pwhistory.so remember=24 use_authtok
""",
    "u2f": """\
Name: A security key in place of the password
Default: no
Priority: 512
Auth-Type: Primary
Auth:
\t[success=end default=ignore]\tpam_u2f.so cue
""",
    "u2f-too": """\
Name: A security key and the password
Default: no
Priority: 0
Auth-Type: Additional
Auth:
\trequired\tpam_u2f.so cue nouserok
""",
}
"""Profiles that administrators write, since Debian's packages of these modules bring none."""

TOGETHER = (
    ("sss", "mkhomedir"),
    ("sss", "mkhomedir", "faillock", "faillock-notify"),
    ("sss", "krb5"),
    ("winbind", "krb5", "mkhomedir"),
    ("ldap", "krb5", "ccreds-check", "ccreds-save"),
    ("systemd-homed", "fscrypt"),
    ("faillock", "faillock-notify", "pwquality", "pwhistory"),
    ("u2f", "google-authenticator"),
)
"""Profiles that are often on together."""


def profile_folder(release: str, place: Path) -> Path:
    """Make a directory of the packages' profiles and of the administrators'."""
    folder = place / "profiles"
    shutil.copytree(rootfs.profiles(release), folder)
    for name, text in ADMINS.items():
        (folder / name).write_text(text)
    return folder


def selections(folder: Path, *, pairs: bool) -> list[tuple[str, ...]]:
    """Return no profile, each one, and what is often on together; or every pair too."""
    known = sorted(path.name for path in folder.iterdir() if path.name not in ALWAYS)
    chosen = [(), *((one,) for one in known), *TOGETHER]
    return [*chosen, *itertools.combinations(known, 2)] if pairs else chosen


def trees(
    release: str, place: Path, folder: Path, chosen: Sequence[tuple[str, ...]]
) -> Iterator[Tree]:
    """Yield the tree of each selection of profiles in addition to those that are always on."""
    base = rootfs.root_file_system(release)
    status = (base / STATUS.lstrip("/")).read_text()
    libpam = re.search(r"^Package: libpam0g\n(?:.+\n)+", status, re.MULTILINE)
    assert libpam is not None
    made = rootfs.pam_auth_update(release, place, folder, [(*ALWAYS, *one) for one in chosen])
    for names, texts in zip(chosen, made):
        files = {DIRECTORY + name: text for name, text in texts.items()}
        yield Tree(
            name=" ".join((release, *names)),
            kind=" ".join((release, *names)),
            files={**files, STATUS: f"{libpam[0]}\n".encode()},
            os_release="ID=debian\n",
            module=MODULE,
            links={},
            tool="pam-auth-update",
        )
