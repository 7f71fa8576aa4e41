from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.facts.bus_address import address_of_path, path_of_address

BYTES = st.binary(min_size=1, max_size=40).filter(lambda path: b"\0" not in path)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/run/user/1000/bus", "unix:path=/run/user/1000/bus"),
        ("/home/alice@corp.example/bus", "unix:path=/home/alice%40corp.example/bus"),
        ("/home/CORP\\alice/bus", "unix:path=/home/CORP%5calice/bus"),
        ("/home/a b,c;d=e%f/bus", "unix:path=/home/a%20b%2cc%3bd%3de%25f/bus"),
        ("/home/ü/bus", "unix:path=/home/%c3%bc/bus"),
        ("/home/\udcff/bus", "unix:path=/home/%ff/bus"),
    ],
)
def test_every_byte_but_a_few_is_escaped(path: str, address: str) -> None:
    assert address_of_path(path) == address
    assert path_of_address(address) == path


@given(BYTES)
def test_a_path_comes_back(path: bytes) -> None:
    name = path.decode("utf-8", "surrogateescape")
    address = address_of_path(name)
    assert address.isascii()
    assert path_of_address(f"{address},guid=1;tcp:host=x") == name


@pytest.mark.parametrize("address", ["", "tcp:host=x", "unix:abstract=/x", "autolaunch:"])
def test_what_is_no_path_has_none(address: str) -> None:
    assert path_of_address(address) == ""


def test_an_address_without_escapes_is_understood() -> None:
    assert path_of_address("unix:path=/home/a@b/bus,guid=7") == "/home/a@b/bus"
