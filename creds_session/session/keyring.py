"""Get the state of this session's keyring, unlock it and lock it, from Python.

The commands ``creds status``, ``creds unlock`` and ``creds lock`` do the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Union

from creds_session.facts.session_state import SessionState
from creds_session.secret import Secret, require_secret

__all__ = ["lock_keyring", "status", "unlock_keyring"]

TIMEOUT = 10.0  # seconds
Password = Union[Secret, Callable[[], Secret]]


def status(*, timeout: float = TIMEOUT) -> SessionState:
    """Return the state of this session's keyring; start nothing and unlock nothing.

    ``timeout``, in seconds, limits all answers of the session bus. A bus or a daemon that does not
    answer is a state, not an error.
    """
    from creds_session.facts.session_state import judge
    from creds_session.probe.keyring import (  # not needed to import the library
        probe_bus,
        probe_keyring,
    )

    keyring = probe_keyring(os.environ, connect=False)
    return judge(probe_bus(os.environ, timeout), keyring).state


def unlock_keyring(password: Password, *, create: bool = False, timeout: float = TIMEOUT) -> bool:
    """Unlock the login keyring and the default keyring; return whether one had to be unlocked.

    ``password`` is a Secret, or a function that returns a Secret and is called only if a password
    is needed. ``create``: create the login keyring with this password if there is no keyring.
    ``timeout``, in seconds, limits everything except that function. The call returns only after the
    daemon has confirmed that the keyring is unlocked and, if it is not empty, after one secret has
    been read.

    Raises: WrongPassword, NoKeyringYet, CollectionLocked (the default keyring has another
    password), OtherProvider, ProviderHung, NoBus, Unavailable, NotPermitted, CannotWrite or
    InvalidData; TypeError for a password that is not a Secret.
    """
    from creds_session.session.unlock import PasswordRequest, Route, unlock

    if not callable(password):
        require_secret(password)

    def ask(_wanted: PasswordRequest) -> Secret:
        return require_secret(password() if callable(password) else password)

    unlocked = unlock(os.environ, ask, create=create, timeout=timeout)
    return unlocked.route is not Route.ALREADY


def lock_keyring(*, everything: bool = False, timeout: float = TIMEOUT) -> tuple[str, ...]:
    """Lock the login keyring and the default keyring; return the names of the locked keyrings.

    ``everything``: lock every keyring that the daemon serves. ``timeout``, in seconds, limits all
    answers of the session bus. Nothing is started. Locking does not protect a keyring without a
    password, because every program can unlock it again.

    Raises: NoBus, ProviderHung, OtherProvider, Unavailable or NotPermitted.
    """
    from creds_session.session.lock import lock

    return lock(os.environ, everything=everything, timeout=timeout).collections
