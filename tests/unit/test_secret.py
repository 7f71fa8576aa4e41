from __future__ import annotations

import copy
import json
import pickle
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass

import pytest

from creds_session.credentials import Credential
from creds_session.secret import Secret

CANARY = b"canary-4711"
SECRET = Secret(CANARY)


@dataclass(frozen=True)
class Holder:
    password: Secret


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        f"{SECRET:>40}",
        "{:s}".format(SECRET),  # noqa: UP032 - this very way is tried
        "%s %r %a" % (SECRET, SECRET, SECRET),  # noqa: UP031
        repr([SECRET]),
        repr(Holder(SECRET)),
        repr(Credential("app", "me", SECRET)),
    ],
)
def test_secret_does_not_show_itself(shown: str) -> None:
    assert "canary" not in shown


@pytest.mark.parametrize(
    "leak", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, bytes, iter, len]
)
def test_secret_refuses_what_would_copy_it(leak: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as caught:
        leak(SECRET)
    assert "canary" not in str(caught.value)


def test_secret_is_not_taken_out_of_a_dataclass_that_holds_it() -> None:
    with pytest.raises(TypeError):
        asdict(Holder(SECRET))


def test_secret_is_not_in_a_traceback_with_its_variables() -> None:
    def fail(held: Holder) -> None:
        raise ValueError(held)

    with pytest.raises(ValueError, match="redacted") as caught:
        fail(Holder(SECRET))
    error = caught.value
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    text = "".join(report.format())
    assert "redacted" in text
    assert "canary" not in text


def test_secret_reveals_its_bytes_and_compares_by_them() -> None:
    assert SECRET.reveal() == CANARY
    assert Secret(b"\xff\n").reveal() == b"\xff\n"
    assert Secret(CANARY) == SECRET
    assert hash(Secret(CANARY)) == hash(SECRET)
    assert Secret(b"other") != SECRET
    assert SECRET != CANARY
    assert not Secret(b"")
    assert Secret(b" ")
