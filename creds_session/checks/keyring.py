"""Whether the login keyring is there and open."""

from __future__ import annotations

from creds_session.facts import CollectionState, Facts, collection_name
from creds_session.findings import Finding, Remediation, Seen, Severity

SERVICE = ("org.freedesktop.secrets", "/org/freedesktop/secrets", "org.freedesktop.Secret.Service")
LOGIN = "/org/freedesktop/secrets/collection/login"
MAKE_IT_DEFAULT = ("busctl", "--user", "call", *SERVICE, "SetAlias", "so", "default", LOGIN)
UNLOCK = Remediation("unlock it with the keyring's password", (("creds", "unlock"),))
REKEY = Remediation("give it the login's password; the old one is asked for", (("creds", "rekey"),))


def login_keyring_is_open(facts: Facts) -> Seen:
    """The login keyring exists, is served, and is unlocked: a secret can be read now.

    Programs read the default keyring; that is the login one, or must be open too.
    """
    state = facts.bus.login
    if state is CollectionState.UNLOCKED:
        if facts.bus.default is CollectionState.LOCKED:
            return Seen("the login keyring is unlocked, the default one not", (_default(facts),))
        return Seen("the login keyring is unlocked")
    if state is CollectionState.LOCKED:
        return Seen("the login keyring is locked", (_locked(facts),))
    if state is CollectionState.GHOST:
        return Seen("the login keyring is named and not served", (_ghost(facts),))
    if facts.keyring.exists is None:
        return Seen("the login keyring cannot be looked at", (_unreadable(facts),))
    return Seen("there is no login keyring", (_absent(facts),))


def _default(facts: Facts) -> Finding:
    name = collection_name(facts.bus.default_path)
    return Finding(
        "default-keyring-locked",
        Severity.ERROR,
        f"the default keyring is locked: {name}, which is not the login keyring",
        cause="the alias default names it, and no login opens it: PAM opens the login keyring only",
        evidence=(facts.bus.default_path,),
        remediation=Remediation(
            f"make the login keyring the default (what {name} holds stays there), or unlock {name}"
            " on a desktop",
            (MAKE_IT_DEFAULT,),
        ),
    )


def _locked(facts: Facts) -> Finding:
    method = facts.session.login_method
    title = "the login keyring is locked: this login brought no password"
    if method == "publickey":
        cause = "sshd accepted a public key; no password was typed that PAM could hand over"
    elif method is not None and method.startswith("keyboard-interactive"):
        cause = "sshd asks keyboard-interactive in a process of its own; the password stays there"
    elif method == "password" or not facts.session.by_ssh:
        title = "the login keyring is locked"
        cause = (
            "its password is not the one that was typed at login"
            if method == "password"
            else "this session was not opened by a login with a password (su, cron, a container)"
        )
    else:
        cause = (
            "a login by public key brings no password; if one was typed, the keyring's own is"
            " another (sshd tells how a login came only to root, or under ExposeAuthInfo)"
        )
    without_password = title != "the login keyring is locked"
    return Finding(
        "login-without-password" if without_password else "keyring-locked",
        Severity.ERROR,
        title,
        cause=cause,
        evidence=(f"login method: {method or 'not visible to this user'}", facts.keyring.path),
        remediation=REKEY if method == "password" else UNLOCK,
    )


def _ghost(facts: Facts) -> Finding:
    pid = facts.bus.owner.pid if facts.bus.owner else 0
    return Finding(
        "keyring-ghost",
        Severity.ERROR,
        "the login keyring was created while the daemon ran, which never serves such a one",
        cause="systemd's socket started the daemon before a first login created the keyring",
        evidence=(f"gnome-keyring-daemon (pid {pid})", facts.keyring.path),
        remediation=Remediation(
            "restart the daemon, then unlock",
            (
                ("systemctl", "--user", "restart", "gnome-keyring-daemon.service"),
                ("creds", "unlock"),
            ),
        ),
    )


def _unreadable(facts: Facts) -> Finding:
    return Finding(
        "keyring-unreadable",
        Severity.ERROR,
        "the folder of the login keyring cannot be read",
        cause="its mode or owner keep this user out, or the home is not there (NFS, encryption)",
        evidence=(facts.keyring.path,),
    )


def _absent(facts: Facts) -> Finding:
    return Finding(
        "keyring-absent",
        Severity.ERROR,
        "this user has no login keyring yet",
        cause="one is created by the first login with a password once PAM hands it over",
        evidence=(facts.keyring.path,),
        remediation=Remediation(
            "log in by password once PAM is set up, or create one now",
            (("creds", "unlock", "--create"),),
        ),
    )
