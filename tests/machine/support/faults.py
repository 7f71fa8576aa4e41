"""Which breakages one machine can have at once: chosen by a seed, by pure rules.

Each breakage takes hold of something: two that hold the same thing exclude each other, for the
second undoes or hides what the first did. The other rules are in ``excludes``, each with its
reason. They are put in place from the inside out, as ``DEPTH`` says: what is within a folder
before the folder itself.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator, Sequence

from tests.machine.support.breakages import (
    AS_ROOT,
    ENVIRONMENT,
    FILES,
    KEYRINGS,
    PAM,
    SESSIONS,
    SHARED,
    SSHD,
    Breakage,
)

Faults = tuple[Breakage, ...]

HELD = {
    "sshd's settings": ("sshd-", "login-password-lost"),
    SSHD: ("pam-service-absent", "pam-rule-missing"),
    "the socket's drop-in": ("first-login-fails", "pam-rule-missing", "keyring-ghost"),
    "the text of the keyring": ("keyring-not-a-file", "keyring-broken", "keyring-plaintext"),
    "the mode of the keyring": ("keyring-open", "keyring-file-unreadable", "keyring-not-a-file"),
    "the owner of the keyring": ("keyring-foreign",),
    "the place of the folder": (
        *("keyrings-not-a-folder", "keyrings-cannot-be-made", "keyring-absent", "keyring-ghost"),
        *("home-full", "home-read-only"),
    ),
    "the mode of the folder": ("keyrings-open", "keyrings-unwritable", "keyrings-unreadable"),
    "the owner of the folder": ("keyrings-foreign",),
    "the file default": ("default-",),
    "alice's service file": ("activation-broken", "activation-other"),
    "the bus": ("bus-stopped",),
}
"""What each breakage holds, by its id or how that begins; variables are told by the command."""

VARIABLES = re.compile(r"\b([A-Z_]+)=|-u ([A-Z_]+)")
SETS = re.compile(r"\b(?:eval|export)\b")
DEPTH = (
    ("daemon", "the text of the keyring", "the file default"),
    ("the mode of the keyring",),
    ("the owner of the keyring",),
    ("the mode of the folder",),
    ("the owner of the folder",),
    ("the place of the folder",),
    ("the home",),
    ("the bus",),
)
IN_THE_FOLDER = frozenset(things for level in DEPTH[:5] for things in level) - {"daemon"}
MIXED = tuple(one for one in (*SHARED, *SESSIONS) if one.id != "pam-other-services")


def held(one: Breakage) -> frozenset[str]:
    """Return what a breakage takes hold of."""
    if one.root.endswith(" /home/alice"):
        return frozenset({"the home"})
    things = {thing for thing, ids in HELD.items() if one.id.startswith(ids)}
    if one in ENVIRONMENT and one.ask.startswith("env "):
        things |= {name for pair in VARIABLES.findall(one.ask) for name in pair if name}
    if one in PAM and one.root.startswith("cp -p /etc/pam.d/"):
        things.add(one.root.split()[2])
    if one in SESSIONS and one.id != "bus-stopped":
        things.add("daemon")
    return frozenset(things)


def begins_a_session(one: Breakage) -> bool:
    """Tell whether it has to be there before alice comes in, or she comes in otherwise."""
    return one in SESSIONS and (bool(one.root) or one.login not in {"healthy", "password"})


def needs_another_session(one: Breakage) -> bool:
    """Tell whether alice has to come in again when it is cured."""
    return begins_a_session(one) and (one.cure != "fix" or "chpasswd" in one.undo)


def has_own_way(one: Breakage) -> bool:
    """Tell whether the doctor is asked in another way than by typing its name."""
    return one.ask != "creds-doctor" and not one.ask.startswith("env ")


def excludes(one: Breakage, other: Breakage) -> str:
    """Say why these cannot be there both, or nothing; the order of the two does not matter."""
    same = held(one) & held(other)
    if same:
        return f"both hold {', '.join(sorted(same))}"
    return next(filter(None, (_reason(one, other), _reason(other, one))), "")


def _reason(one: Breakage, other: Breakage) -> str:
    is_by_root = other.ask.startswith(AS_ROOT)
    is_bare = one.login == "su" or one.id == "user-manager-failed"
    has_variable = other in ENVIRONMENT or other.id == "runtime-directory-open"
    is_copied = one.id == "home-not-of-account"
    reasons = {
        "two ways to ask; and sudo drops variables": has_own_way(one)
        and (has_own_way(other) or other.ask.startswith("env ")),
        "that session may have no bus to stop": one.id == "bus-stopped" and begins_a_session(other),
        "that session has no variable that could be broken": is_bare and has_variable,
        "nobody can come in again to a home that cannot be entered": needs_another_session(one)
        and "the home" in held(other),
        "the remedy ends with `creds unlock`, which that fault prevents": one.id == "bus-stale"
        and held(other) & (IN_THE_FOLDER | {"the place of the folder", "the home"})
        and not other.id.endswith("-open"),
        # rename(2): EACCES, for `..` in a directory that gets another parent is written.
        "she cannot move a folder that she cannot write": one.session.startswith(f"mv {KEYRINGS} ")
        and held(other) & {"the mode of the folder", "the owner of the folder"}
        and not other.id.endswith("-open"),
        "the folder is moved away before that session begins": begins_a_session(one)
        and "the place of the folder" in held(one)
        and held(other) & IN_THE_FOLDER,
        "the copy of the home has files of its own": is_copied and other in (*FILES, *SESSIONS),
        "what hangs tells nothing of the rest": "/mnt/hung" in one.ask
        and other.ask.startswith("env "),
        # GLib reads no variables in a program with capabilities (gutils.c:g_check_setuid).
        "a daemon with a capability does not find the bus": one.id == "daemon-capabilities"
        and "gnome-keyring-daemon" in other.session,
        "a daemon that has noticed the other text asks for no password": one.id == "prompt-waiting"
        and "the text of the keyring" in held(other),
        "root reads every file": one.id == "pam-files-unread" and is_by_root,
        "root sees no variable that a shell has set": SETS.search(one.session) and is_by_root,
    }
    return next((reason for reason, is_so in reasons.items() if is_so), "")


def in_order(faults: Sequence[Breakage]) -> Faults:
    """Return faults as they are put in place."""

    def depth(one: Breakage) -> int:
        places = [place for place, things in enumerate(DEPTH) if held(one) & set(things)]
        return max(places, default=0)

    return tuple(sorted(faults, key=lambda one: (not begins_a_session(one), depth(one))))


def combinations(seed: str, count: int) -> Iterator[Faults]:
    """Give so many combinations, each third one of three faults; the same for the same seed.

    Each has its own source, so that another rule changes only the combinations that it forbids.
    """
    for number in range(count):
        source = random.Random(f"{seed} {number}")  # noqa: S311 - the same each time
        while True:
            faults = source.sample(MIXED, 3 if number % 3 == 0 else 2)
            if not any(excludes(*pair) for pair in itertools.combinations(faults, 2)):
                yield in_order(faults)
                break
