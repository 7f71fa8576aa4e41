"""Draw the map of a session: its session bus, keyring daemons, control socket and keyrings."""

from __future__ import annotations

import enum

from creds_session.facts.collection_state import CollectionState, collection_name
from creds_session.facts.session import LOGIN_TIMEOUT, BusFacts, Daemon, DaemonRole, serving
from creds_session.facts.session_state import judge
from creds_session.facts.snapshot import Facts
from creds_session.records import NamedTuple
from creds_session.text import printable

STOPPED = "T"  # proc_pid_stat(5)
ROLES = {
    DaemonRole.LOGIN: "started by the login (--login)",
    DaemonRole.UNIT: "started by systemd for its socket",
    DaemonRole.ACTIVATED: "started by D-Bus (--start)",
    DaemonRole.BY_HAND: "started by hand",
}
STATES = {
    CollectionState.UNLOCKED: "unlocked",
    CollectionState.LOCKED: "locked",
    CollectionState.ABSENT: "does not exist",
    CollectionState.GHOST: "exists, but is not served",
}


class Tone(enum.Enum):
    """The state of a place on the map: as it must be, broken, or neither."""

    GOOD = "good"
    BAD = "bad"
    PLAIN = "plain"


class Node(NamedTuple):
    """A place on the map and the places below it; ``is_open`` is None if it has no lock."""

    text: str
    tone: Tone = Tone.PLAIN
    children: tuple[Node, ...] = ()
    is_open: bool | None = None


def session_map(facts: Facts) -> Node:
    """Return the map of a session; its text is safe for a terminal."""
    session = facts.session
    came = f", by {session.service}" if session.service else ""
    if session.by_ssh:
        came = f", by ssh ({session.login_method or 'the method cannot be seen'})"
    children = (_bus(facts),) if is_spoken_to(facts.bus) else (_bus(facts), *_daemons(facts))
    return _node(f"session of {session.user} (user id {session.uid}){came}", Tone.PLAIN, children)


def is_spoken_to(bus: BusFacts) -> bool:
    """Return whether the bus answered; the owner of the name may hang all the same."""
    return bus.answers or bus.owner is not None


def collections(facts: Facts) -> list[tuple[str, CollectionState]]:
    """Return the login keyring and the default keyring, if it is another one, with their states."""
    bus = facts.bus
    keyrings = [("login", bus.login)]
    if has_other_default(bus):
        keyrings.append((collection_name(bus.default_path), bus.default))
    return [(name, state) for name, state in keyrings if state is not None]


def has_other_default(bus: BusFacts) -> bool:
    """Return whether programs store their secrets in another keyring than the login keyring."""
    name = collection_name(bus.default_path)
    return bus.default not in {None, CollectionState.ABSENT} and name not in {"", "login"}


def seconds_left(facts: Facts, daemon: Daemon) -> int:
    """Return how many seconds a ``--login`` daemon will still wait to be initialised."""
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


def _bus(facts: Facts) -> Node:
    bus = facts.bus
    if bus.is_unknown:
        return _node("session bus: not known, there was no time to look", Tone.PLAIN)
    if bus.address is None:
        return _node("no session bus", Tone.BAD)
    text = f"session bus {bus.address}"
    if is_spoken_to(bus):
        return _node(text, Tone.GOOD, (_owner(facts),))
    return _node(f"{text}: {bus.reason}", Tone.PLAIN if bus.is_idle else Tone.BAD)


def _owner(facts: Facts) -> Node:
    owner, reason = facts.bus.owner, facts.bus.reason
    if owner is None:
        can_start = "D-Bus starts one on demand" if facts.bus.activatable else "none is installed"
        text = f"org.freedesktop.secrets: no program serves it ({can_start})"
        return _node(text, Tone.BAD, _daemons(facts))
    keyrings = tuple(_keyring(facts, name, state) for name, state in collections(facts))
    silent = f", which does not answer: {reason}" if reason else ""
    text = f"org.freedesktop.secrets: served by {owner.shown}{silent}"
    is_good = not reason and (owner.is_gnome_keyring or facts.is_readable)
    return _node(text, Tone.GOOD if is_good else Tone.BAD, (*_daemons(facts), *keyrings))


def _daemons(facts: Facts) -> tuple[Node, ...]:
    """Return the daemons, each with its control socket, and processes that only have the name."""
    listener = _listener(facts)
    found = [
        _node(
            _daemon(facts, daemon),
            Tone.BAD if daemon.state == STOPPED else Tone.PLAIN,
            (_socket(facts),) if daemon.pid == listener else (),
        )
        for daemon in facts.daemons
    ]
    if facts.bus.is_unknown and not facts.daemons:
        found.append(_node("keyring daemon: not known, there was no time to look", Tone.PLAIN))
    if listener not in {daemon.pid for daemon in facts.daemons} and facts.keyring.control:
        found.append(_socket(facts))
    found += [
        _node(f"pid {fake.pid} is {fake.executable}, but has the name {fake.name}", Tone.BAD)
        for fake in facts.processes.impostors
    ]
    return tuple(found)


def _listener(facts: Facts) -> int | None:
    """Return the pid of the process that listens at the control socket, or None.

    If it was not asked, it can only be the daemon that serves: a daemon that D-Bus started listens
    only if it serves.
    """
    if facts.control.pid is not None or not facts.keyring.control_listens:
        return facts.control.pid
    running = serving(facts.bus.owner, facts.daemons)
    return running[0].pid if len(running) == 1 else None


def _socket(facts: Facts) -> Node:
    owner, listener = facts.bus.owner, facts.control.pid
    text = f"control socket {facts.keyring.control}"
    if not facts.keyring.control_listens:
        return _node(f"{text}: nobody listens", Tone.PLAIN)
    is_split = owner is not None and listener not in {None, owner.pid}
    if is_split:
        return _node(f"{text}: pid {listener} listens, which does not serve secrets", Tone.BAD)
    return _node(f"{text}: listens", Tone.PLAIN)


def _daemon(facts: Facts, daemon: Daemon) -> str:
    owner = facts.bus.owner
    does = "serves nothing here"
    if owner and owner.pid == daemon.pid:
        does = "serves"
    elif owner and daemon.role is DaemonRole.ACTIVATED:
        does = "only watches"
    elif not owner and daemon.role is DaemonRole.LOGIN:
        does = f"waits {seconds_left(facts, daemon)} s more to be initialised"
    if daemon.state == STOPPED:
        does += ", is stopped"
    parent = f"child of {daemon.parent_name or '?'} (pid {daemon.parent})"
    return f"keyring daemon, pid {daemon.pid}: {does}; {ROLES[daemon.role]}, {parent}"


def _keyring(facts: Facts, name: str, state: CollectionState) -> Node:
    is_open = state is CollectionState.UNLOCKED
    note = ", the default" if name != "login" or not has_other_default(facts.bus) else ""
    if facts.bus.default is None:
        note = ""
    has_lock = state in {CollectionState.UNLOCKED, CollectionState.LOCKED}
    verdict = judge(facts.bus, facts.keyring)
    opens = state is CollectionState.LOCKED and name == verdict.keyring and verdict.is_readable
    more = ", and every program can unlock it without a question" if opens else ""
    return _node(
        f"keyring {name}{note}: {STATES[state]}{more}",
        Tone.GOOD if is_open or opens else Tone.BAD,
        is_open=is_open if has_lock else None,
    )
