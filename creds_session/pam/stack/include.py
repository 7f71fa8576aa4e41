"""The context in which libpam reads an included file, and the limits of includes.

Source: the parameters of libpam/pam_handlers.c:_pam_parse_conf_file and
_pam_load_conf_file; PAM_SUBSTACK_MAX_LEVEL in libpam/pam_private.h.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Optional

from creds_session.pam.stack.handlers import Failure
from creds_session.pam.syntax.terms import ManagementGroup

Read = Callable[[str], Optional[bytes]]
"""Returns the bytes of a path (``b""`` for a directory, as fopen does), or None if none exists."""

DEPTH_LIMIT = 16
"""PAM_SUBSTACK_MAX_LEVEL of pam_private.h."""

_DEEPEST = 100  # before 1.6.0, only the memory of the stack limits includes
MOST_RULES = 20_000  # a file that includes itself three times reads 3**15 files


class LoadingFailed(Exception):  # caught by the caller in resolve.py
    """libpam cannot load the service; ``failure`` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class IncludeContext(NamedTuple):
    """The context in which libpam reads one file.

    ``requested`` is the group of the including rule, or None for all groups. ``is_other``: the
    handlers belong to the service ``other``. ``chain`` has the files that are being read, so that a
    circle is noticed.
    """

    path: str
    is_other: bool
    requested: ManagementGroup | None = None
    include_level: int = 0
    stack_level: int = 0
    chain: tuple[tuple[str, ManagementGroup | None, int], ...] = ()

    @property
    def key(self) -> tuple[str, ManagementGroup | None, int]:
        """A value that occurs twice if and only if includes form a circle."""
        return self.path, self.requested, self.stack_level

    @property
    def is_circle(self) -> bool:
        """Whether the file is being read already, or far too many files are."""
        return self.key in self.chain or len(self.chain) > _DEEPEST

    def below(
        self, path: str, group: ManagementGroup | None, *, stack_levels: int
    ) -> IncludeContext:
        """Return the context of a file that this one includes."""
        return IncludeContext(
            path,
            self.is_other,
            group,
            self.include_level + 1,
            self.stack_level + stack_levels,
            (*self.chain, self.key),
        )
