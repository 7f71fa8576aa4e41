"""Whether a command prints colours: ``--color``, or what the terminal can show."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Protocol

    class Screen(Protocol):
        """A stream that knows whether it is a terminal."""

        def isatty(self) -> bool:
            """Return whether the stream is a terminal."""


def add_colour(parser: argparse.ArgumentParser, default: str = "auto") -> None:
    """Give a command the option that says whether it prints colours."""
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default=default,
        help="Print colours always, never, or (auto, the default) at a terminal that shows colours"
        " if the variable NO_COLOR is not set.",
    )


def is_coloured(when: str, screen: Screen) -> bool:
    """Return whether to print colours on this stream (https://no-color.org)."""
    if when != "auto":
        return when == "always"
    can_show = screen.isatty() and os.environ.get("TERM") not in {None, "", "dumb"}
    return can_show and not os.environ.get("NO_COLOR")
