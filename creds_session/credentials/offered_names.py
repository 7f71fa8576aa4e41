"""The services and user names of an unlocked keyring, for a shell that completes a word.

Nothing is asked, unlocked or started, and no password is read. If the keyring is not unlocked,
there are no names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from creds_session.credentials.backend_choice import choose_backend
from creds_session.credentials.keyring_settings import read_keyring_settings
from creds_session.facts.collection_state import CollectionState
from creds_session.system.bus.address import session_bus_address
from creds_session.system.bus.connection import AT_ONCE, Bus
from creds_session.system.files.foreign_home import foreign_place
from creds_session.system.secret_service.collection import Collection
from creds_session.system.secret_service.service import secret_service


def services(environ: Mapping[str, str], timeout: float) -> Iterator[str]:
    """Yield the service of each credential, repeatedly, as the keyring daemon answers."""
    for attributes in _attributes(environ, timeout, None):
        if "username" in attributes and "service" in attributes:
            yield attributes["service"]


def user_names(environ: Mapping[str, str], timeout: float, service: str) -> Iterator[str]:
    """Yield the user names that are stored for a service."""
    for attributes in _attributes(environ, timeout, service):
        if "username" in attributes:
            yield attributes["username"]


def _attributes(
    environ: Mapping[str, str], timeout: float, service: str | None
) -> Iterator[Mapping[str, str]]:
    """Yield the attributes of the items of the keyring that ``creds get`` would read.

    Raises what the bus raises, also TimedOut.
    """
    choice = choose_backend(read_keyring_settings(environ))
    address = session_bus_address(environ, os.getuid())
    if not choice.is_direct or address is None or foreign_place(environ) is not None:
        return
    with Bus(address, timeout) as bus:
        provider = secret_service(bus)
        if provider is None or provider.owner.uid != os.getuid():
            return
        path = choice.collection or provider.alias("default")
        if provider.state(path) is not CollectionState.UNLOCKED:
            return
        items = Collection(bus, provider, path)
        paths = items.all_items() if service is None else items.search_items({"service": service})
        for start in range(0, len(paths), AT_ONCE):
            yield from items.attributes(paths[start : start + AT_ONCE])
