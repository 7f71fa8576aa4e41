"""Store and read passwords in sessions without a desktop; unlock and lock the keyring.

Example:
    import creds_session
    from creds_session import Secret

    creds_session.put("github", "alice", Secret.from_text("s3cret"))
    credential = creds_session.get("github", "alice")
    print(credential.username, credential.password.reveal().decode())

If the keyring is locked, then ``get`` raises CollectionLocked:

    creds_session.unlock_keyring(Secret.from_text("the password of the keyring"))

Every error is a CredsSessionError; ``str(error)`` says what is wrong and what to do. The reference
is docs/reference/library.md. The names below are loaded when they are used first, so that a command
loads only the modules that it needs.
"""

from __future__ import annotations

TYPE_CHECKING = False
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
    from creds_session.version import __version__

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

_MODULES = {
    "Access": "credentials",
    "Credential": "credentials",
    "Secret": "secret",
    "SessionState": "facts.session_state",
    "delete": "credentials",
    "get": "credentials",
    "list_credentials": "credentials",
    "lock_keyring": "session.keyring",
    "put": "credentials",
    "status": "session.keyring",
    "unlock_keyring": "session.keyring",
    "__version__": "version",
}
"""The module of each public name. The names that are missing here are errors."""


def __dir__() -> list[str]:
    """Return the public names, whether they are loaded or not."""
    return sorted(__all__)


def __getattr__(name: str) -> object:
    """Load a public name from its module when it is used first (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"creds_session.{_MODULES.get(name, 'errors')}")
    return getattr(module, name)
