"""Check whether the user, and nobody else, can read and write the file of the login keyring."""

from __future__ import annotations

from collections.abc import Callable

from creds_session.doctor.checks import keyring_directory
from creds_session.doctor.checks.keyring_directory import FOLDER, FOREIGN_CASES, mode_cases
from creds_session.doctor.checks.paths import (
    NOT_FOR_ROOT,
    cleared_away,
    created_again,
    is_foreign,
    seen,
    with_mode,
)
from creds_session.doctor.checks.registry import Case, Check, hindrance
from creds_session.facts.collection_state import KeyringForm
from creds_session.facts.machine import PathFacts, PathKind
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Severity
from creds_session.quoting import quoted

NOT_FILES = {PathKind.FOLDER, PathKind.DANGLING, PathKind.OTHER, PathKind.SOCKET}
KEYRING = "~/.local/share/keyrings/login.keyring"


def _login(judge: Callable[[PathFacts, Facts], Found | None]) -> Callable[[Facts], Found | None]:
    return lambda facts: judge(facts.home.login, facts)


def _file_foreign(login: PathFacts, facts: Facts) -> Found | None:
    if not is_foreign(login, facts):
        return None
    return Found(seen(login), remedy=cleared_away(facts, login, facts.home.folder))


def _file_unreadable(login: PathFacts, facts: Facts) -> Found | None:
    if login.kind is not PathKind.FILE or login.is_readable or is_foreign(login, facts):
        return None
    return Found(seen(login), remedy=with_mode(facts, login, "600"))


def _file_open(login: PathFacts, facts: Facts) -> Found | None:
    if login.kind is not PathKind.FILE or not login.is_open_to_others or is_foreign(login, facts):
        return None
    return Found(seen(login), remedy=with_mode(facts, login, "600"))


def _not_a_file(login: PathFacts, facts: Facts) -> Found | None:
    if login.kind not in NOT_FILES:
        return None
    return Found(seen(login), remedy=created_again(facts, login))


def _broken(login: PathFacts, facts: Facts) -> Found | None:
    if facts.home.form not in {KeyringForm.BROKEN, KeyringForm.EMPTY}:
        return None
    evidence = f"{quoted(login.path)}: {facts.home.form.value}"
    return Found((evidence, *login.links), remedy=created_again(facts, login))


CREATE_CASES = (
    Case(
        "there is a copy, such as login.keyring.creds-backup-…",
        "end the keyring daemon, put the copy in the place of the file, then `creds unlock`",
    ),
    Case(
        "there is no copy",
        "move it away, end the keyring daemon, then `creds unlock --create`: the finding shows the"
        " commands",
    ),
)
CHECKS = (
    *keyring_directory.CHECKS,
    Check(
        "keyring-not-a-file",
        "permissions",
        hindrance,
        "there is no login keyring, because something that is not a file has its name",
        _login(_not_a_file),
        cause="a directory or a broken link has the name login.keyring",
        needs=FOLDER,
        cases=CREATE_CASES,
    ),
    Check(
        "keyring-foreign",
        "permissions",
        hindrance,
        "the file of the login keyring belongs to another user",
        _login(_file_foreign),
        cause="a program that ran as root with this HOME wrote the file, or a home directory was"
        " copied, or it is a link to another user's file",
        needs=FOLDER,
        about=NOT_FOR_ROOT,
        cases=FOREIGN_CASES,
    ),
    Check(
        "keyring-file-unreadable",
        "permissions",
        hindrance,
        "the file of the login keyring cannot be read",
        _login(_file_unreadable),
        cause="its mode keeps its own user out",
        needs=FOLDER,
        cases=mode_cases("600", KEYRING),
    ),
    Check(
        "keyring-broken",
        "permissions",
        hindrance,
        "the file of the login keyring is damaged",
        _login(_broken),
        cause="it is not what gnome-keyring writes: a full disk, a crash or an editor changed it",
        needs=(*FOLDER, "keyring-not-a-file", "keyring-foreign", "keyring-file-unreadable"),
        about="Look for a copy first: `creds rekey` and backups keep one beside the file. The"
        " secrets cannot be recovered from a damaged file.",
        cases=CREATE_CASES,
    ),
    *keyring_directory.OPEN_TO_OTHERS,
    Check(
        "keyring-open",
        "permissions",
        Severity.WARNING,
        "other users can read or write the file of the login keyring",
        _login(_file_open),
        cause="its mode was changed; it should be 0600. Anyone who has a copy of the file can try"
        " passwords without a limit",
        needs=(*FOLDER, "keyring-foreign"),
        cases=mode_cases("600", KEYRING),
    ),
)
BAD_FILES = (
    *FOLDER,
    *("keyrings-cannot-be-made", "keyring-not-a-file", "keyring-foreign"),
    *("keyring-file-unreadable", "keyring-broken"),
)
