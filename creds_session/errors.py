"""Every error that this package raises on purpose: a problem, a hint and an exit code.

The exit codes are the codes of sysexits.h, if one fits. Only ``creds_session.cli`` catches these
errors and exits with their code.
"""

from __future__ import annotations

EXIT_CODES = {
    0: "the command did what you asked for, or there was nothing to do",
    1: "there is no such credential, the password is wrong, a change is needed, or something is"
    " wrong with the session",
    64: "the command line is wrong",
    65: "a file or a value is invalid, or a PAM file cannot be changed safely",
    66: "a file, a user or a PAM service that you named does not exist",
    69: "something that is needed is not available: there is no session bus, no keyring daemon or"
    " no answer in time, or a program is not installed",
    70: "this program is defective; please report the message",
    73: "a file cannot be written",
    75: "another run holds the lock, or another change waits for confirmation; try again later",
    77: "you lack the permission, or the keyring is locked or does not exist",
    130: "you pressed Ctrl-C",
}
"""What each exit code means. ``creds --help`` and docs/reference/commands.md print this table."""


class CredsSessionError(Exception):
    """Base of all errors that are raised on purpose.

    ``problem`` is one line that says what is wrong and where. ``hint`` says what to do about it, or
    is empty. ``root_may`` is whether root may do what this user may not do; then
    ``creds_session.cli.typed`` makes the hint. The text of the error is the problem and the hint on
    one line.
    """

    exit_code = 1

    def __init__(self, problem: str, *, hint: str = "", root_may: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.root_may = root_may

    def __str__(self) -> str:
        return "; ".join((self.problem, *self.hint.splitlines()))


class WrongPassword(CredsSessionError):
    """The keyring did not accept the password."""


class NoSuchCredential(CredsSessionError):
    """No credential is stored for this service and this user."""


class Ambiguous(CredsSessionError):
    """Several different passwords match, and only chance would choose one of them."""

    exit_code = 65


class UsageError(CredsSessionError):
    """The command line makes no sense."""

    exit_code = 64


class InvalidData(CredsSessionError):
    """A file or a value is malformed, or cannot be edited safely."""

    exit_code = 65


class NoSuchFile(CredsSessionError):
    """A file that is needed does not exist."""

    exit_code = 66


class Unavailable(CredsSessionError):
    """A keyring daemon, a session bus or a program is missing or does not work."""

    exit_code = 69


class NoService(Unavailable):
    """There is no session bus, or no program on it serves secrets."""


class NoBus(NoService):
    """The session bus that is named does not answer, or no session bus is named."""


class TimedOut(Unavailable):
    """A program did not answer in time."""


class ProviderHung(TimedOut):
    """The program that serves secrets does not answer, although the session bus does.

    ``what`` says which answer did not come.
    """

    what = ""


class OtherProvider(Unavailable):
    """A program other than gnome-keyring serves secrets, and no password from here unlocks it."""


class CannotWrite(CredsSessionError):
    """The file system refuses the change."""

    exit_code = 73


class Busy(CredsSessionError):
    """Another process holds the lock; try again later."""

    exit_code = 75


class NotPermitted(CredsSessionError):
    """The caller does not have the permission."""

    exit_code = 77


class CollectionLocked(CredsSessionError):
    """The keyring is locked, and the call was not allowed to ask for its password."""

    exit_code = 77


class PromptImpossible(CollectionLocked):
    """The keyring is locked, and its own prompt was declined or could not be shown."""


class NoKeyringYet(CollectionLocked):
    """There is no login keyring, and the call did not ask for a new one."""
