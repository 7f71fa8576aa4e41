"""Describe a path, and decide who may be shown which command on it.

Users can change where a path below one of their own directories leads, also between the moment of
looking and a command. So no command on such a path is shown to root: what root has to do is said in
words.
"""

from __future__ import annotations

from collections.abc import Iterable

from creds_session.facts.machine import PathFacts, PathKind
from creds_session.facts.snapshot import Facts, Reader
from creds_session.findings import Remediation
from creds_session.quoting import quoted

UID_MIN = 1000  # the lowest user id of a person (login.defs(5))
OF_THE_SYSTEM = frozenset(
    ("bin", "boot", "dev", "etc", "lib", "lib64", "media", "mnt")
) | frozenset(("opt", "proc", "run", "sbin", "srv", "sys", "tmp", "usr", "var"))
NOT_FOR_ROOT = (
    "Root is never shown a command on a path below a home directory: its user can make the path"
    " lead to any other file, even between the moment of looking and the command. The user may move"
    " away what belongs to somebody else, because the user owns the directory that contains it."
    " Otherwise an administrator has to change the owner, after the processes of the user have"
    " ended, and only if no part of the path is a link."
)
WITH_A_MODE = frozenset({PathKind.FILE, PathKind.FOLDER, PathKind.SOCKET, PathKind.OTHER})


def shown(path: PathFacts) -> str:
    """Describe a path in one line: its kind, owner and mode, and whether it is a link."""
    what = path.kind.value
    if path.kind in WITH_A_MODE:
        what += f", owner {path.uid}, mode {path.mode:04o}"
    is_followed = path.is_link and path.kind is not PathKind.DANGLING
    return f"{quoted(path.path)}: {'a link to a ' if is_followed else ''}{what}"


def seen(path: PathFacts, name: str = "") -> tuple[str, ...]:
    """Return the evidence of a path: its description, and each link on the way to it.

    ``name`` is the variable that holds the path.
    """
    first = f"{name}={shown(path)}" if name else shown(path)
    return (first, *path.links)


def is_foreign(path: PathFacts | None, facts: Facts) -> bool:
    """Return whether the file, or the target of the link, belongs to another user."""
    return path is not None and path.uid >= 0 and path.uid != facts.session.uid


def for_the_user(
    facts: Facts,
    path: PathFacts,
    text: str,
    *commands: tuple[str, ...],
    is_safe: bool = True,
) -> Remediation:
    """Return a remedy that the user of the session carries out on one of their own paths.

    The commands are shown only to that user. For root, and for a reader of saved facts, whose paths
    may be anything, the remedy is in words.
    """
    is_root = facts.session.uid == 0 and bool(path.redirection)
    if facts.reader is Reader.USER and not is_root:
        return Remediation(text, commands, is_safe)
    if is_root:
        return Remediation(f"{text}. No command is shown for root, because {path.redirection}")
    user = quoted(facts.session.user)
    return Remediation(
        f"{text}. {user} has to do this: creds-doctor shows {user} the command. Root must not"
        f" change what is at that path, because {user} decides where it leads"
    )


def with_mode(facts: Facts, path: PathFacts, mode: str) -> Remediation:
    """Return a remedy that gives the user's own file or directory the mode it should have."""
    if path.is_link:
        text = (
            f"the path is a link: its target should have the mode {mode} if it belongs to the user"
            " of this session; otherwise the link should be moved away"
        )
        return for_the_user(facts, path, text, is_safe=False)
    text = "give it the mode that it should have"
    return for_the_user(facts, path, text, ("chmod", mode, path.path))


def moved_aside(
    facts: Facts,
    path: PathFacts,
    text: str,
    *more: tuple[str, ...],
    is_safe: bool = True,
) -> Remediation:
    """Return a remedy by which the user renames a path to PATH.aside.

    A link is moved itself, not its target (rename(2)). Nothing is overwritten.
    """
    move = ("mv", "--no-clobber", "--no-target-directory", path.path, f"{path.path}.aside")
    return for_the_user(facts, path, text, move, *more, is_safe=is_safe)


def is_on_network(facts: Facts) -> bool:
    """Return whether the home is on a server, which itself decides what root may do there."""
    return facts.home.file_system.startswith(("nfs", "cifs", "smb3", "afs", "ceph", "fuse.sshfs"))


def given_back(path: PathFacts, facts: Facts) -> Remediation:
    """Return how root gives a file or directory back to this user.

    A command is shown only for the home directory that the account database names, and only if
    nobody except root can change what lies there, on this machine. Any other path comes from the
    user's environment: ``XDG_DATA_HOME=/etc`` must not make root give ``/etc/keyrings`` away. No
    command is shown for an account that is not a person's, nor for a directory of the system:
    ``/`` or ``/usr/sbin`` is the home directory of some accounts.
    """
    top, below = [*path.path.strip("/").split("/"), ""][:2]
    is_of_a_person = facts.session.uid >= UID_MIN and below and top not in OF_THE_SYSTEM
    if not is_of_a_person:
        return Remediation(
            "if it should belong to this user, an administrator changes its owner, after making"
            " sure that nothing else needs it"
        )
    if is_on_network(facts):
        return Remediation(
            "change its owner on the server of this file system, because the server does not let"
            " root of this machine do that (root_squash)"
        )
    why = path.redirection
    if facts.reader is Reader.ELSEWHERE:  # whose facts, words included, anybody may have written
        why = "it is a path on another machine"
    if path.path != facts.home.home_of_account:
        why = why or "the user's own settings name this path"
    if why:
        return Remediation(
            "an administrator has to give it back to this user. No command is shown for root,"
            f" because {why}, and so the command could reach any other file. First end this user's"
            " processes, then make sure that no part of the path is a link, then change the owner"
        )
    command = ("sudo", "chown", f"{facts.session.uid}", path.path)
    return Remediation("give it back to this user", (command,), is_safe=True)


def cleared_away(facts: Facts, path: PathFacts, above: PathFacts) -> Remediation:
    """Return how to move something that belongs to another user out of the way of the keyrings.

    The user may do that if the directory that contains it belongs to the user: only this counts for
    a rename (rename(2)). Moving a link loses nothing. A keyring of another user may hold secrets
    that the user wants back, so the user decides about it.
    """
    is_theirs = above.kind is PathKind.FOLDER and not is_foreign(above, facts)
    if not is_theirs or not above.is_writable:
        return given_back(path, facts)
    if path.is_link:
        return moved_aside(facts, path, "move the link away, then log in again with your password")
    text = (
        "move it away, which you may do because the directory that contains it is yours, then log"
        " in again with your password; if the secrets in it are still needed, first ask an"
        " administrator"
    )
    return moved_aside(facts, path, text, is_safe=False)


def replaced(
    facts: Facts, path: PathFacts, above: PathFacts, then: Remediation
) -> Remediation | None:
    """Return how the user replaces a directory of another user by a directory of their own.

    The user may rename it if the directory that contains it is the user's; otherwise return None.
    What root left there is copied; the copy follows no link (cp(1), -P). What a third user left
    there is not copied, because that user may know the password of a keyring in it. Nothing is
    deleted. A daemon makes the directory of the keyrings when it starts, so a running one is ended.
    """
    is_theirs = above.kind is PathKind.FOLDER and not is_foreign(above, facts)
    if not is_theirs or not above.is_writable or path.is_link:
        return None
    old = f"{path.path}.aside"
    text = (
        "move the directory away, which you may do because the directory that contains it is yours,"
        f" and make a new one; an administrator can give you what stays in {quoted(old)}"
    )
    copy = (("cp", "-R", "-P", "--no-target-directory", old, path.path),) if path.uid == 0 else ()
    return moved_aside(facts, path, text, *copy, *_ended(facts), *then.commands, is_safe=False)


def opened(above: Iterable[PathFacts], facts: Facts) -> Remediation:
    """Return how to open the first directory whose mode keeps its own user out."""
    for directory in above:
        is_own = directory.kind is PathKind.FOLDER and not is_foreign(directory, facts)
        if is_own and not directory.is_readable:
            return with_mode(facts, directory, "u+rwx")
    return Remediation(
        "give the owner read and search permission on the directories that lead to it"
    )


def created_again(facts: Facts, path: PathFacts) -> Remediation:
    """Return how to move an unreadable keyring away and create a new one in its place.

    A daemon that has seen the unreadable keyring does not serve the new one, so it is ended first.
    """
    create, ended = ("creds", "unlock", "--create"), _ended(facts)
    if not ended:
        return moved_aside(facts, path, "move it away, and create a new keyring", create)
    text = "move it away, end the keyring daemon that has seen it, and create a new keyring"
    return moved_aside(facts, path, text, *ended, create)


def _ended(facts: Facts) -> tuple[tuple[str, ...], ...]:
    """Return the command that ends the user's keyring daemon; empty if a secret can be read."""
    owner = facts.bus.owner
    has_seen = owner is not None and owner.is_gnome_keyring and owner.uid == facts.session.uid
    if owner is None or not has_seen or facts.is_readable:
        return ()
    return (("kill", str(owner.pid)),)
