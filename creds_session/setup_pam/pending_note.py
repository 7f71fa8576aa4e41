"""Read and write the note of a change that waits to be confirmed.

It is a JSON file in the state directory.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, suppress
from typing import NamedTuple

from creds_session.errors import InvalidData
from creds_session.system.files import checkpoints
from creds_session.system.files.directory import Directory
from creds_session.system.files.root import Root
from creds_session.system.files.state import STATE, state_directory_if_there

NOTE = "pending.json"
PENDING = f"{STATE}/{NOTE}"
LARGEST_NOTE = 1 << 16  # bytes


class Pending(NamedTuple):
    """A change that waits to be confirmed.

    ``since`` is when the change was done, in seconds since boot; it is None while the change is
    being made. ``login`` is the login session that made it. ``needs_password`` is whether rules
    were changed that only a login with a password runs.
    """

    unit: str
    deadline: float
    services: tuple[str, ...]
    user: str
    login: str
    boot: str
    since: float | None = None
    needs_password: bool = True


def write_note(state: Directory, pending: Pending) -> None:
    """Write the note, durably. Raises CannotWrite."""
    state.replace(NOTE, json.dumps(pending._asdict()).encode(), checkpoints.PRIVATE)


def read_note(state: Directory) -> Pending | None:
    """Return the note, or None if no change waits. Raises InvalidData for a damaged note."""
    content = state.read(NOTE, LARGEST_NOTE)
    if content is None:
        return None
    try:
        fields = json.loads(content)
        services = tuple(map(_text, fields["services"]))
        since = fields.get("since")
        return Pending(
            unit=_text(fields["unit"]),
            deadline=float(fields["deadline"]),
            services=services,
            user=_text(fields["user"]),
            login=_text(fields["login"]),
            boot=_text(fields["boot"]),
            since=None if since is None else float(since),
            needs_password=bool(fields.get("needs_password", True)),
        )
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise InvalidData(f"{state.path / NOTE}: cannot be read: {error}") from error


def pending(root: Root) -> Pending | None:
    """Return the change that waits. Raises InvalidData, and NotPermitted unless root asks.

    A state directory that is not trusted is not read; ``apply`` and ``revert`` refuse it.
    """
    with ExitStack() as stack:
        try:
            state = stack.enter_context(state_directory_if_there(root))
        except InvalidData:
            return None
        return None if state is None else read_note(state)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a field is not text")
    return value


def read_note_if_whole(state: Directory) -> Pending | None:
    """Return the note, or None if no change waits or the note is damaged."""
    with suppress(InvalidData):
        return read_note(state)
    return None
