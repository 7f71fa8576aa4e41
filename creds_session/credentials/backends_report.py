"""Report what ``creds backends`` prints: all backends of keyring, and why one is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

CHAINER = "keyring.backends.chainer.ChainerBackend"


class Backend(NamedTuple):
    """Describe a backend of keyring.

    ``priority`` None: the backend cannot be used, for ``reason``.
    """

    name: str
    priority: float | None = None
    reason: str = ""


class Backends(NamedTuple):
    """Hold all backends that keyring knows, and the name of the chosen one.

    ``by`` is the variable or the file that names the chosen backend, or empty. ``chained`` are the
    names of the backends that a chain asks in turn. ``way`` says how ``creds`` reads credentials.
    """

    known: tuple[Backend, ...]
    chosen: str
    by: str = ""
    chained: tuple[str, ...] = ()
    way: str = ""


class BackendVerdict(NamedTuple):
    """Say whether a backend is chosen, and why or why not."""

    name: str
    priority: float | None
    is_chosen: bool
    why: str


def verdicts(backends: Backends) -> list[BackendVerdict]:
    """Return a verdict on each backend, the chosen one first, then by priority."""
    unsorted = [
        BackendVerdict(
            backend.name,
            backend.priority,
            backend.name == backends.chosen,
            _why(backend, backends),
        )
        for backend in backends.known
    ]
    return sorted(unsorted, key=lambda item: (not item.is_chosen, -_rank(item.priority), item.name))


def _rank(priority: float | None) -> float:
    return float("-inf") if priority is None else priority


def _why(backend: Backend, backends: Backends) -> str:
    if backend.name == backends.chosen:
        several = "several backends can be used" if backends.chained else "highest priority"
        return backends.by or several
    if backend.priority is None:
        return backend.reason
    if backend.name in backends.chained:
        place = backends.chained.index(backend.name) + 1
        return f"asked by the chain, in place {place}"
    if backends.by:
        return f"another backend is configured: {backends.by}"
    if backend.name == CHAINER:
        return "fewer than two backends to chain"
    return "never chosen (priority 0 or less)" if backend.priority <= 0 else "lower priority"


def lines(backends: Backends) -> Iterator[str]:
    """Yield one line for each backend, then a line that says how ``creds`` reads credentials."""
    for verdict in verdicts(backends):
        mark = "*" if verdict.is_chosen else " "
        priority = "-" if verdict.priority is None else f"{verdict.priority:g}"
        yield f"{mark} {verdict.name:<45} {priority:>4}  {verdict.why}"
    yield f"creds goes {backends.way}"


def as_json(backends: Backends) -> dict[str, object]:
    """Return the report for a program; docs/reference/json.md describes the keys."""
    items: Sequence[dict[str, object]] = [verdict._asdict() for verdict in verdicts(backends)]
    return {"backends": items, "chosen": backends.chosen, "creds": backends.way}
