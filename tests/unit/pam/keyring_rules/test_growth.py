"""The work grows in proportion to the rules and the files: calls are counted, not seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

import pytest

from creds_session.doctor.diagnosis import judge
from creds_session.facts.snapshot import PamFacts
from creds_session.pam.keyring_rules.plan import plan
from creds_session.pam.syntax.terms import Dialect
from tests.unit.examples import SSHD, WELL, WITHOUT_RULES

PATH = "/etc/pam.d/sshd"
CONTROLS = ("required", "optional", "[success=1 default=ignore]", "[default=1]", "requisite")
TOLERANCE = 1.1  # of what linear growth would be


def calls(work: Callable[[], object]) -> int:
    """Return how many calls of Python and C functions some work takes."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def plan_of(count: int) -> None:
    rules = "".join(f"auth {CONTROLS[n % len(CONTROLS)]} m{n}.so\n" for n in range(count))
    files = {PATH: rules.encode() + WITHOUT_RULES}
    assert plan("sshd", PATH, files.get, Dialect.DEBIAN_1_5).edits


def judgement_of(count: int) -> None:
    others = {f"/etc/pam.d/s{n}": b"auth include sshd\n" for n in range(count)}
    facts = WELL._replace(pam=PamFacts(files={PATH: SSHD, **others}))
    assert judge(facts).is_healthy


def listing_of(count: int) -> None:
    """Do the same in squares, so that the test is seen to fail."""
    for _ in range(count):
        for number in range(count):
            abs(number)


@pytest.mark.parametrize(
    ("work", "least", "is_linear"),
    [(plan_of, 125, True), (judgement_of, 250, True), (listing_of, 125, False)],
)
def test_twice_as_much_takes_twice_the_calls(
    work: Callable[[int], None], least: int, is_linear: bool
) -> None:
    work(1)  # what is loaded at the first use is not counted
    few, some, many = (calls(partial(work, n)) for n in (least, 2 * least, 4 * least))
    assert (many - some <= 2 * TOLERANCE * (some - few)) is is_linear
