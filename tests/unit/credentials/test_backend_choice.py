from __future__ import annotations

import pytest

from creds_session.credentials.backend_choice import KeyringSettings, choose_backend
from creds_session.system.python_packages import Packages

USUAL = KeyringSettings(Packages(frozenset({"keyring", "secretstorage"})))


def with_packages(*names: str, backends: tuple[str, ...] = ()) -> Packages:
    return Packages(USUAL.packages.names | set(names), backends)


def test_the_bus_where_keyring_would_choose_its_secret_service() -> None:
    route = choose_backend(USUAL)
    assert (route.is_direct, route.collection, route.others) == (True, "", ())
    assert "SecretService" in route.why


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (USUAL._replace(is_chosen=True), "this process has"),
        (USUAL._replace(variable=""), "PYTHON_KEYRING_BACKEND"),
        (USUAL._replace(variable="a.B"), "PYTHON_KEYRING_BACKEND"),
        (USUAL._replace(files=("/x/keyringrc.cfg",)), "/x/keyringrc.cfg"),
        (USUAL._replace(properties={"scheme": "KeePassXC"}), "KEYRING_PROPERTY_SCHEME"),
        (USUAL._replace(properties={"preferred_collection": "x"}), "PREFERRED_COLLECTION"),
        (USUAL._replace(packages=with_packages(backends=("mine-1.dist-info",))), "mine-1"),
        (USUAL._replace(packages=USUAL.packages._replace(unseen=("/a.zip",))), "/a.zip"),
        (USUAL._replace(packages=Packages(frozenset({"keyring"}))), "SecretStorage"),
        (USUAL._replace(desktop="x:KDE", packages=with_packages("dbus")), "KWallet"),
    ],
)
def test_keyring_where_anything_is_out_of_the_ordinary(seen: KeyringSettings, why: str) -> None:
    route = choose_backend(seen)
    assert not route.is_direct
    assert why in route.why
    assert choose_backend(USUAL).is_direct, "the one thing that differs decides"


def test_a_preferred_collection_is_known_on_both_ways() -> None:
    seen = USUAL._replace(properties={"preferred_collection": "/a/b"})
    assert choose_backend(seen).is_direct
    assert (
        choose_backend(seen).collection
        == choose_backend(seen._replace(variable="x")).collection
        == "/a/b"
    )


@pytest.mark.parametrize(
    ("packages", "others"),
    [
        (with_packages("gi"), ("libsecret",)),
        (with_packages("dbus"), ("KWallet",)),
        (with_packages(backends=("keyrings.alt-5.dist-info",)), ("keyrings.alt-5.dist-info",)),
    ],
)
def test_what_keyring_would_ask_afterwards_is_told(
    packages: Packages, others: tuple[str, ...]
) -> None:
    route = choose_backend(USUAL._replace(packages=packages, desktop="GNOME"))
    assert (route.is_direct, route.others) == (True, others)
