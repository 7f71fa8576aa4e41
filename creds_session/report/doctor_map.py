"""The map of a session: from the bus to who serves secrets, its daemons, and its keyrings."""

from __future__ import annotations

import enum
from typing import NamedTuple

from creds_session.facts import (
    LOGIN_TIMEOUT,
    BusFacts,
    CollectionState,
    Daemon,
    DaemonRole,
    Facts,
    collection_name,
)
from creds_session.report.text import printable

ROLES = {
    DaemonRole.LOGIN: "started by the login (--login)",
    DaemonRole.UNIT: "started by systemd for its socket",
    DaemonRole.ACTIVATED: "started by D-Bus (--start)",
    DaemonRole.BY_HAND: "started by hand",
}
STATES = {
    CollectionState.UNLOCKED: "open",
    CollectionState.LOCKED: "locked",
    CollectionState.ABSENT: "there is none",
    CollectionState.GHOST: "on the disk, but not served",
}


class Tone(enum.Enum):
    """How a place on the map is: as it must be, broken, or neither."""

    GOOD = "good"
    BAD = "bad"
    PLAIN = "plain"


class Node(NamedTuple):
    """A place on the map with what hangs on it; ``is_open`` is None for what has no lock."""

    text: str
    tone: Tone = Tone.PLAIN
    children: tuple[Node, ...] = ()
    is_open: bool | None = None


def session_map(facts: Facts) -> Node:
    """Return the map; its text is safe for a terminal."""
    session = facts.session
    came = f", by ssh ({session.login_method or 'how is not visible'})" if session.by_ssh else ""
    bus = facts.bus
    known = f"session bus {bus.address}" if bus.address else "no session bus"
    tone = Tone.GOOD if bus.answers else Tone.PLAIN if bus.is_idle else Tone.BAD
    reason = f": {bus.reason}" if bus.address and bus.reason else ""
    served = (_owner(facts),) if bus.answers else ()
    rest = () if bus.answers else _daemons(facts)
    children = (_node(f"{known}{reason}", tone, served), *rest)
    return _node(f"session of {session.user} (user id {session.uid}){came}", Tone.PLAIN, children)


def collections(facts: Facts) -> list[tuple[str, CollectionState]]:
    """Return the keyrings that the bus told of: the login one, and the default where another."""
    bus = facts.bus
    told = [("login", bus.login)]
    if has_other_default(bus):
        told.append((collection_name(bus.default_path), bus.default))
    return [(name, state) for name, state in told if state is not None]


def has_other_default(bus: BusFacts) -> bool:
    """Tell whether programs keep their secrets in another keyring than the login one."""
    name = collection_name(bus.default_path)
    return bus.default not in {None, CollectionState.ABSENT} and name not in {"", "login"}


def seconds_left(facts: Facts, daemon: Daemon) -> int:
    """Return how long a ``--login`` daemon waits yet to be initialised."""
    return max(round(LOGIN_TIMEOUT - (facts.now - daemon.started)), 0)


def tree_lines(node: Node, *, ascii_only: bool = False) -> list[tuple[str, Node]]:
    """Return every node, each with the guides that lead to it."""
    branch, last, more = ("|- ", "`- ", "|  ") if ascii_only else ("├─ ", "└─ ", "│  ")
    lines = [("", node)]
    for child in node.children:
        is_last = child is node.children[-1]
        first, *below = tree_lines(child, ascii_only=ascii_only)
        lines.append(((last if is_last else branch) + first[0], first[1]))
        lines += [(("   " if is_last else more) + guides, one) for guides, one in below]
    return lines


def _node(
    text: str, tone: Tone, children: tuple[Node, ...] = (), *, is_open: bool | None = None
) -> Node:
    return Node(printable(text), tone, children, is_open)


def _owner(facts: Facts) -> Node:
    owner = facts.bus.owner
    if owner is None:
        how = "a program that asks would start one" if facts.bus.activatable else "none is known"
        text = f"org.freedesktop.secrets: nobody serves it ({how})"
        return _node(text, Tone.BAD, _daemons(facts))
    tone = Tone.GOOD if owner.is_gnome_keyring else Tone.BAD
    keyrings = tuple(_keyring(facts, name, state) for name, state in collections(facts))
    text = f"org.freedesktop.secrets: served by {owner.name} (pid {owner.pid})"
    return _node(text, tone, (*_daemons(facts), *keyrings))


def _daemons(facts: Facts) -> tuple[Node, ...]:
    """Return the daemons and, after them, the socket by which PAM reaches one of them."""
    found = [_node(_daemon(facts, daemon), Tone.PLAIN) for daemon in facts.daemons]
    control, listens = facts.keyring.control, facts.keyring.control_listens
    if control:
        word = "listens" if listens else "nobody listens"
        found.append(_node(f"control socket {control}: {word}", Tone.PLAIN))
    return tuple(found)


def _daemon(facts: Facts, daemon: Daemon) -> str:
    owner = facts.bus.owner
    does = "serves" if owner and owner.pid == daemon.pid else "serves nothing here"
    if not owner and daemon.role is DaemonRole.LOGIN:
        does = f"waits to be initialised, {seconds_left(facts, daemon)} s more"
    parent = f"child of {daemon.parent_name or '?'} (pid {daemon.parent})"
    return f"keyring daemon, pid {daemon.pid}: {does}; {ROLES[daemon.role]}, {parent}"


def _keyring(facts: Facts, name: str, state: CollectionState) -> Node:
    is_open = state is CollectionState.UNLOCKED
    note = ", the default" if name != "login" or not has_other_default(facts.bus) else ""
    if facts.bus.default is None:
        note = ""
    has_lock = state in {CollectionState.UNLOCKED, CollectionState.LOCKED}
    return _node(
        f"keyring {name}{note}: {STATES[state]}",
        Tone.GOOD if is_open else Tone.BAD,
        is_open=is_open if has_lock else None,
    )
