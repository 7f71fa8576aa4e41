from __future__ import annotations

import pytest

from creds_session.errors import InvalidData
from creds_session.facts.session import MAX_PASSWORD
from creds_session.secret import Secret
from creds_session.session.unlock import require_valid_password


@pytest.mark.parametrize("value", [b"x", b"\n", b" \xff\t", b"x" * MAX_PASSWORD])
def test_checked_returns_the_very_password(value: bytes) -> None:
    assert require_valid_password(Secret(value)).reveal() == value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"", "empty"),
        (b"canary\0", "NUL"),
        (b"\0", "NUL"),
        (b"canary" * MAX_PASSWORD, "longer than 8192"),
        (b"x" * (MAX_PASSWORD + 1), "longer than 8192"),
    ],
)
def test_checked_refuses_what_the_daemon_would_misread(value: bytes, problem: str) -> None:
    with pytest.raises(InvalidData, match=problem) as caught:
        require_valid_password(Secret(value))
    assert "canary" not in f"{caught.value}{caught.value.hint}"
