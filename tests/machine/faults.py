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

from tests.machine.breakages import (
    AS_ROOT,
    ENVIRONMENT,
    FILES,
    PAM,
    SESSIONS,
    SHARED,
    SSHD,
    Breakage,
)

Faults = tuple[Breakage, ...]

HELD = {
    "sshd's settings": ("sshd-", "login-password-lost"),
    "the service's file": ("pam-service-absent", "pam-rule-missing"),
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
DEPTH = (
    ("daemon", "the text of the keyring", "the file default"),
    ("the mode of the keyring",),
    ("the owner of the keyring",),
    ("the mode of the folder",),
    ("the owner of the folder",),
    ("the place of the folder",),
    ("the bus",),
)
MIXED = tuple(one for one in (*SHARED, *SESSIONS) if one.id != "pam-other-services")


def held(one: Breakage) -> frozenset[str]:
    """Return what a breakage takes hold of."""
    things = {thing for thing, ids in HELD.items() if one.id.startswith(ids)}
    if one in ENVIRONMENT and one.ask.startswith("env "):
        things |= {name for pair in VARIABLES.findall(one.ask) for name in pair if name}
    if one in PAM and f"/root/sshd {SSHD}" in one.undo:
        things.add("the service's file")
    if one in SESSIONS and one.id != "bus-stopped":
        things.add("daemon")
    return frozenset(things)


def begins_a_session(one: Breakage) -> bool:
    """Tell whether it has to be there before alice comes in, or she comes in otherwise."""
    return one in SESSIONS and (bool(one.root) or one.login not in {"healthy", "password"})


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
    if has_own_way(one) and (has_own_way(other) or other.ask.startswith("env ")):
        is_same = one.ask == other.ask == AS_ROOT
        return "" if is_same else "two ways to ask; and sudo drops variables"
    if one.id == "bus-stopped" and begins_a_session(other):
        return "that session may have no bus to stop"
    is_bare = one.login == "su" or one.id == "user-manager-failed"
    if is_bare and (other in ENVIRONMENT or other.id == "runtime-directory-open"):
        return "that session has no variable that could be broken"
    if one.id == "home-not-of-account" and other in (*FILES, *SESSIONS):
        return "the copy of the home has files of its own"
    if one.id == "pam-files-unread" and other.ask.startswith(AS_ROOT):
        return "root reads every file"
    return ""


def in_order(faults: Sequence[Breakage]) -> Faults:
    """Return faults as they are put in place."""

    def depth(one: Breakage) -> int:
        places = [place for place, things in enumerate(DEPTH) if held(one) & set(things)]
        return max(places, default=0)

    return tuple(sorted(faults, key=lambda one: (not begins_a_session(one), depth(one))))


def combinations(seed: str, count: int) -> Iterator[Faults]:
    """Give so many combinations, each third one of three faults; the same for the same seed."""
    source = random.Random(seed)  # noqa: S311 - the same each time
    for number in range(count):
        while True:
            faults = source.sample(MIXED, 3 if number % 3 == 0 else 2)
            if not any(excludes(*pair) for pair in itertools.combinations(faults, 2)):
                yield in_order(faults)
                break
