"""Trees of Red Hat's family: the services of a release around the files of one selection.

The rules of the services are those of the packages openssh-server, util-linux, passwd, sudo, kbd,
polkit, systemd and gdm of Enterprise Linux 8 and 9, which later releases kept but for pam_console
and pam_ck_connector.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from tests.trees.authselect import FILES, KEYRING, PROFILES, Release, known_features, render
from tests.trees.tree import DIRECTORY, OTHER, Tree, files_of

OS_RELEASE = {
    Release.EL8: 'ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="8.10"\n',
    Release.EL9: 'ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.4"\n',
    Release.EL10: 'ID="rhel"\nID_LIKE="centos fedora"\nVERSION_ID="10.0"\n',
    Release.FEDORA: "ID=fedora\nVERSION_ID=43\n",
}
MODULE = "/usr/lib64/security/pam_gnome_keyring.so"
Selection = tuple[Release, str, tuple[str, ...]]


def _session(options: str, *more: str) -> str:
    """Return the session rules that every login service has before it includes the others."""
    return "".join(
        f"session {rule}\n"
        for rule in (
            "required pam_selinux.so close",
            "required pam_loginuid.so",
            f"required pam_selinux.so open{options}",
            "required pam_namespace.so",
            "optional pam_keyinit.so force revoke",
            *more,
        )
    )


def _login(part: str, account: str, session: str, *, last: str = "") -> str:
    return (
        "#%PAM-1.0\n"
        f"auth       substack     {part}\nauth       include      postlogin\n{account}"
        f"account    include      {part}\npassword   include      {part}\n{session}"
        f"session    include      {part}\nsession    include      postlogin\n{last}"
    )


NOLOGIN = "account    required     pam_nologin.so\n"
SSHD = _login(
    "password-auth",
    "account    required     pam_sepermit.so\n" + NOLOGIN,
    _session(" env_params", "optional pam_motd.so"),
)
REMOTE = _login("password-auth", NOLOGIN, _session(""))
LOGIN = _login("system-auth", NOLOGIN, _session(""))
LOGIN_WITH_CONSOLE = _login(
    "system-auth",
    NOLOGIN,
    _session("").replace(
        "pam_loginuid.so\n", "pam_loginuid.so\nsession    optional     pam_console.so\n"
    ),
    last="-session   optional     pam_ck_connector.so\n",
)
PASSWD = """\
#%PAM-1.0
# This tool only uses the password stack.
password   substack     system-auth
-password   optional    pam_gnome_keyring.so use_authtok
password   substack     postlogin
"""
SU = """\
#%PAM-1.0
auth            required        pam_env.so
auth            sufficient      pam_rootok.so
# Uncomment the following line to require a user to be in the "wheel" group.
#auth           required        pam_wheel.so use_uid
auth            substack        system-auth
auth            include         postlogin
account         sufficient      pam_succeed_if.so uid = 0 use_uid quiet
account         include         system-auth
password        include         system-auth
session         include         system-auth
session         include         postlogin
session         optional        pam_xauth.so
"""
SU_L = """\
#%PAM-1.0
auth            include         su
account         include         su
password        include         su
session         optional        pam_keyinit.so force revoke
session         include         su
"""
SUDO = """\
#%PAM-1.0
auth       include      system-auth
account    include      system-auth
password   include      system-auth
session    include      system-auth
"""
VLOCK = "#%PAM-1.0\nauth       include      system-auth\naccount    required     pam_permit.so\n"
SYSTEMD_USER = """\
account  include system-auth
session  required pam_selinux.so close
session  required pam_selinux.so nottys open
session  required pam_loginuid.so
session  include system-auth
"""
GDM = """\
auth     [success=done ignore=ignore default=bad] pam_selinux_permit.so
auth        substack      password-auth
auth        optional      pam_gnome_keyring.so
auth        include       postlogin
account     required      pam_nologin.so
account     include       password-auth
password    include       password-auth
session     required      pam_selinux.so close
session     required      pam_loginuid.so
session     required      pam_selinux.so open
session     optional      pam_keyinit.so force revoke
session     required      pam_namespace.so
session     include       password-auth
session     optional      pam_gnome_keyring.so auto_start
session     include       postlogin
"""


def services(release: Release) -> dict[str, str]:
    """Return the service files of a release, by name."""
    return {
        "sshd": SSHD,
        "remote": REMOTE,
        "login": LOGIN_WITH_CONSOLE if release <= Release.EL9 else LOGIN,
        "passwd": PASSWD,
        "su": SU,
        "su-l": SU_L,
        "sudo": SUDO,
        "polkit-1": SUDO,
        "vlock": VLOCK,
        "systemd-user": SYSTEMD_USER,
        "gdm-password": GDM,
        "other": OTHER,
    }


def tree(release: Release, profile: str, features: tuple[str, ...] = ()) -> Tree:
    """Return the tree of one selection, such as ``authselect select sssd with-faillock``."""
    written = render(release, profile, frozenset(features))
    with_keyring = " with the keyring's feature" if KEYRING in features else ""
    return Tree(
        name=" ".join((release.name, profile, *features)),
        kind=f"{release.name} {profile}{with_keyring}",
        files=files_of({**services(release), **written}),
        os_release=OS_RELEASE[release],
        module=MODULE,
        links={DIRECTORY + name: f"/etc/authselect/{name}" for name in FILES},
        tool="authselect",
    )


def trees(most: int) -> Iterator[Tree]:
    """Yield every tree with no feature and with one, then pairs; about ``most`` in all.

    The pairs are spread evenly over the releases; half of them have the keyring's feature.
    """
    few: list[Selection] = []
    pairs: tuple[list[Selection], list[Selection]] = ([], [])
    for release, profile in ((one, profile) for one in Release for profile in PROFILES[one]):
        known = known_features(release, profile)
        few += [(release, profile, ()), *((release, profile, (one,)) for one in known)]
        for two in itertools.combinations(known, 2):
            pairs[KEYRING in two].append((release, profile, two))
    for chosen in (few, *(_spread(some, (most - len(few)) // 2) for some in pairs)):
        yield from (tree(*one) for one in chosen)


def _spread(selections: Sequence[Selection], wanted: int) -> Iterator[Selection]:
    count = max(0, min(wanted, len(selections)))
    return (selections[index * len(selections) // count] for index in range(count))
