"""Whatever text is kept comes back, by every client.

CREDS_ROUND_TRIPS=10000 for more of it than a commit waits for: all in one session.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from creds_session.credentials import delete, get, put
from creds_session.credentials.access import USUAL
from creds_session.errors import InvalidData
from creds_session.secret import Secret
from tests.depth import ROUND_TRIPS
from tests.session.clients import lookup

ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
LONGEST = "x" * 65536
NAMES = st.text(ANY, max_size=40)
PASSWORDS = st.text(ANY, max_size=200) | st.sampled_from(
    ["", "\n", " a\r\nb\n", "\u2028", "\ufffe", "\U0010ffff", "ü" * 32768, LONGEST]
)
SAMPLE = 20  # one of so many is read by the program secret-tool too
READER = Path(__file__).with_name("libsecret_reader.py")
Read = Callable[[str, str], Any]

pytestmark = [pytest.mark.usefixtures("collection"), pytest.mark.timeout(7200)]
by_hypothesis = settings(
    max_examples=ROUND_TRIPS,
    deadline=None,
    derandomize=False,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # a daemon that is gone fails for smaller ones too
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def by_libsecret(session: dict[str, str]) -> Iterator[Read]:
    """What libsecret finds, asked in one process of the system's Python."""
    argv = ["/usr/bin/python3", str(READER)]
    has_libsecret = subprocess.run(argv, stdin=subprocess.DEVNULL, check=False).returncode == 0
    if not has_libsecret and not os.environ.get("CI"):
        pytest.skip("not installed: libsecret for Python (python3-gi, gir1.2-secret-1)")
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=session
    ) as process:
        assert process.stdin is not None
        asked, told = process.stdin, process.stdout
        assert told is not None

        def read(service: str, username: str) -> object:
            asked.write(json.dumps([service, username]) + "\n")
            asked.flush()
            return json.loads(told.readline())

        yield read


turns = itertools.count()


@by_hypothesis
@given(at=st.tuples(NAMES, NAMES), password=PASSWORDS, encrypted=st.booleans(), ours=st.booleans())
@example(at=("", ""), password="", encrypted=False, ours=True).via("empty")
@example(at=("a", "b"), password=LONGEST, encrypted=True, ours=True).via("64 KiB, encrypted")
def test_a_password_comes_back_byte_for_byte(
    by_keyring: Any,
    by_libsecret: Read,
    at: tuple[str, str],
    password: str,
    encrypted: bool,
    ours: bool,
) -> None:
    access = USUAL._replace(encrypted=encrypted)
    if ours:
        put(*at, Secret(password.encode()), access=access)
        assert by_keyring.get_password(*at) == password
    else:
        by_keyring.set_password(*at, password)
    assert get(*at, access=access).password == Secret(password.encode())
    assert by_libsecret(*at) == password
    if next(turns) % SAMPLE == 0 and all(at):  # its command line takes no empty value
        assert lookup(*at) == password.encode()
    delete(*at)
    assert by_libsecret(*at) is None


@given(before=st.text(ANY, max_size=20), after=st.text(ANY, max_size=20), which=st.integers(0, 2))
@settings(by_hypothesis, max_examples=20)
def test_a_nul_anywhere_is_refused_and_the_old_password_stays(
    by_keyring: Any, before: str, after: str, which: int
) -> None:
    put("app", "me", Secret(b"old"))
    values = ["app", "me", "new"]
    values[which] = f"{before}\0{after}"
    service, username, password = values
    with pytest.raises(InvalidData, match="NUL"):
        put(service, username, Secret(password.encode()))
    assert by_keyring.get_password("app", "me") == "old"
