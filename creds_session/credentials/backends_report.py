"""What ``creds backends`` says: keyring's backends, which is chosen, and why not the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

CHAINER = "keyring.backends.chainer.ChainerBackend"


class Seen(NamedTuple):
    """A backend that keyring knows; ``priority`` None: it cannot be used, for ``reason``."""

    name: str
    priority: float | None = None
    reason: str = ""


class Choice(NamedTuple):
    """What keyring chose of all it knows; ``by`` is what names it, where something does.

    ``chained`` are the names of those that a chain asks in turn; ``way`` is how ``creds`` goes.
    """

    seen: tuple[Seen, ...]
    chosen: str
    by: str = ""
    chained: tuple[str, ...] = ()
    way: str = ""


class Judged(NamedTuple):
    """A backend, and why it is the one or is not."""

    name: str
    priority: float | None
    is_chosen: bool
    why: str


def judge(choice: Choice) -> list[Judged]:
    """Return all backends, the chosen one first, then by priority."""
    judged = [
        Judged(one.name, one.priority, one.name == choice.chosen, _why(one, choice))
        for one in choice.seen
    ]
    return sorted(judged, key=lambda one: (not one.is_chosen, -_rank(one.priority), one.name))


def _rank(priority: float | None) -> float:
    return float("-inf") if priority is None else priority


def _why(one: Seen, choice: Choice) -> str:
    if one.name == choice.chosen:
        return choice.by or ("more than one can be used" if choice.chained else "highest priority")
    if one.priority is None:
        return one.reason
    if one.name in choice.chained:
        place = choice.chained.index(one.name) + 1
        return f"asked by the chain, in place {place}"
    if choice.by:
        return f"another is named: {choice.by}"
    if one.name == CHAINER:
        return "fewer than two to chain"
    return "keyring takes it for no storage" if one.priority <= 0 else "lower priority"


def lines(choice: Choice) -> Iterator[str]:
    """Give one line a backend, then how ``creds`` goes."""
    for one in judge(choice):
        mark = "*" if one.is_chosen else " "
        priority = "-" if one.priority is None else f"{one.priority:g}"
        yield f"{mark} {one.name:<45} {priority:>4}  {one.why}"
    yield f"creds goes {choice.way}"


def as_json(choice: Choice) -> dict[str, object]:
    """Return the same for a program."""
    backends: Sequence[dict[str, object]] = [one._asdict() for one in judge(choice)]
    return {"backends": backends, "chosen": choice.chosen, "creds": choice.way}
