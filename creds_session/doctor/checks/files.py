"""Whether the keyrings on the disk can be read and written, by their owner alone."""

from __future__ import annotations

from collections.abc import Callable

from creds_session.doctor.checks.paths import (
    NOT_FOR_ROOT,
    cleared_away,
    given_back,
    is_foreign,
    made_anew,
    moved_aside,
    opened,
    seen,
    with_mode,
)
from creds_session.doctor.checks.registry import Check, hindrance
from creds_session.facts.collection_state import KeyringForm
from creds_session.facts.machine import PathFacts, PathKind
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity
from creds_session.quoting import quoted

HOME = ("home-hung", "home-foreign", "home-absent", "home-denied")
FOLDER = (*HOME, "keyrings-not-a-folder", "keyrings-foreign", "keyrings-unreadable")
LITTLE = 64 << 10  # bytes: a new keyring file is written beside the old one
FEW = 2  # files


def _not_a_folder(facts: Facts) -> Found | None:
    for one in (facts.home.data, facts.home.folder):
        if one.kind in {PathKind.FILE, PathKind.OTHER, PathKind.SOCKET, PathKind.DANGLING}:
            return Found(seen(one), remedy=moved_aside(facts, one, "move it away, then unlock"))
    return None


def _folder_foreign(facts: Facts) -> Found | None:
    folder = facts.home.folder
    if not is_foreign(folder, facts):
        return None
    return Found(seen(folder), remedy=cleared_away(facts, folder, facts.home.data))


def _folder_unreadable(facts: Facts) -> Found | None:
    folder, above = facts.home.folder, (facts.home.home, facts.home.data)
    if folder.kind is PathKind.DENIED:
        evidence = dict.fromkeys(line for one in (folder, *above) for line in seen(one))
        return Found(tuple(evidence), remedy=opened(above, facts))
    if folder.kind is PathKind.UNKNOWN and facts.keyring.path and facts.keyring.exists is None:
        return Found((f"{quoted(facts.keyring.path)} cannot be looked at",))
    if folder.kind is not PathKind.FOLDER or folder.is_readable or is_foreign(folder, facts):
        return None
    return Found(seen(folder), remedy=with_mode(facts, folder, "700"))


def _folder_unwritable(facts: Facts) -> Found | None:
    folder = facts.home.folder
    is_other = folder.kind is not PathKind.FOLDER or is_foreign(folder, facts)
    if is_other or folder.is_writable or not folder.is_readable or facts.home.is_read_only:
        return None
    return Found(seen(folder), remedy=with_mode(facts, folder, "700"))


def _cannot_be_made(facts: Facts) -> Found | None:
    home = facts.home
    if home.folder.kind is not PathKind.ABSENT or home.is_read_only:
        return None
    above = home.data if home.data.kind is PathKind.FOLDER else home.home
    if above.kind is not PathKind.FOLDER or above.is_writable:
        return None
    is_other = is_foreign(above, facts)
    remedy = given_back(above, facts) if is_other else with_mode(facts, above, "u+rwx")
    return Found((f"{quoted(home.folder.path)} is not there", *seen(above)), remedy=remedy)


def _folder_open(facts: Facts) -> Found | None:
    folder = facts.home.folder
    if folder.kind is not PathKind.FOLDER or is_foreign(folder, facts):
        return None
    if not folder.is_open_to_others:
        return None
    return Found(seen(folder), remedy=with_mode(facts, folder, "700"))


def _full(facts: Facts) -> Found | None:
    home = facts.home
    room, files = home.free_bytes, home.free_files
    has_room = (room is None or room >= LITTLE) and (files is None or files >= FEW)
    if home.is_read_only or has_room:
        return None
    return Found((f"{quoted(home.folder.path)}: {room} bytes and {files} files are left",))


def _read_only(facts: Facts) -> Found | None:
    home = facts.home
    return (
        Found((f"{quoted(home.folder.path)} is on a read-only file system",))
        if home.is_read_only
        else None
    )


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
    if login.kind not in {PathKind.FOLDER, PathKind.DANGLING, PathKind.OTHER, PathKind.SOCKET}:
        return None
    return Found(seen(login), remedy=made_anew(facts, login))


def _broken(login: PathFacts, facts: Facts) -> Found | None:
    if facts.home.form not in {KeyringForm.BROKEN, KeyringForm.EMPTY}:
        return None
    told = f"{quoted(login.path)}: {facts.home.form.value}"
    return Found((told, *login.links), remedy=made_anew(facts, login))


CHECKS = (
    Check(
        "keyrings-not-a-folder",
        "permissions",
        hindrance,
        "what should be the folder of the keyrings is none",
        _not_a_folder,
        cause="a file or a broken link has its name; the daemon says nothing, and keeps nothing",
        needs=HOME,
    ),
    Check(
        "keyrings-foreign",
        "permissions",
        hindrance,
        "the folder of the keyrings belongs to another user",
        _folder_foreign,
        cause="a program that ran as root with this HOME made it, a home was copied, or it is a"
        " link that leads to another user's directory",
        needs=HOME,
        about=NOT_FOR_ROOT,
    ),
    Check(
        "keyrings-unreadable",
        "permissions",
        hindrance,
        "the folder of the keyrings cannot be read",
        _folder_unreadable,
        cause="its mode, or that of a folder above it, keeps its own user out",
        needs=HOME,
    ),
    Check(
        "keyrings-cannot-be-made",
        "permissions",
        hindrance,
        "the folder of the keyrings is not there and cannot be made",
        _cannot_be_made,
        cause="the folder above it is not this user's, or not writable",
        needs=HOME,
    ),
    Check(
        "home-read-only",
        "permissions",
        hindrance,
        "the file system of the keyrings is read-only: nothing can be stored",
        _read_only,
        cause="it was mounted so, or the kernel made it so after an error of the disk",
        remedy=Remediation("see why (dmesg), and mount it for writing"),
        needs=HOME,
    ),
    Check(
        "home-full",
        "permissions",
        hindrance,
        "there is no room for a keyring: nothing can be stored",
        _full,
        cause="the disk, or the quota, is full",
        remedy=Remediation("make room, then store again"),
        needs=HOME,
    ),
    Check(
        "keyrings-unwritable",
        "permissions",
        hindrance,
        "the folder of the keyrings cannot be written: nothing can be stored",
        _folder_unwritable,
        cause="its mode was changed",
        needs=FOLDER,
    ),
    Check(
        "keyring-not-a-file",
        "permissions",
        hindrance,
        "what should be the login keyring is no file",
        _login(_not_a_file),
        cause="a folder or a broken link has its name",
        needs=FOLDER,
    ),
    Check(
        "keyring-foreign",
        "permissions",
        hindrance,
        "the login keyring's file belongs to another user",
        _login(_file_foreign),
        cause="a program that ran as root with this HOME wrote it, a home was copied, or it is a"
        " link that leads to another user's file",
        needs=FOLDER,
        about=NOT_FOR_ROOT,
    ),
    Check(
        "keyring-file-unreadable",
        "permissions",
        hindrance,
        "the login keyring's file cannot be read",
        _login(_file_unreadable),
        cause="its mode keeps its own user out",
        needs=FOLDER,
    ),
    Check(
        "keyring-broken",
        "permissions",
        hindrance,
        "the login keyring's file is damaged",
        _login(_broken),
        cause="it does not begin as a keyring does: a full disk, a crash or an editor cut it",
        needs=(*FOLDER, "keyring-not-a-file", "keyring-foreign", "keyring-file-unreadable"),
        about="Look for a copy first: `creds rekey` and backups keep one beside it. What a damaged"
        " file held cannot be had back from it.",
    ),
    Check(
        "keyrings-open",
        "permissions",
        Severity.WARNING,
        "the folder of the keyrings is open to other users",
        _folder_open,
        cause="its mode was changed; it should be 0700",
        needs=(*HOME, "keyrings-foreign"),
    ),
    Check(
        "keyring-open",
        "permissions",
        Severity.WARNING,
        "the login keyring's file is open to other users",
        _login(_file_open),
        cause="its mode was changed; it should be 0600. A copy can be guessed at for ever",
        needs=(*FOLDER, "keyring-foreign"),
    ),
)
BAD_FILES = (
    *FOLDER,
    *("keyrings-cannot-be-made", "keyring-not-a-file", "keyring-foreign"),
    *("keyring-file-unreadable", "keyring-broken"),
)
