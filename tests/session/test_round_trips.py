"""Whatever text is kept comes back, by every client.

CREDS_ROUND_TRIPS=10000 for more of it than a commit waits for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from creds_session.credentials import delete, get, put
from creds_session.credentials.opening import USUAL
from creds_session.secret import Secret
from tests.session.clients import in_a_session, lookup

COUNT = int(os.environ.get("CREDS_ROUND_TRIPS", "200"))
ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
NAMES = st.text(ANY, max_size=40)
PASSWORDS = st.text(ANY, max_size=200) | st.sampled_from(
    ["", "\n", " a\r\nb\n", "\u2028", "\ufffe", "\U0010ffff", "ü" * 32768, "x" * 65536]
)
AT_ONCE = 2000  # in one session: a daemon is not asked for more by anybody in a day


@pytest.fixture(name="session")
def _session_of_its_own() -> Iterator[dict[str, str]]:
    with in_a_session() as environ:
        yield environ


pytestmark = [pytest.mark.usefixtures("collection"), pytest.mark.timeout(3600)]


@pytest.mark.parametrize("part", range(max(1, COUNT // AT_ONCE)))
@settings(
    max_examples=min(COUNT, AT_ONCE),
    deadline=None,
    derandomize=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(service=NAMES, username=NAMES, password=PASSWORDS, encrypted=st.booleans())
@example(service="", username="", password="", encrypted=False).via("empty")
@example(service="a", username="b", password="x" * 65536, encrypted=True).via("64 KiB, encrypted")
def test_a_password_comes_back_byte_for_byte(
    by_keyring: Any,
    part: int,  # noqa: ARG001 - its name alone
    service: str,
    username: str,
    password: str,
    encrypted: bool,  # noqa: FBT001
) -> None:
    access = USUAL._replace(encrypted=encrypted)
    secret = Secret(password.encode())
    put(service, username, secret, access=access)
    assert get(service, username, access=access).password == secret
    assert by_keyring.get_password(service, username) == password
    if username and service:  # libsecret's own command line takes no empty value
        assert lookup(service, username) == password.encode()
    by_keyring.set_password(service, username, password[::-1])
    assert get(service, username).password == Secret(password[::-1].encode())
    delete(service, username)
    assert by_keyring.get_password(service, username) is None
