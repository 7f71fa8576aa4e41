"""The keyring of this session from Python: its state, unlocking it, locking it.

The commands ``creds status``, ``creds unlock`` and ``creds lock`` do the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Union

from creds_session.facts.session_state import SessionState
from creds_session.secret import Secret

__all__ = ["lock_keyring", "status", "unlock_keyring"]

TIMEOUT = 10.0  # seconds
Password = Union[Secret, Callable[[], Secret]]


def status(*, timeout: float = TIMEOUT) -> SessionState:
    """Return the state of this session's keyring; start nothing and open nothing.

    ``timeout``, in seconds, is for all that is asked of the bus. A bus or a daemon that does not
    answer is a state, not an error.
    """
    from creds_session.facts.session_state import judge
    from creds_session.probe.keyring import (  # not to import
        probe_bus,
        probe_keyring,
    )

    keyring = probe_keyring(os.environ, connect=False)
    return judge(probe_bus(os.environ, timeout), keyring).state


def unlock_keyring(password: Password, *, create: bool = False, timeout: float = TIMEOUT) -> bool:
    """Unlock the login keyring and the default one; return whether anything had to be unlocked.

    ``password`` is a Secret, or a function that returns one and is called only if a password is
    needed. ``create``: create the login keyring with this password if there is no keyring.
    ``timeout``, in seconds, is for all but that function. It returns only after the daemon says
    that the keyring is unlocked and has given a secret, if there is one.

    Raises WrongPassword, NoKeyringYet, CollectionLocked (the default keyring has another password),
    OtherProvider, ProviderHung, NoBus, Unavailable, NotPermitted or InvalidData. TypeError for a
    password that is no Secret.
    """
    from creds_session.session.unlock import PasswordRequest, Route, unlock

    if not callable(password):
        _require_secret(password)

    def ask(_wanted: PasswordRequest) -> Secret:
        return _require_secret(password() if callable(password) else password)

    opened = unlock(os.environ, ask, create=create, timeout=timeout)
    return opened.route is not Route.ALREADY


def _require_secret(password: object) -> Secret:
    if not isinstance(password, Secret):
        given = type(password).__name__
        raise TypeError(f"the password must be a Secret, not {given}: use Secret.from_text()")
    return password


def lock_keyring(*, everything: bool = False, timeout: float = TIMEOUT) -> tuple[str, ...]:
    """Lock the login keyring and the default one; return the names of the keyrings that are locked.

    ``everything``: lock every keyring that is served. Nothing is started. A keyring without a
    password is not protected by that: every program opens it again.

    Raises ProviderHung, OtherProvider, Unavailable or NotPermitted.
    """
    from creds_session.session.lock import lock

    return lock(os.environ, everything=everything, timeout=timeout).collections
