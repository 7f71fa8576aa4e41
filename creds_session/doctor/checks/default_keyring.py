"""Check the default keyring, in which programs store and read, whatever its name is."""

from __future__ import annotations

from creds_session.doctor.checks.daemon import NO_DAEMON
from creds_session.doctor.checks.files import BAD_FILES
from creds_session.doctor.checks.registry import Case, Check
from creds_session.facts.collection_state import CollectionState, KeyringForm, path_of_collection
from creds_session.facts.session_state import (
    LOGIN,
    SessionState,
    default_keyring,
    has_other_default,
    judge,
    rekey_words,
)
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity
from creds_session.quoting import quoted

SERVICE = ("org.freedesktop.secrets", "/org/freedesktop/secrets", "org.freedesktop.Secret.Service")
LOGIN_PATH = "/org/freedesktop/secrets/collection/login"
MAKE_IT_DEFAULT = ("busctl", "--user", "call", *SERVICE, "SetAlias", "so", "default", LOGIN_PATH)
MAKE_LOGIN_DEFAULT = Remediation(
    "make the login keyring the default keyring; the secrets in the other keyring stay there",
    (MAKE_IT_DEFAULT,),
    is_safe=True,
)
UNSERVED = tuple(
    dict.fromkeys(
        (
            *("daemon-not-installed", "daemon-capabilities", "selinux-refuses"),
            "daemon-start-refused",
            *(*NO_DAEMON, *BAD_FILES, "secret-service-unowned"),
        )
    )
)
WHOLE = frozenset({KeyringForm.SEALED, KeyringForm.PLAIN})
SERVED = frozenset({CollectionState.LOCKED, CollectionState.UNLOCKED})


def is_served(facts: Facts) -> bool:
    """Return whether gnome-keyring owns the name, or no program; others have other keyrings."""
    return facts.bus.owner is None or facts.bus.owner.is_gnome_keyring


def has_another(facts: Facts) -> bool:
    """Return whether another keyring than the login keyring is the default keyring and exists."""
    name, state = default_keyring(facts.bus)
    return (state in SERVED and name != LOGIN) or has_other_default(facts.keyring)


def _plain(facts: Facts) -> Found | None:
    forms = {LOGIN: facts.home.form, **facts.home.forms}
    plain = [name for name, form in forms.items() if form is KeyringForm.PLAIN]
    if not plain:
        return None
    plain.sort(key=lambda name: (name != facts.home.default, name != LOGIN, name))
    first = quoted(plain[0])
    links = facts.home.login.links if LOGIN in plain else ()
    evidence = [f"{file_of(facts, name)} begins as text, with [keyring]" for name in plain]
    commands = tuple(rekey_words(name) for name in plain)
    return Found(
        (*evidence, *links),
        f"the {first} keyring has no password, so its secrets are on the disk as plain text",
        remedy=Remediation("give it a password, which encrypts it", commands),
    )


def _default_elsewhere(facts: Facts) -> Found | None:
    default = facts.home.default
    if not default or default == LOGIN:
        return None
    file = quoted(f"{facts.home.folder.path}/default")
    evidence = [f"{file} says {quoted(default)}"]
    if facts.bus.login is CollectionState.LOCKED:
        evidence.append("the login keyring is locked")
    return Found(tuple(evidence))


def file_of(facts: Facts, name: str) -> str:
    """Return the path of a keyring's file, quoted for a person."""
    return quoted(f"{facts.home.folder.path}/{name}.keyring")


def _absent(facts: Facts) -> Found | None:
    if not is_served(facts) or judge(facts.bus, facts.keyring).state is not SessionState.NO_DEFAULT:
        return None
    named = quoted(facts.keyring.default_name or "")
    title = f"the default keyring {named} is not served, so programs cannot store or read secrets"
    alias = f"the alias default leads to {facts.bus.default_path or '/'}"
    if not facts.keyring.default_name:
        return Found((alias,))
    evidence = (alias, f"the file `default` names {named}")
    near = _near(facts, facts.keyring.default_name)
    if near is None:
        return Found(evidence, title)
    remedy = Remediation(
        f"if {quoted(near)} is meant, whose file exists, make it the default keyring",
        ((*MAKE_IT_DEFAULT[:-1], path_of_collection(near)),),
        alternatives=(MAKE_LOGIN_DEFAULT,) if facts.bus.login in SERVED else (),
    )
    return Found((*evidence, f"{file_of(facts, near)} exists"), title, remedy=remedy)


def _near(facts: Facts, named: str) -> str | None:
    """Return the keyring that a wrong name in the file ``default`` probably means, or None.

    gnome-keyring takes the whole file for the name, without blanks at both ends. So a name with the
    ending .keyring, a path, other capital letters or a second line is not the name of a keyring.
    """
    meant = named.splitlines()[0].strip().rpartition("/")[2].removesuffix(".keyring").casefold()
    whole = (name for name, form in facts.home.forms.items() if form in WHOLE)
    found = [name for name in whole if name.casefold() == meant and name != named]
    return found[0] if len(found) == 1 else None


def _locked(facts: Facts) -> Found | None:
    name, state = default_keyring(facts.bus)
    if state is not CollectionState.LOCKED or name == LOGIN or not is_served(facts):
        return None
    if judge(facts.bus, facts.keyring).is_readable:
        return None
    kept = (
        "the login keyring holds a password for it, so the first program that asks may unlock it"
        " (creds get tries that)"
    )
    return Found(
        (facts.bus.default_path, *([kept] if facts.bus.keeps_default_password else [])),
        f"the default keyring {quoted(name)} is locked; it is not the login keyring",
        remedy=Remediation(
            f"unlock {quoted(name)} with its own password",
            (("creds", "unlock"),),
            is_safe=True,
            alternatives=(_for_later(facts, name),),
        ),
    )


def _for_later(facts: Facts, name: str) -> Remediation:
    """Return how to make every later login unlock the keyring that programs read."""
    if facts.keyring.exists is not False:
        return MAKE_LOGIN_DEFAULT
    return Remediation(
        "to make every login unlock it: give it your login password (creds rekey), end the keyring"
        f" daemon, rename {quoted(f'{name}.keyring')} to login.keyring, and write login into the"
        " file `default` beside it"
    )


CHECKS = (
    Check(
        "default-keyring-absent",
        "keyring",
        Severity.ERROR,
        "there is no default keyring, so programs cannot store or read secrets",
        _absent,
        cause="the alias default names a keyring that does not exist; its name is in the file"
        " ~/.local/share/keyrings/default",
        remedy=MAKE_LOGIN_DEFAULT,
        needs=(*UNSERVED, "default-keyring-damaged"),
    ),
    Check(
        "default-keyring-locked",
        "keyring",
        Severity.ERROR,
        "the default keyring is locked; it is not the login keyring",
        _locked,
        cause="the alias default names this keyring, and a login does not unlock it: PAM unlocks"
        " only the login keyring",
        needs=UNSERVED,
        about="A keyring `Login`, with a capital letter, is such a keyring: the login keyring of"
        " gnome-keyring is the file login.keyring.",
        cases=(
            Case("you need its secrets now", "`creds unlock`, with the password of that keyring"),
            Case(
                "programs may store in the login keyring from now on",
                "make the login keyring the default keyring: the finding shows the command",
            ),
            Case(
                "there is no login keyring, and every login should unlock this one",
                "give it your login password (`creds rekey`), end the keyring daemon, rename its"
                " file to login.keyring, and write login into the file `default` beside it",
            ),
        ),
    ),
    Check(
        "keyring-plaintext",
        "keyring",
        Severity.WARNING,
        "a keyring has no password, so its secrets are on the disk as plain text",
        _plain,
        cause="the keyring was made with an empty password; every program can unlock it without a"
        " question, and locking it has no effect",
        remedy=Remediation("give it a password, which encrypts it", (("creds", "rekey"),)),
        about="Such a keyring cannot store every secret: a line break makes its file unreadable,"
        " and a backslash, a blank at the beginning or a carriage return at the end is lost. `creds"
        " put` refuses to store such a secret there.",
    ),
    Check(
        "default-elsewhere",
        "keyring",
        Severity.NOTE,
        "the default keyring is not the login keyring",
        _default_elsewhere,
        cause="the file `default` beside the keyrings names it; a login unlocks it only if the"
        " login keyring holds its password",
        cases=(
            Case("secrets can be read", "nothing has to be done"),
            Case(
                "programs should store in the login keyring",
                "write login into the file ~/.local/share/keyrings/default, then log in again",
            ),
        ),
    ),
)
