"""Whether the keyring where programs read and store can be reached, whatever its name is."""

from __future__ import annotations

from creds_session.doctor.checks.daemon import NO_DAEMON
from creds_session.doctor.checks.files import BAD_FILES
from creds_session.doctor.checks.registry import Check, hindrance
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
    "make the login keyring the default one; what the other keyring holds stays there",
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
    """Return whether gnome-keyring owns the name, or nobody; others have other keyrings."""
    return facts.bus.owner is None or facts.bus.owner.is_gnome_keyring


def has_another(facts: Facts) -> bool:
    """Return whether another keyring than the login keyring is the default one and exists."""
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
    told = [f"{_path(facts, name)} begins as text, with [keyring]" for name in plain]
    commands = tuple(rekey_words(name) for name in plain)
    return Found(
        (*told, *links),
        f"the {first} keyring has no password: its secrets lie on the disk as text",
        remedy=Remediation("give it a password, which encrypts it", commands),
    )


def _default_elsewhere(facts: Facts) -> Found | None:
    default = facts.home.default
    if not default or default == LOGIN:
        return None
    file = quoted(f"{facts.home.folder.path}/default")
    told = [f"{file} says {quoted(default)}"]
    if facts.bus.login is CollectionState.LOCKED:
        told.append("the login keyring is locked")
    return Found(tuple(told))


def _damaged(facts: Facts) -> Found | None:
    name = facts.home.default
    form = facts.home.forms.get(name or "", KeyringForm.UNKNOWN)
    if not name or name == LOGIN or not form.is_damaged or facts.bus.default in SERVED:
        return None
    return Found(
        (_seen(facts, name, form),),
        f"the file of the default keyring, {quoted(name)}, is damaged: no program can read its"
        " secrets",
        _why_damaged(facts, name),
        _mended(facts, name),
    )


def _others_damaged(facts: Facts) -> Found | None:
    damaged = {
        name: form
        for name, form in facts.home.forms.items()
        if form.is_damaged and name not in {LOGIN, facts.home.default}
    }
    if not damaged:
        return None
    names = ", ".join(map(quoted, damaged))
    what = "a keyring's file is" if len(damaged) == 1 else "the files of some keyrings are"
    return Found(
        tuple(_seen(facts, name, form) for name, form in damaged.items()),
        f"{what} damaged, so that no program can read its secrets: {names}",
        _why_damaged(facts, next(iter(damaged))),
        _by_hand(facts, next(iter(damaged))),
    )


def _seen(facts: Facts, name: str, form: KeyringForm) -> str:
    path, line = _path(facts, name), facts.home.bad_lines.get(name)
    if line is None:
        return f"{path}: {form.value}"
    return f"{path}:{line}: this line is neither [group] nor key=value, so the file is unreadable"


def _path(facts: Facts, name: str) -> str:
    return quoted(f"{facts.home.folder.path}/{name}.keyring")


FIRST_LINE = 1


def _why_damaged(facts: Facts, name: str) -> str:
    if facts.home.bad_lines.get(name) == FIRST_LINE:
        return (
            "it is text, as of a keyring without a password, and does not begin with [keyring],"
            " as gnome-keyring writes it: an editor may have put a byte-order mark or a line there"
        )
    if name in facts.home.bad_lines:
        return (
            "the keyring has no password, and gnome-keyring writes its secrets without escapes: a"
            " secret of several lines makes the file unreadable when the daemon reads it again"
        )
    return "it is not what gnome-keyring writes: a full disk, a crash or an editor changed it"


def _by_hand(facts: Facts, name: str) -> Remediation:
    path = _path(facts, name)
    if facts.home.bad_lines.get(name) == FIRST_LINE:
        return Remediation(
            f"copy {path}, then take out with an editor what stands before [keyring] in it, and"
            " save it without a byte-order mark; end the keyring daemon, and unlock again"
        )
    if name in facts.home.bad_lines:
        return Remediation(
            f"copy {path}, then take the line out of it with an editor: it belongs to the secret"
            " above it; end the keyring daemon, and unlock again"
        )
    return Remediation(f"if there is a copy of {path}, put it back; what it held is lost otherwise")


def _mended(facts: Facts, name: str) -> Remediation:
    """Return how the file is mended, and what has a secret stored and read until then."""
    until_then = Remediation(
        "until then create a login keyring, which becomes the default one",
        (("creds", "unlock", "--create"),),
    )
    if facts.bus.login in SERVED:
        until_then = MAKE_LOGIN_DEFAULT
    return _by_hand(facts, name)._replace(alternatives=(until_then,))


def _absent(facts: Facts) -> Found | None:
    if not is_served(facts) or judge(facts.bus, facts.keyring).state is not SessionState.NO_DEFAULT:
        return None
    named = quoted(facts.keyring.default_name or "")
    title = f"there is no default keyring, where programs read and store: {named} is not served"
    told = f"the alias default leads to {facts.bus.default_path or '/'}"
    if not facts.keyring.default_name:
        return Found((told,))
    evidence = (told, f"the file `default` names {named}")
    near = _near(facts, facts.keyring.default_name)
    if near is None:
        return Found(evidence, title)
    remedy = Remediation(
        f"if {quoted(near)} is meant, whose file is there, make that one the default keyring",
        ((*MAKE_IT_DEFAULT[:-1], path_of_collection(near)),),
        alternatives=(MAKE_LOGIN_DEFAULT,) if facts.bus.login in SERVED else (),
    )
    return Found((*evidence, f"{_path(facts, near)} is there"), title, remedy=remedy)


def _near(facts: Facts, named: str) -> str | None:
    """Return the one keyring that a name in the file ``default`` may be meant for, or None.

    gnome-keyring takes the whole file for the name, less blanks at both ends: with the ending of
    the file, a path, other capital letters or a second line it is the name of no keyring.
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
        "the login keyring keeps a password for it, so the first program that asks may open it"
        " (creds get tries it)"
    )
    return Found(
        (facts.bus.default_path, *([kept] if facts.bus.keeps_default_password else [])),
        f"the default keyring is locked: {quoted(name)}, which is not the login keyring",
        remedy=Remediation(
            f"unlock {quoted(name)} with its own password",
            (("creds", "unlock"),),
            is_safe=True,
            alternatives=(_for_later(facts, name),),
        ),
    )


def _for_later(facts: Facts, name: str) -> Remediation:
    """Return what has every later login unlock the keyring where programs read."""
    if facts.keyring.exists is not False:
        return MAKE_LOGIN_DEFAULT
    return Remediation(
        "so that every login unlocks it: give it the login's password (creds rekey), end the"
        f" keyring daemon, rename {quoted(f'{name}.keyring')} to login.keyring, and write login"
        " into the file `default` beside it"
    )


CHECKS = (
    Check(
        "default-keyring-damaged",
        "keyring",
        hindrance,
        "the file of the default keyring is damaged: no program can read its secrets",
        _damaged,
        cause="a full disk, a crash or an editor changed it; or a secret of several lines was"
        " stored in a keyring without a password, whose file has no escapes",
        needs=UNSERVED,
        about="What a damaged file held can be had back from a copy of it. The file of a keyring"
        " without a password is text: there the secrets are still to be read with an editor.",
    ),
    Check(
        "other-keyring-damaged",
        "keyring",
        Severity.WARNING,
        "a keyring's file is damaged, so that no program can read its secrets",
        _others_damaged,
        cause="a full disk, a crash or an editor changed it; or a secret of several lines was"
        " stored in a keyring without a password, whose file has no escapes",
        needs=BAD_FILES,
    ),
    Check(
        "default-keyring-absent",
        "keyring",
        Severity.ERROR,
        "there is no default keyring, where programs read and store",
        _absent,
        cause="the alias default names a keyring that is not there: the file"
        " ~/.local/share/keyrings/default holds its name",
        remedy=MAKE_LOGIN_DEFAULT,
        needs=(*UNSERVED, "default-keyring-damaged"),
    ),
    Check(
        "default-keyring-locked",
        "keyring",
        Severity.ERROR,
        "the default keyring is locked, which is not the login keyring",
        _locked,
        cause="the alias default names it, and no login opens it: PAM opens the login keyring only",
        needs=UNSERVED,
        about="A keyring `Login`, with a capital letter, is such a keyring: gnome-keyring's login"
        " keyring is the file login.keyring.",
    ),
    Check(
        "keyring-plaintext",
        "keyring",
        Severity.WARNING,
        "a keyring has no password: its secrets lie on the disk as text",
        _plain,
        cause="it was made with an empty password; every program opens it without a question, and"
        " locking it means nothing",
        remedy=Remediation("give it a password, which encrypts it", (("creds", "rekey"),)),
        about="Such a keyring cannot keep every secret: a line break makes its file unreadable, and"
        " a backslash, a blank at the beginning or a carriage return at the end is lost. `creds"
        " put` refuses such a secret there.",
    ),
    Check(
        "default-elsewhere",
        "keyring",
        Severity.NOTE,
        "the default keyring is another than the login keyring",
        _default_elsewhere,
        cause="the file `default` beside the keyrings names it; a login opens it only if the login"
        " keyring holds its password",
    ),
)
