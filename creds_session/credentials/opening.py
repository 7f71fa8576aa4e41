"""Open the store in which credentials are kept."""

from __future__ import annotations

import os

from creds_session.credentials.access import open_items
from creds_session.credentials.backend_choice import BackendChoice, choose_backend
from creds_session.credentials.keyring_settings import read_keyring_settings
from creds_session.credentials.stores import BusStore
from creds_session.errors import NoService

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from creds_session.credentials.access import Access
    from creds_session.credentials.store import Store
    from creds_session.secret import Secret
    from creds_session.system.secret_service.collection import Collection


class open_store:  # noqa: N801 - contextlib.contextmanager takes longer to load than the keyring
    """Open the store that keyring would choose, without loading keyring if that is possible."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._items: Collection | None = None
        self._keyring: AbstractContextManager[Store] | None = None

    def __enter__(self) -> Store:
        access = self._access
        backend = choose_backend(read_keyring_settings(os.environ))
        self._items = _items(backend, access) if backend.is_direct else None
        if self._items is not None:
            access.tell(backend.why)
            return BusStore(self._items, access.tell, _others(backend, access))
        from creds_session.credentials.keyring_store import keyring_store  # seldom

        access.tell(
            "through keyring: no Secret Service is available" if backend.is_direct else backend.why
        )
        self._keyring = keyring_store(access, backend.collection)
        return self._keyring.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._items is not None:
            self._items.close()
        if self._keyring is not None:
            self._keyring.__exit__(kind, error, traceback)


def _items(backend: BackendChoice, access: Access) -> Collection | None:
    """Return the unlocked collection, or None if keyring may have another backend to ask."""
    try:
        return open_items(access, backend.collection)
    except NoService:
        if not backend.others:
            raise
        return None


def _others(backend: BackendChoice, access: Access) -> Callable[[str, str], Secret | None] | None:
    """Return a function that asks keyring's other backends for a password, or None."""
    if not backend.others:
        return None

    def ask(service: str, username: str) -> Secret | None:
        from creds_session.credentials.keyring_store import keyring_store

        access.tell(f"through keyring: {', '.join(backend.others)} may have the password")
        with keyring_store(access, backend.collection) as store:
            return store.get(service, username)

    return ask
