from __future__ import annotations

import pytest

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.other_services import (
    refuse_harm_to_other_services,
    refuse_harmful_removal,
)
from creds_session.pam.keyring_rules.pam_files import PamFiles

HOUSE = "/etc/pam.d/house"
DOOR = "/etc/pam.d/door"
UNIX = b"auth required pam_unix.so\n"
RULE = b"auth optional pam_gnome_keyring.so\n"
JUMP_OVER = (
    b"auth [success=2 default=ignore] pam_foo.so\nauth include house\n"
    b"auth requisite pam_deny.so\nauth required pam_permit.so\n"
)


def test_an_edit_of_an_included_file_may_not_move_the_jumps_of_others() -> None:
    files = {HOUSE: UNIX, DOOR: JUMP_OVER}
    with pytest.raises(InvalidData, match="the service door reads this file"):
        refuse_harm_to_other_services(HOUSE, UNIX + RULE, ["door"], PamFiles(files.get))


@pytest.mark.parametrize(
    "door",
    [
        b"auth substack house\nauth required pam_permit.so\n",
        b"auth required pam_unix.so\n",
        b"auth required pam_gnome_keyring.so\nauth include house\n",  # unsafe already
    ],
)
def test_an_edit_that_changes_nothing_for_others_is_accepted(door: bytes) -> None:
    files = {HOUSE: UNIX, DOOR: door}
    refuse_harm_to_other_services(HOUSE, UNIX + RULE, ["door"], PamFiles(files.get))


COUNTED = (
    b"auth [success=2 default=ignore] pam_unix.so\n" + RULE + b"auth requisite pam_deny.so\n"
    b"auth required pam_permit.so\n"
)
GUARD = b"auth [success=1 default=ignore] pam_succeed_if.so quiet uid = 0\n"


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (COUNTED, COUNTED.replace(RULE, b"")),  # someone counted our rule in a jump
        (UNIX + GUARD + RULE, UNIX + GUARD),  # a guard that guards nothing jumps past the end
    ],
)
def test_a_removal_that_changes_a_verdict_is_refused(now: bytes, then: bytes) -> None:
    with pytest.raises(InvalidData, match="the service door reads this file"):
        refuse_harmful_removal(DOOR, then, ["door"], PamFiles({DOOR: now}.get))


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (UNIX + RULE, UNIX),
        (UNIX + GUARD + RULE, UNIX),
        (UNIX + RULE.replace(b"optional", b"required"), UNIX),  # better without it
        (b"auth sufficient pam_unix.so\n" + RULE, b"auth sufficient pam_unix.so\n"),
    ],
)
def test_a_removal_that_changes_no_verdict_is_accepted(now: bytes, then: bytes) -> None:
    refuse_harmful_removal(DOOR, then, ["door"], PamFiles({DOOR: now}.get))
