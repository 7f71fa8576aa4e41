"""Which way to the keyring: keyring itself, or the bus where keyring would choose it anyway.

keyring costs a seventh of a second before it asks anybody. What it would choose follows from a
few things that can be looked at; whatever is out of the ordinary goes through keyring.
Source: keyring/core.py (_detect_backend, load_env, load_config), keyring/backend.py
(set_properties_from_env), keyring/backends/chainer.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from creds_session.system.python_packages import Packages

COLLECTION = "preferred_collection"  # keyring/backends/SecretService.py
NEVER_FIRST = ("keyrings.alt-", "keyrings_alt-")  # its priorities are below SecretService's
SERVICES = {"gi": "libsecret", "dbus": "KWallet"}  # what these packages let keyring find more of


class Surroundings(NamedTuple):
    """All that keyring would look at."""

    packages: Packages = Packages()
    is_chosen: bool = False
    variable: str | None = None
    files: tuple[str, ...] = ()
    properties: Mapping[str, str] = MappingProxyType({})
    desktop: str = ""


class Route(NamedTuple):
    """``why`` is for a person; ``others``: the backends that keyring asks where this has nothing.

    ``collection`` is the path of the one that is preferred to the default one.
    """

    is_direct: bool
    why: str
    collection: str = ""
    others: tuple[str, ...] = ()


def choose(seen: Surroundings) -> Route:
    """Decide."""
    preferred = seen.properties.get(COLLECTION, "")
    why = _why_keyring(seen, preferred)
    if why:
        return Route(is_direct=False, why=f"through keyring: {why}", collection=preferred)
    others = tuple(name for package, name in SERVICES.items() if package in seen.packages.names)
    others += seen.packages.backends
    why = "over the bus: keyring would choose its SecretService backend"
    return Route(is_direct=True, why=why, collection=preferred, others=others)


def _why_keyring(seen: Surroundings, preferred: str) -> str:
    """Return the first reason that holds, in words, or nothing."""
    properties = sorted(set(seen.properties) - {COLLECTION})
    if preferred and not preferred.startswith("/"):
        properties.append(COLLECTION)
    foreign = [one for one in seen.packages.backends if not one.startswith(NEVER_FIRST)]
    on_kde = "KDE" in seen.desktop.split(":") and "dbus" in seen.packages.names
    reasons = (
        ("this process has a backend of keyring's already", seen.is_chosen),
        ("PYTHON_KEYRING_BACKEND is set", seen.variable is not None),
        (f"there is {', '.join(seen.files)}", seen.files),
        (f"KEYRING_PROPERTY_{', '.join(properties).upper()} is set", properties),
        (f"another backend is installed: {', '.join(foreign)}", foreign),
        (f"not known what lies in {', '.join(seen.packages.unseen)}", seen.packages.unseen),
        ("SecretStorage is not installed", "secretstorage" not in seen.packages.names),
        ("on KDE its KWallet backend comes first", on_kde),
    )
    return next((why for why, holds in reasons if holds), "")
