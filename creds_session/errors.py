"""Every error this package raises on purpose: the problem, a hint, an exit code.

The exit codes are those of sysexits.h where one fits; docs/reference/commands.md
lists them. Only ``creds_session.cli`` catches these and turns them into an exit.
"""

from __future__ import annotations


class CredsSessionError(Exception):
    """Base of all errors raised on purpose.

    ``problem`` is one line that names what is wrong and where; ``hint`` is one line
    that says what to do about it, or empty. ``root_may`` is whether root may do what
    this user may not: ``creds_session.cli.typed`` then makes the hint.
    """

    exit_code = 1

    def __init__(self, problem: str, *, hint: str = "", root_may: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.root_may = root_may


class WrongPassword(CredsSessionError):
    """The keyring did not accept the password."""


class NoSuchCredential(CredsSessionError):
    """No item has these attributes."""


class Ambiguous(CredsSessionError):
    """Several items match, and nothing but chance would choose one."""

    exit_code = 65


class UsageError(CredsSessionError):
    """The command line asks for something that cannot be meant."""

    exit_code = 64


class InvalidData(CredsSessionError):
    """A file or a value is not what it must be, or cannot be edited safely."""

    exit_code = 65


class NoSuchFile(CredsSessionError):
    """A file that is needed does not exist."""

    exit_code = 66


class Unavailable(CredsSessionError):
    """No daemon, no bus, a missing program, or no answer in time."""

    exit_code = 69


class NoService(Unavailable):
    """No bus, or nobody on it serves secrets."""


class NoBus(NoService):
    """No session bus answers where one is named, or none is named."""


class TimedOut(Unavailable):
    """Someone was asked and did not answer in time."""


class ProviderHung(TimedOut):
    """The program that serves secrets does not answer, although the bus does.

    ``what`` says which answer did not come.
    """

    what = ""


class OtherProvider(Unavailable):
    """Another program than gnome-keyring serves secrets here: no password of ours opens it."""


class CannotWrite(CredsSessionError):
    """The file system refuses the change."""

    exit_code = 73


class Busy(CredsSessionError):
    """Someone else holds the lock; try again."""

    exit_code = 75


class NotPermitted(CredsSessionError):
    """The caller has not the rights."""

    exit_code = 77


class CollectionLocked(CredsSessionError):
    """The keyring is locked and nobody was asked to open it."""

    exit_code = 77


class PromptImpossible(CollectionLocked):
    """The keyring is locked, its own prompt was to be shown, and nobody answered it."""


class NoKeyringYet(CollectionLocked):
    """There is no login keyring, and nobody asked to create one."""
