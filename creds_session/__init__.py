"""Secrets in sessions without a desktop: PAM set-up, unlocking, diagnosis, credentials.

The names below are loaded when they are used: a command waits for none that it has no use for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from creds_session.version import __version__

if TYPE_CHECKING:
    from creds_session.credentials import (
        Access,
        Credential,
        delete,
        get,
        list_credentials,
        put,
    )
    from creds_session.errors import (
        Ambiguous,
        CollectionLocked,
        CredsSessionError,
        InvalidData,
        NoService,
        NoSuchCredential,
        PromptImpossible,
        TimedOut,
        Unavailable,
    )
    from creds_session.secret import Secret

__all__ = [
    "Access",
    "Ambiguous",
    "CollectionLocked",
    "Credential",
    "CredsSessionError",
    "InvalidData",
    "NoService",
    "NoSuchCredential",
    "PromptImpossible",
    "Secret",
    "TimedOut",
    "Unavailable",
    "__version__",
    "delete",
    "get",
    "list_credentials",
    "put",
]


def __getattr__(name: str) -> object:
    """Load a name of the public interface from where it is (PEP 562)."""
    if name in __all__:
        from importlib import import_module  # noqa: PLC0415

        for place in ("errors", "secret", "credentials"):
            module = import_module(f"creds_session.{place}")
            if name in getattr(module, "__all__", vars(module)):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
