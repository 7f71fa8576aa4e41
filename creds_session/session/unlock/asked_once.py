"""Ask for the password of a keyring at most once, and use it for that keyring alone."""

from __future__ import annotations

from collections.abc import Callable

from creds_session.errors import Unavailable
from creds_session.facts.session_state import LOGIN
from creds_session.records import NamedTuple
from creds_session.secret import Secret


class PasswordRequest(NamedTuple):
    """Say which password is needed: the password of this keyring, or of a new keyring."""

    keyring: str = LOGIN
    is_new: bool = False


class AskedOnce:
    """Call ``ask`` for the first password, and give the same one if it is needed again."""

    def __init__(self, ask: Callable[[PasswordRequest], Secret]) -> None:
        self._ask = ask
        self._first: tuple[PasswordRequest, Secret] | None = None

    def __call__(self, wanted: PasswordRequest) -> Secret:
        """Return the password. Raises Unavailable if it was asked for something else before.

        The password that was typed for a new keyring is also used if that keyring exists by now.
        """
        if self._first is None:
            self._first = wanted, self._ask(wanted)
        asked, password = self._first
        if wanted.keyring == asked.keyring and (asked.is_new or not wanted.is_new):
            return password
        what = "there is no keyring now" if wanted.is_new else f"{wanted.keyring} is locked now"
        raise Unavailable(
            f"the keyring daemon ended, and a password for {asked.keyring} was typed, but {what}",
            hint="try again: creds unlock",
        )
