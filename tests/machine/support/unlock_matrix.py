"""The matrix of `creds unlock`: what meets what, and what is to become of it."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Session(enum.Enum):
    """How the person or the job came about."""

    SSH_PASSWORD = "ssh, password"
    SSH_PASSWORD_PAM = "ssh, password, PAM set up"
    SSH_KEY = "ssh, key"
    SU = "su -"
    SUDO = "sudo -u"
    CONSOLE = "console login"
    TMUX = "tmux, reattached"
    CRON = "cron"
    SERVICE = "systemd service"
    NESTED = "dbus-run-session in ssh"
    CONTAINER = "container without init"

    @property
    def has_hook(self) -> bool:
        """Tell whether a person at a terminal is asked by the login hook."""
        return self in HOOKED

    @property
    def is_typed(self) -> bool:
        """Tell whether a person types ``creds unlock`` there, and the password at its prompt."""
        return self in {Session.TMUX, Session.CONTAINER}

    @property
    def own_bus(self) -> bool:
        """Tell whether the session has a bus of its own, which knows no daemon yet."""
        return self in {Session.NESTED, Session.CONTAINER}


HOOKED = frozenset(list(Session)[:6])


class State(enum.Enum):
    """What runs for the user, on the bus of the user manager."""

    NONE = "no daemon"
    WAITING = "PAM's daemon, not initialised"
    READY = "PAM's daemon, initialised"
    UNIT = "systemd's daemon"
    SPLIT = "two daemons"
    GHOST = "ghost"
    LOCKED = "locked by `creds lock`"


class Password(enum.Enum):
    """What is typed or sent."""

    RIGHT = "right"
    WRONG = "wrong"
    NEWLINE = "right, newline"
    UTF8 = "UTF-8"
    EMPTY = "empty"


class End(NamedTuple):
    """What a cell comes to: the exit code, and words of the message where one is due."""

    name: str
    code: int
    words: str


UNLOCKED = End("unlocked", 0, "")
WRONG = End("wrong password", 1, "the keyring did not accept the password")
EMPTY = End("empty password", 65, "the password is empty")
DECLINED = End("nothing", 1, "")
NOT_GIVEN = End("nothing", 1, "no password was given")
ANOTHER = End("unlocked, but the secret is missing", 0, "")
GHOST = End("ghost", 69, "names the login keyring but does not serve it")

PAM_OPENS = frozenset({State.NONE, State.UNIT, State.LOCKED})
OPEN = frozenset({State.WAITING, State.READY})


class Cell(NamedTuple):
    """One combination."""

    session: Session
    state: State
    password: Password

    @property
    def name(self) -> str:
        """A name for the test."""
        return "-".join(one.name.lower() for one in self)


def expected(cell: Cell) -> End:
    """Return what is to become of a combination."""
    if not cell.session.own_bus:
        if cell.state is State.GHOST:
            return GHOST
        if cell.state in OPEN:
            return UNLOCKED
        if cell.session is Session.SSH_PASSWORD_PAM and cell.state in PAM_OPENS:
            return UNLOCKED
    if cell.state is State.GHOST and cell.password not in {Password.EMPTY, Password.WRONG}:
        return ANOTHER  # served again, as it was made
    if cell.password is Password.EMPTY:
        return _of_nothing(cell.session)
    return WRONG if cell.password is Password.WRONG else UNLOCKED


def _of_nothing(session: Session) -> End:
    if session.has_hook:
        return DECLINED
    return NOT_GIVEN if session.is_typed else EMPTY


def more_daemons(cell: Cell) -> int:
    """Return how many daemons may be there more than before: one, on a bus that has none."""
    return int(cell.session.own_bus or cell.state in {State.NONE, State.UNIT})


def every() -> list[Cell]:
    """Return all combinations."""
    return [Cell(*one) for one in itertools.product(Session, State, Password)]


def pairs() -> list[Cell]:
    """Return combinations in which every two values of two dimensions meet; always the same."""
    return [_cell(one) for one in _covering([list(Session), list(State), list(Password)])]


def _cell(values: Sequence[enum.Enum]) -> Cell:
    session, state, password = values
    return Cell(Session(session), State(state), Password(password))


def _covering(dimensions: Sequence[Sequence[enum.Enum]]) -> Iterator[tuple[enum.Enum, ...]]:
    """Give rows until no pair is left: the row with the most new ones first."""
    rows = list(itertools.product(*dimensions))
    left = {pair for row in rows for pair in _pairs_of(row)}
    while left:
        best = max(rows, key=lambda row: len(left & _pairs_of(row)))  # the first of the best
        left -= _pairs_of(best)
        yield best


def _pairs_of(row: Sequence[enum.Enum]) -> set[tuple[enum.Enum, enum.Enum]]:
    return set(itertools.combinations(row, 2))
