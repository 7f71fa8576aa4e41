"""What stands in the place of a PAM file and is no regular file counts as libpam counts it.

libpam takes the first file of a name that fopen(3) opens (pam_handlers.c:_pam_open_config_file).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.plan import Options
from creds_session.setup_pam.apply import apply, revert
from creds_session.setup_pam.judgement import judge_content
from creds_session.setup_pam.plan import plan_setup
from creds_session.setup_pam.rebase import Refused, plan_rebases, setup_of
from creds_session.system.files.regular_file import (
    AlwaysEmpty,
    CannotBeOpened,
    NotRegular,
    read_regular_file,
)
from creds_session.system.files.root import Root
from tests.unit.examples import WITHOUT_RULES
from tests.unit.images import SSHD, VENDOR_SSHD, make_vendor_image, write

DOOR = "/etc/pam.d/door"
VENDOR_DOOR = "/usr/lib/pam.d/door"
JUMPS = b"""\
auth [success=2 default=ignore] pam_rootok.so
auth include sshd
auth requisite pam_deny.so
auth required pam_permit.so
"""
"""Jumps over what stands in sshd's file, and over its own pam_deny."""

SKIPPED: dict[str, Callable[[Path], object]] = {
    "a socket": lambda path: os.mknod(path, stat.S_IFSOCK | 0o600),
    "a loop": lambda path: path.symlink_to(path.name),
}
EMPTY: dict[str, Callable[[Path], object]] = {"a directory": Path.mkdir}
UNKNOWN: dict[str, Callable[[Path], object]] = {"a FIFO": os.mkfifo}
KINDS = {**SKIPPED, **EMPTY, **UNKNOWN}


@pytest.fixture
def image(tmp_path: Path) -> Root:
    """An image whose sshd has its file in /usr/lib/pam.d."""
    return make_vendor_image(tmp_path)


@pytest.fixture
def applied(image: Root) -> Root:
    """The image after ``apply`` for sshd."""
    apply(image, plan_setup(image, ["sshd"]))
    return image


@pytest.mark.parametrize("kind", list(SKIPPED))
def test_a_vendor_s_file_behind_what_cannot_be_opened_is_not_harmed(image: Root, kind: str) -> None:
    write(image, SSHD, WITHOUT_RULES)
    write(image, VENDOR_DOOR, JUMPS)
    SKIPPED[kind](image.path(DOOR))
    with pytest.raises(InvalidData, match="the service door reads this file"):
        plan_setup(image, ["sshd"])


@pytest.mark.parametrize("kind", list(EMPTY))
def test_a_directory_hides_the_vendor_s_file(image: Root, kind: str) -> None:
    write(image, SSHD, WITHOUT_RULES)
    write(image, VENDOR_DOOR, JUMPS)
    EMPTY[kind](image.path(DOOR))
    assert plan_setup(image, ["sshd"]).is_needed


@pytest.mark.parametrize("kind", list(UNKNOWN))
def test_nothing_is_changed_if_libpam_may_read_any_rule(image: Root, kind: str) -> None:
    write(image, SSHD, WITHOUT_RULES)
    UNKNOWN[kind](image.path(DOOR))
    with pytest.raises(NotRegular, match=f"{DOOR}: is {kind}") as caught:
        plan_setup(image, ["sshd"])
    assert "move it away" in caught.value.hint
    image.path(DOOR).unlink()
    assert plan_setup(image, ["sshd"]).is_needed


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_stands_in_the_place_of_another_file_stops_only_what_cannot_be_proved(
    applied: Root, kind: str
) -> None:
    newer = WITHOUT_RULES + b"session optional pam_umask.so\n"
    write(applied, VENDOR_SSHD, newer)
    KINDS[kind](applied.path(DOOR))
    (one,) = plan_rebases(applied, (), Options())
    if kind in UNKNOWN:
        assert isinstance(one.outcome, Refused)
        assert one.outcome.reason.startswith(f"{DOOR}: is {kind}")
        assert f"make {DOOR} a plain file" in one.outcome.hint
        return
    apply(applied, setup_of([one]))
    mine = b"# mine\n"
    write(applied, SSHD, mine + (applied.read(SSHD) or b""))
    revert(applied)
    assert applied.read(SSHD) == mine + newer


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_stands_in_the_place_of_another_file_does_not_stop_the_way_back(
    applied: Root, kind: str
) -> None:
    mine = b"# mine\n"
    write(applied, SSHD, mine + (applied.read(SSHD) or b""))
    KINDS[kind](applied.path(DOOR))
    revert(applied)
    assert applied.read(SSHD) == mine + (applied.read(VENDOR_SSHD) or b"")


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_file_that_newly_includes_no_regular_file_is_not_judged(image: Root, kind: str) -> None:
    write(image, SSHD, WITHOUT_RULES)
    assert judge_content(image, SSHD, WITHOUT_RULES).findings == ()
    KINDS[kind](image.path("/etc/pam.d/included"))
    newer = WITHOUT_RULES + b"session optional pam_umask.so\nsession include included\n"
    with pytest.raises(NotRegular, match="included: "):
        judge_content(image, SSHD, newer)


@pytest.mark.parametrize("kind", [*SKIPPED, *EMPTY])
def test_what_the_file_included_before_does_not_hinder_the_judge(image: Root, kind: str) -> None:
    before = WITHOUT_RULES + b"session include included\n"
    write(image, SSHD, before)
    {**SKIPPED, **EMPTY}[kind](image.path("/etc/pam.d/included"))
    assert judge_content(image, SSHD, b"# newer\n" + before).findings == ()


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("is_copy", [True, False])
def test_revert_says_what_to_do_if_our_file_is_no_file(
    image: Root, kind: str, *, is_copy: bool
) -> None:
    if not is_copy:
        write(image, SSHD, WITHOUT_RULES)
        image.path(VENDOR_SSHD).unlink()
    apply(image, plan_setup(image, ["sshd"]))
    image.path(SSHD).unlink()
    KINDS[kind](image.path(SSHD))
    for _ in range(2):
        with pytest.raises(InvalidData, match=SSHD) as caught:
            revert(image)
        assert caught.value.hint.startswith(f"look at {SSHD} and move it away")
        assert ("package" in caught.value.hint) is not is_copy
        assert caught.value.hint.endswith("then run creds-setup-pam revert again")
    image.path(SSHD).rename(image.path("/moved"))
    if not is_copy:
        write(image, SSHD, WITHOUT_RULES)
    revert(image)
    assert image.read(SSHD) == (None if is_copy else WITHOUT_RULES)


def test_the_null_device_is_empty_and_another_device_may_have_anything() -> None:
    with pytest.raises(AlwaysEmpty, match="is a device"):
        read_regular_file("/dev/null", "null", 9)
    with pytest.raises(NotRegular, match="is a device") as caught:
        read_regular_file("/dev/zero", "zero", 9)
    assert type(caught.value) is NotRegular


def test_a_socket_and_a_loop_cannot_be_opened(image: Root) -> None:
    for make in SKIPPED.values():
        make(image.path(DOOR))
        with pytest.raises(CannotBeOpened):
            image.read(DOOR)
        image.path(DOOR).unlink()
