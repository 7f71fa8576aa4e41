"""Secrets in sessions without a desktop: PAM set-up, unlocking, diagnosis, credentials.

The names below are loaded when they are used: a command waits for none that it has no use for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from creds_session.version import __version__

if TYPE_CHECKING:
    from creds_session.credentials import Access, Credential, delete, get, list_credentials, put
    from creds_session.errors import (
        Ambiguous,
        CannotWrite,
        CollectionLocked,
        CredsSessionError,
        InvalidData,
        NoBus,
        NoKeyringYet,
        NoService,
        NoSuchCredential,
        NotPermitted,
        OtherProvider,
        PromptImpossible,
        ProviderHung,
        TimedOut,
        Unavailable,
        WrongPassword,
    )
    from creds_session.facts.session_state import SessionState
    from creds_session.secret import Secret
    from creds_session.session.keyring import lock_keyring, status, unlock_keyring

__all__ = [
    "Access",
    "Ambiguous",
    "CannotWrite",
    "CollectionLocked",
    "Credential",
    "CredsSessionError",
    "InvalidData",
    "NoBus",
    "NoKeyringYet",
    "NoService",
    "NoSuchCredential",
    "NotPermitted",
    "OtherProvider",
    "PromptImpossible",
    "ProviderHung",
    "Secret",
    "SessionState",
    "TimedOut",
    "Unavailable",
    "WrongPassword",
    "__version__",
    "delete",
    "get",
    "list_credentials",
    "lock_keyring",
    "put",
    "status",
    "unlock_keyring",
]


PLACES = ("errors", "secret", "credentials", "facts.session_state", "session.keyring")


def __dir__() -> list[str]:
    """Return the names of the public interface, loaded or not."""
    return sorted(__all__)


def __getattr__(name: str) -> object:
    """Load a name of the public interface from where it is (PEP 562)."""
    if name in __all__:
        from importlib import import_module

        for place in PLACES:
            module = import_module(f"creds_session.{place}")
            if name in getattr(module, "__all__", vars(module)):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
