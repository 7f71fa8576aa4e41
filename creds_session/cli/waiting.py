"""Say at a terminal after two seconds that a command still waits; elsewhere, say nothing."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from creds_session.system.terminal.waiting_line import WaitingLine


class Silence:
    """Print nothing while a command waits."""

    def __enter__(self) -> Silence:  # noqa: PYI034 - Self is younger than Python 3.9
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def held(self) -> Silence:
        """Print nothing while a person is asked."""
        return self


def waiting_line(awaited: str, timeout: float, *, is_quiet: bool = False) -> WaitingLine | Silence:
    """Return what prints a line if the work within ``with`` takes longer than two seconds.

    ``awaited`` is what the command waits for, ``timeout`` how many seconds at most. ``is_quiet`` is
    whether the person asked for silence.
    """
    if is_quiet or sys.stderr is None or not sys.stderr.isatty():
        return Silence()
    from creds_session.system.terminal.waiting_line import WaitingLine  # for people alone

    return WaitingLine(awaited, timeout)
