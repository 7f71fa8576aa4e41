"""Check whether the user, and nobody else, can read and write the directory of the keyrings."""

from __future__ import annotations

from creds_session.doctor.checks.paths import (
    NOT_FOR_ROOT,
    cleared_away,
    given_back,
    is_foreign,
    moved_aside,
    opened,
    replaced,
    seen,
    with_mode,
)
from creds_session.doctor.checks.registry import Case, Check, hindrance
from creds_session.doctor.checks.remedies import CREATE
from creds_session.facts.machine import PathKind
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity
from creds_session.quoting import quoted

HOME = ("home-hung", "home-foreign", "home-absent", "home-denied")
FOLDER = (*HOME, "keyrings-not-a-folder", "keyrings-foreign", "keyrings-unreadable")
LITTLE = 64 << 10  # bytes: a new keyring file is written beside the old one
FEW = 2  # files
NOT_FOLDERS = {PathKind.FILE, PathKind.DANGLING, PathKind.OTHER, PathKind.SOCKET}
KEYRINGS = "~/.local/share/keyrings"


def _not_a_folder(facts: Facts) -> Found | None:
    for path in (facts.home.data, facts.home.folder):
        if path.kind in NOT_FOLDERS:
            return Found(seen(path), remedy=moved_aside(facts, path, "move it away, then unlock"))
    return None


def _folder_foreign(facts: Facts) -> Found | None:
    folder = facts.home.folder
    if not is_foreign(folder, facts):
        return None
    remedy = cleared_away(facts, folder, facts.home.data)
    if is_foreign(facts.home.data, facts):
        remedy = _without_foreign(facts) or remedy
    return Found(seen(folder), remedy=remedy)


def _folder_unreadable(facts: Facts) -> Found | None:
    folder, above = facts.home.folder, (facts.home.home, facts.home.data)
    if folder.kind is PathKind.DENIED:
        evidence = dict.fromkeys(line for path in (folder, *above) for line in seen(path))
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
    way = (home.data, home.above_data, home.home)
    unseen = {PathKind.ABSENT, PathKind.UNKNOWN}
    nearest = next((place for place in way if place.kind not in unseen), home.home)
    if nearest.kind is not PathKind.FOLDER or nearest.is_writable:
        return None
    is_other = is_foreign(nearest, facts)
    remedy = with_mode(facts, nearest, "u+rwx")
    if is_other:
        remedy = _without_foreign(facts) or given_back(nearest, facts)
    missing = f"{quoted(home.folder.path)} does not exist"
    return Found((missing, *seen(nearest)), remedy=remedy)


def _without_foreign(facts: Facts) -> Remediation | None:
    """Return how to replace a directory of another user that is on the way to the keyrings.

    The user may rename the topmost one if the directory that contains it is the user's own. Return
    None if that is not so.
    """
    home = facts.home
    for path, above in ((home.above_data, home.home), (home.data, home.above_data)):
        is_in_it = path.path.rpartition("/")[0] == above.path.rstrip("/")
        if is_in_it and path.kind is PathKind.FOLDER and is_foreign(path, facts):
            return replaced(facts, path, above, CREATE)
    return None


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
    if not home.is_read_only:
        return None
    return Found((f"{quoted(home.folder.path)} is on a read-only file system",))


def mode_cases(mode: str, path: str) -> tuple[Case, ...]:
    """Return the usual cases of a file or directory that should have this mode."""
    return (
        Case("it is yours", f"`chmod {mode} {path}`; `creds-doctor --fix` can do it"),
        Case("its path is a link", "change the mode of the target, or move the link away"),
        Case("root looks at another user's session", "the user runs the command, not root"),
    )


FOREIGN_CASES = (
    Case(
        "the directory that contains it is yours",
        "move it away, then log in again with your password: the finding shows the command",
    ),
    Case("the secrets in it are still needed", "first ask an administrator"),
    Case(
        "the directory that contains it is not yours",
        "an administrator gives it back, after your processes have ended and if no part of the path"
        " is a link",
    ),
    Case("the home directory is on a server (NFS)", "change the owner on the server"),
)
CHECKS = (
    Check(
        "keyrings-not-a-folder",
        "permissions",
        hindrance,
        "there is no directory for the keyrings, because something else has its name",
        _not_a_folder,
        cause="a file or a broken link has the name of the directory; the keyring daemon does not"
        " report that, and stores nothing",
        needs=HOME,
        cases=(
            Case(
                f"{KEYRINGS} is a file",
                f"`mv {KEYRINGS} {KEYRINGS}.aside`, then `creds unlock`; `creds-doctor --fix` can"
                " do it",
            ),
            Case(
                f"{KEYRINGS} is a link to a directory that does not exist",
                "mount or make that directory; or move the link away, then `creds unlock`",
            ),
        ),
    ),
    Check(
        "keyrings-foreign",
        "permissions",
        hindrance,
        "the directory of the keyrings belongs to another user",
        _folder_foreign,
        cause="a program that ran as root with this HOME made the directory, or a home directory"
        " was copied, or it is a link to another user's directory",
        needs=HOME,
        about=NOT_FOR_ROOT,
        cases=FOREIGN_CASES,
    ),
    Check(
        "keyrings-unreadable",
        "permissions",
        hindrance,
        "the directory of the keyrings cannot be read",
        _folder_unreadable,
        cause="its mode, or the mode of a directory above it, keeps its own user out",
        needs=HOME,
        cases=(
            Case(
                "its own mode keeps you out",
                f"`chmod 700 {KEYRINGS}`; `creds-doctor --fix` can do it",
            ),
            Case(
                "the mode of your home directory, or of ~/.local/share, keeps you out",
                "`chmod u+rwx` on that directory; `creds-doctor --fix` can do it",
            ),
            Case("a directory above your home keeps you out", "ask an administrator"),
        ),
    ),
    Check(
        "keyrings-cannot-be-made",
        "permissions",
        hindrance,
        "the directory of the keyrings does not exist and cannot be made",
        _cannot_be_made,
        cause="the directory above it does not belong to this user, or is not writable",
        needs=HOME,
        about=NOT_FOR_ROOT,
        cases=(
            Case(
                "the directory above it is yours",
                "`chmod u+rwx` on that directory; `creds-doctor --fix` can do it",
            ),
            Case(
                "the directory above it belongs to another user, and the directory that contains"
                " that one is yours (~/.local belongs to root)",
                "move it away, copy what is in it, and create a keyring: the finding shows the"
                " commands, which need no root",
            ),
            Case(
                "no directory on the way is yours",
                "an administrator gives it back to you: the finding shows how",
            ),
        ),
    ),
    Check(
        "home-read-only",
        "permissions",
        hindrance,
        "the file system of the keyrings is read-only, so nothing can be stored",
        _read_only,
        cause="it was mounted read-only, or the kernel made it read-only after a disk error",
        remedy=Remediation("read why (dmesg), and mount it writable"),
        needs=HOME,
    ),
    Check(
        "home-full",
        "permissions",
        hindrance,
        "the file system of the keyrings is full, so nothing can be stored",
        _full,
        cause="the disk is full, or the user's quota is used up",
        remedy=Remediation("delete or move files of yours there, then store again"),
        needs=HOME,
    ),
    Check(
        "keyrings-unwritable",
        "permissions",
        hindrance,
        "the directory of the keyrings is not writable, so nothing can be stored",
        _folder_unwritable,
        cause="its mode was changed",
        needs=FOLDER,
        cases=mode_cases("700", KEYRINGS),
    ),
)
OPEN_TO_OTHERS = (
    Check(
        "keyrings-open",
        "permissions",
        Severity.WARNING,
        "other users can look into the directory of the keyrings, or write to it",
        _folder_open,
        cause="its mode was changed; it should be 0700",
        needs=(*HOME, "keyrings-foreign"),
        cases=mode_cases("700", KEYRINGS),
    ),
)
