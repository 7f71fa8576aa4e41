"""Check whether gnome-keyring can read the files of the keyrings other than the login keyring."""

from __future__ import annotations

from creds_session.doctor.checks.default_keyring import (
    MAKE_LOGIN_DEFAULT,
    SERVED,
    UNSERVED,
    file_of,
)
from creds_session.doctor.checks.files import BAD_FILES
from creds_session.doctor.checks.registry import Case, Check, hindrance
from creds_session.facts.collection_state import KeyringForm
from creds_session.facts.session_state import LOGIN
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity
from creds_session.quoting import quoted

FIRST_LINE = 1


def _damaged(facts: Facts) -> Found | None:
    name = facts.home.default
    form = facts.home.forms.get(name or "", KeyringForm.UNKNOWN)
    if not name or name == LOGIN or not form.is_damaged or facts.bus.default in SERVED:
        return None
    return Found(
        (_seen(facts, name, form),),
        f"the file of the default keyring, {quoted(name)}, is damaged, so no program can read its"
        " secrets",
        _why_damaged(facts, name),
        _repaired(facts, name),
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
    what = "the file of a keyring is" if len(damaged) == 1 else "the files of some keyrings are"
    return Found(
        tuple(_seen(facts, name, form) for name, form in damaged.items()),
        f"{what} damaged, so no program can read its secrets: {names}",
        _why_damaged(facts, next(iter(damaged))),
        _by_hand(facts, next(iter(damaged))),
    )


def _seen(facts: Facts, name: str, form: KeyringForm) -> str:
    path, line = file_of(facts, name), facts.home.bad_lines.get(name)
    if line is None:
        return f"{path}: {form.value}"
    return f"{path}:{line}: this line is neither [group] nor key=value, so the file is unreadable"


def _why_damaged(facts: Facts, name: str) -> str:
    if facts.home.bad_lines.get(name) == FIRST_LINE:
        return (
            "the file is text, like that of a keyring without a password, but it does not begin"
            " with [keyring], as gnome-keyring writes it: perhaps an editor added a byte-order mark"
            " or a line at the beginning"
        )
    if name in facts.home.bad_lines:
        return (
            "the keyring has no password, and gnome-keyring writes its secrets without escapes: a"
            " secret of several lines makes the file unreadable when the daemon reads it again"
        )
    return "the file is not what gnome-keyring writes: a full disk, a crash or an editor changed it"


def _by_hand(facts: Facts, name: str) -> Remediation:
    path = file_of(facts, name)
    if facts.home.bad_lines.get(name) == FIRST_LINE:
        return Remediation(
            f"copy {path}, then remove with an editor everything before [keyring], and save the"
            " file without a byte-order mark; end the keyring daemon, and unlock again"
        )
    if name in facts.home.bad_lines:
        return Remediation(
            f"copy {path}, then remove the line with an editor (it is a part of the secret above"
            " it); end the keyring daemon, and unlock again"
        )
    return Remediation(
        f"restore {path} from a copy, if there is one; without a copy its secrets are lost"
    )


def _repaired(facts: Facts, name: str) -> Remediation:
    """Return how to repair the file, and how to store and read secrets until then."""
    until_then = Remediation(
        "until then create a login keyring, which becomes the default one",
        (("creds", "unlock", "--create"),),
    )
    if facts.bus.login in SERVED:
        until_then = MAKE_LOGIN_DEFAULT
    return _by_hand(facts, name)._replace(alternatives=(until_then,))


DAMAGED_CASES = (
    Case(
        "there is a copy of the file",
        "end the keyring daemon, restore the file from the copy, then `creds unlock`",
    ),
    Case(
        "the keyring has no password, and the evidence names a line",
        "copy the file, remove that line with an editor, end the keyring daemon, then `creds"
        " unlock`",
    ),
    Case(
        "there is text before [keyring] in the first line",
        "copy the file, remove that text with an editor, save the file without a byte-order mark,"
        " end the keyring daemon, then `creds unlock`",
    ),
    Case(
        "there is no copy, and the keyring was encrypted",
        "its secrets are lost; `creds unlock --create` creates a login keyring for new ones",
    ),
)
CHECKS = (
    Check(
        "default-keyring-damaged",
        "keyring",
        hindrance,
        "the file of the default keyring is damaged, so no program can read its secrets",
        _damaged,
        cause="a full disk, a crash or an editor changed the file; or a secret of several lines was"
        " stored in a keyring without a password, whose file has no escapes",
        needs=UNSERVED,
        about="The secrets of a damaged file can be recovered only from a copy. The file of a"
        " keyring without a password is text: its secrets can still be read with an editor.",
        cases=DAMAGED_CASES,
    ),
    Check(
        "other-keyring-damaged",
        "keyring",
        Severity.WARNING,
        "the file of a keyring is damaged, so no program can read its secrets",
        _others_damaged,
        cause="a full disk, a crash or an editor changed the file; or a secret of several lines was"
        " stored in a keyring without a password, whose file has no escapes",
        needs=BAD_FILES,
        cases=DAMAGED_CASES,
    ),
)
