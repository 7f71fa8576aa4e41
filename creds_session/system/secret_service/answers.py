"""The forms that an answer of the Secret Service may have."""

from __future__ import annotations

from creds_session.errors import Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def only(body: Sequence[object]) -> object:
    """Return the only value of an answer. Raises Unavailable for an answer of another form."""
    if len(body) != 1:
        raise malformed()
    return body[0]


def last_of_two(body: Sequence[object]) -> object:
    """Return the second of two values. Raises Unavailable for an answer of another form."""
    if len(body) != 2:  # noqa: PLR2004
        raise malformed()
    return body[1]


def malformed() -> Unavailable:
    """Return the error for an answer that is not in the specification."""
    return Unavailable("the program that serves secrets here gave an answer that means nothing")
