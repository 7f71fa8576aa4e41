"""Decide whether credentials are read from the Secret Service directly or through keyring.

Importing keyring takes a seventh of a second. Which backend keyring would choose follows from a few
settings that can be read without it. If keyring would choose its SecretService backend, then the
Secret Service is called directly; in every other case keyring is loaded and decides.
Source: keyring/core.py (_detect_backend, load_env, load_config), keyring/backend.py
(set_properties_from_env), keyring/backends/chainer.py.
"""

from __future__ import annotations

from creds_session.records import NamedTuple
from creds_session.system.python_packages import Packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

COLLECTION = "preferred_collection"  # keyring/backends/SecretService.py
NEVER_FIRST = ("keyrings.alt-", "keyrings_alt-")  # their priorities are below SecretService's
SERVICES = {"gi": "libsecret", "dbus": "KWallet"}  # the backends that these packages make usable


class KeyringSettings(NamedTuple):
    """Hold everything by which keyring chooses a backend.

    ``is_chosen``: this process has a backend of keyring already. ``variable`` is
    PYTHON_KEYRING_BACKEND, ``files`` are the configuration files that exist, ``properties`` the
    variables KEYRING_PROPERTY_*, and ``desktop`` is XDG_CURRENT_DESKTOP.
    """

    packages: Packages = Packages()
    is_chosen: bool = False
    variable: str | None = None
    files: tuple[str, ...] = ()
    properties: Mapping[str, str] = {}
    desktop: str = ""


class BackendChoice(NamedTuple):
    """Say whether the Secret Service is called directly, and why, in words for a person.

    ``collection`` is the path of the collection that is preferred to the default one, or empty.
    ``others`` are the backends that keyring asks for a password which the Secret Service does not
    have.
    """

    is_direct: bool
    why: str
    collection: str = ""
    others: tuple[str, ...] = ()


def choose_backend(settings: KeyringSettings) -> BackendChoice:
    """Return which backend is used, and why."""
    preferred = settings.properties.get(COLLECTION, "")
    why = _why_keyring(settings, preferred)
    if why:
        return BackendChoice(is_direct=False, why=f"through keyring: {why}", collection=preferred)
    installed = settings.packages.names
    others = tuple(name for package, name in SERVICES.items() if package in installed)
    others += settings.packages.backends
    why = "over D-Bus: python-keyring would choose its SecretService backend"
    return BackendChoice(is_direct=True, why=why, collection=preferred, others=others)


def _why_keyring(settings: KeyringSettings, preferred: str) -> str:
    """Return the first reason why keyring has to decide, or an empty text."""
    packages = settings.packages
    properties = sorted(set(settings.properties) - {COLLECTION})
    if preferred and not preferred.startswith("/"):
        properties.append(COLLECTION)
    foreign = [backend for backend in packages.backends if not backend.startswith(NEVER_FIRST)]
    on_kde = "KDE" in settings.desktop.split(":") and "dbus" in packages.names
    reasons = (
        ("this process has chosen a keyring backend already", settings.is_chosen),
        ("PYTHON_KEYRING_BACKEND is set", settings.variable is not None),
        (f"there is {', '.join(settings.files)}", settings.files),
        (f"KEYRING_PROPERTY_{', '.join(properties).upper()} is set", properties),
        (f"another backend is installed: {', '.join(foreign)}", foreign),
        (f"the packages in {', '.join(packages.unseen)} cannot be listed", packages.unseen),
        ("SecretStorage is not installed", "secretstorage" not in packages.names),
        ("on KDE its KWallet backend comes first", on_kde),
    )
    return next((why for why, holds in reasons if holds), "")
