"""``rebase``: a vendor's newer file gets our lines and those of an administrator, or is refused."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from creds_session.errors import InvalidData, NoSuchFile
from creds_session.pam.keyring_rules.plan import Options, Plan
from creds_session.probe.pam_files import probe_pam
from creds_session.probe.vendor_files import newer_among, own_changes, probe_vendor_files
from creds_session.setup_pam.apply import apply, revert
from creds_session.setup_pam.plan import plan_setup
from creds_session.setup_pam.rebase import Rebase, Refused, plan_rebases, setup_of
from creds_session.setup_pam.service_files import pam_files
from creds_session.system.files.root import Root
from tests.unit.examples import WITHOUT_RULES
from tests.unit.images import SSHD, VENDOR_SSHD, make_image, make_vendor_image, write

BESIDE = f"{SSHD}.dpkg-dist"
LINE = b"session optional pam_umask.so\n"
NEWER = WITHOUT_RULES + LINE
MINE = b"# mine\nsession optional pam_mail.so\n"


@pytest.fixture
def image(tmp_path: Path) -> Root:
    """An image whose sshd has its file in /usr/lib/pam.d."""
    return make_vendor_image(tmp_path)


@pytest.fixture
def debian(tmp_path: Path) -> Root:
    """An image whose sshd has an unchanged conffile of dpkg in /etc."""
    root = make_image(tmp_path)
    digest = hashlib.md5(WITHOUT_RULES, usedforsecurity=False).hexdigest()
    status = f"Package: openssh-server\nConffiles:\n {SSHD} {digest}\n"
    write(root, "/var/lib/dpkg/status", status.encode())
    return root


def applied(root: Root) -> bytes:
    apply(root, plan_setup(root, ["sshd"]))
    return root.read(SSHD) or b""


def rebases(root: Root) -> tuple[Rebase, ...]:
    return plan_rebases(root, (), Options())


def rebased(root: Root) -> bytes:
    """Rebase, require that nothing is refused, and return the new content."""
    found = rebases(root)
    assert [one.outcome for one in found if isinstance(one.outcome, Refused)] == []
    apply(root, setup_of(found))
    assert rebases(root) == ()
    again = plan_setup(root, ["sshd"])
    assert (again.is_needed, again.is_complete) == (False, True)
    return root.read(SSHD) or b""


def refusal(root: Root) -> Refused:
    """Return why the only file is refused; nothing may change."""
    before = root.read(SSHD)
    (one,) = rebases(root)
    assert isinstance(one.outcome, Refused)
    assert not setup_of([one]).is_needed
    assert root.read(SSHD) == before
    return one.outcome


def without_ours(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if b"gnome_keyring" not in line)


def test_nothing_is_newer_after_apply(image: Root) -> None:
    applied(image)
    assert rebases(image) == ()


def test_a_copy_gets_the_lines_of_the_newer_file(image: Root) -> None:
    applied(image)
    write(image, VENDOR_SSHD, NEWER)
    (one,) = rebases(image)
    assert one.facts.lacks == (LINE.strip().decode(),)
    assert one.facts.extra == ()
    assert without_ours(rebased(image)) == NEWER


def test_revert_after_a_rebase_removes_the_copy(image: Root) -> None:
    applied(image)
    write(image, VENDOR_SSHD, NEWER)
    rebased(image)
    revert(image)
    assert image.read(SSHD) is None
    assert own_changes(image) == {}


def test_lines_of_an_administrator_are_kept_and_stay_after_revert(image: Root) -> None:
    write(image, SSHD, MINE + applied(image))
    write(image, VENDOR_SSHD, NEWER)
    assert without_ours(rebased(image)) == MINE + NEWER
    revert(image)
    assert image.read(SSHD) == MINE + NEWER


def test_a_second_newer_file_is_compared_with_the_first(image: Root) -> None:
    write(image, SSHD, MINE + applied(image))
    for content in (NEWER, NEWER + b"session optional pam_env.so\n"):
        write(image, VENDOR_SSHD, content)
        assert without_ours(rebased(image)) == MINE + content


def test_both_sides_of_a_conflict_are_named(image: Root) -> None:
    write(image, SSHD, applied(image) + MINE)
    write(image, VENDOR_SSHD, NEWER)
    found = refusal(image)
    assert found.reason.startswith("both sides have changed the same place")
    assert f"{SSHD}: session optional pam_mail.so" in found.reason
    assert f"{VENDOR_SSHD}: {LINE.strip().decode()}" in found.reason


def test_a_newer_file_that_locks_out_is_refused_with_the_counterexample(image: Root) -> None:
    applied(image)
    write(image, VENDOR_SSHD, b"account required pam_deny.so\n" + WITHOUT_RULES)
    found = refusal(image)
    assert "someone who was let in before is refused" in found.reason
    assert "pam_deny.so" in found.reason
    assert found.hint.endswith("run creds-setup-pam revert, and creds-setup-pam apply")


def test_no_refusal_shows_a_command_that_would_lose_lines_of_an_administrator(
    debian: Root,
) -> None:
    mine = applied(debian)
    write(debian, BESIDE, WITHOUT_RULES + b"account required pam_deny.so\n")
    assert f"mv {BESIDE} {SSHD}" in refusal(debian).hint
    write(debian, SSHD, MINE + mine)
    assert "by hand" in refusal(debian).hint
    assert "mv" not in refusal(debian).hint


def test_a_newer_file_with_a_wider_door_is_refused(image: Root) -> None:
    applied(image)
    write(image, VENDOR_SSHD, b"auth sufficient pam_permit.so\n" + WITHOUT_RULES)
    assert "someone who was refused before is let in" in refusal(image).reason


def test_a_newer_file_in_which_a_rule_has_no_place_is_refused(image: Root) -> None:
    """The rule is in the present file, and the keyring would no longer get a new password."""
    applied(image)
    newer = WITHOUT_RULES.replace(b"password   required  ", b"password   sufficient")
    assert newer != WITHOUT_RULES
    write(image, VENDOR_SSHD, newer)
    assert "no safe place for the password rule" in refusal(image).reason


def test_an_edited_line_of_ours_is_named(image: Root) -> None:
    write(image, SSHD, applied(image).replace(b"gnome_keyring.so", b"gnome_keyring.so only_if=x"))
    write(image, VENDOR_SSHD, NEWER)
    assert "a line of ours was edited" in refusal(image).reason


def test_an_unchanged_conffile_gets_the_newer_file_beside_it(debian: Root) -> None:
    applied(debian)
    write(debian, BESIDE, NEWER)
    assert without_ours(rebased(debian)) == NEWER
    revert(debian)
    assert debian.read(SSHD) == NEWER
    assert own_changes(debian) == {}


def test_a_conffile_with_lines_of_an_administrator_since_is_merged(debian: Root) -> None:
    write(debian, SSHD, MINE + applied(debian))
    write(debian, BESIDE, NEWER)
    assert without_ours(rebased(debian)) == MINE + NEWER


def test_lines_from_before_apply_are_never_taken_for_the_vendor_s(debian: Root) -> None:
    """dpkg knows another content, so nobody knows which lines are an administrator's."""
    write(debian, SSHD, MINE + WITHOUT_RULES)
    applied(debian)
    write(debian, BESIDE, NEWER)
    found = refusal(debian)
    assert "the vendor's old file is not known" in found.reason
    assert f"{SSHD}: # mine" in found.reason


def test_without_a_known_old_file_a_newer_file_with_all_lines_is_taken(tmp_path: Path) -> None:
    root = make_image(tmp_path)
    applied(root)
    write(root, f"{SSHD}.rpmnew", NEWER)
    assert without_ours(rebased(root)) == NEWER


def test_a_file_that_waited_before_apply_is_not_newer(debian: Root) -> None:
    write(debian, SSHD, MINE + WITHOUT_RULES)
    write(debian, BESIDE, NEWER)
    applied(debian)
    assert rebases(debian) == ()
    write(debian, BESIDE, NEWER + b"session optional pam_env.so\n")
    assert len(rebases(debian)) == 1


def test_a_comment_alone_makes_no_file_newer(image: Root) -> None:
    applied(image)
    write(image, VENDOR_SSHD, b"# of a later release\n" + WITHOUT_RULES)
    assert rebases(image) == ()


@pytest.mark.parametrize(("mine", "is_newer"), [(LINE + MINE, False), (MINE, True)])
def test_lines_that_a_person_brought_to_the_file_are_not_newer(
    image: Root, mine: bytes, is_newer: bool
) -> None:
    write(image, SSHD, applied(image) + mine)
    write(image, VENDOR_SSHD, NEWER)
    assert bool(rebases(image)) is is_newer


def test_a_rule_that_the_vendor_removed_and_the_file_still_has_is_newer(image: Root) -> None:
    write(image, VENDOR_SSHD, NEWER)
    write(image, SSHD, MINE + applied(image))
    write(image, VENDOR_SSHD, WITHOUT_RULES)
    assert without_ours(rebased(image)) == MINE + WITHOUT_RULES


INCLUDED = b"""\
auth sufficient pam_unix.so
auth required pam_deny.so
account required pam_unix.so
password sufficient pam_unix.so
password required pam_deny.so
session required pam_unix.so
"""
INCLUDES = b"""\
auth include password-auth
account include password-auth
session include password-auth
password include password-auth
"""


def test_a_change_that_only_inserted_lines_is_rebased_by_insertions_only(image: Root) -> None:
    """What ``apply --only-add`` left as it was must not be changed by a plain ``rebase``."""
    write(image, "/etc/pam.d/password-auth", INCLUDED)
    write(image, VENDOR_SSHD, INCLUDES)
    apply(image, plan_setup(image, ["sshd"], Options(only_add=True)))
    before = image.read(SSHD) or b""
    assert before.count(b"gnome_keyring") == 1
    write(image, VENDOR_SSHD, INCLUDES + LINE)
    found = rebases(image)
    apply(image, setup_of(found))
    after = image.read(SSHD) or b""
    assert without_ours(after) == INCLUDES + LINE
    assert after.count(b"gnome_keyring") == before.count(b"gnome_keyring")
    assert rebases(image) == ()


def test_a_change_that_replaced_words_is_rebased_in_the_same_way(image: Root) -> None:
    write(image, "/etc/pam.d/password-auth", INCLUDED)
    write(image, VENDOR_SSHD, INCLUDES)
    assert b"auth substack" in applied(image)
    write(image, VENDOR_SSHD, INCLUDES + LINE)
    assert b"auth substack" in rebased(image)
    write(image, VENDOR_SSHD, INCLUDES + LINE + b"session optional pam_env.so\n")
    assert b"auth substack" in rebased(image)


def test_a_newer_file_that_needs_more_than_insertions_is_refused_with_the_way_out(
    image: Root,
) -> None:
    write(image, "/etc/pam.d/password-auth", INCLUDED)
    write(image, VENDOR_SSHD, INCLUDES.replace(b"include", b"substack"))
    applied(image)
    write(image, VENDOR_SSHD, INCLUDES)
    found = refusal(image)
    assert "sshd auth" in found.reason
    assert "has only inserted lines" in found.reason
    assert found.hint == "if this is wanted: run creds-setup-pam revert, and creds-setup-pam apply"


@pytest.fixture
def changed_like_ours(image: Root) -> bytes:
    """The vendor's newer file, which has the same words changed as our first change of it."""
    write(image, "/etc/pam.d/password-auth", INCLUDED)
    write(image, VENDOR_SSHD, INCLUDES)
    newer = without_ours(applied(image)) + LINE
    assert b"substack" in newer
    write(image, VENDOR_SSHD, newer)
    rebased(image)
    return newer


def test_a_second_newer_file_is_not_compared_with_the_first_change(
    image: Root, changed_like_ours: bytes
) -> None:
    write(image, VENDOR_SSHD, changed_like_ours + b"session optional pam_env.so\n")
    assert without_ours(rebased(image)).endswith(b"pam_env.so\n")


def test_revert_leaves_what_the_vendor_changed_as_we_did(
    image: Root, changed_like_ours: bytes
) -> None:
    write(image, SSHD, MINE + (image.read(SSHD) or b""))
    revert(image)
    assert image.read(SSHD) == MINE + changed_like_ours
    assert own_changes(image) == {}


def test_a_file_without_a_newline_at_its_end_is_merged(image: Root) -> None:
    write(image, VENDOR_SSHD, WITHOUT_RULES.rstrip(b"\n"))
    write(image, SSHD, MINE + applied(image))
    write(image, VENDOR_SSHD, NEWER.rstrip(b"\n"))
    assert b"".join(without_ours(rebased(image)).split()) == b"".join((MINE + NEWER).split())


def test_root_s_guard_is_kept(image: Root) -> None:
    apply(image, plan_setup(image, ["sshd"], Options(skip_root=True)))
    write(image, VENDOR_SSHD, NEWER)
    (one,) = rebases(image)
    assert isinstance(one.outcome, Plan)
    assert b"pam_succeed_if.so" in one.outcome.result


def test_a_machine_on_which_nothing_was_applied_has_nothing_to_rebase(image: Root) -> None:
    write(image, SSHD, WITHOUT_RULES)
    write(image, VENDOR_SSHD, NEWER)
    assert rebases(image) == ()
    assert newer_among(own_changes(image), pam_files(image)) == ()
    with pytest.raises(NoSuchFile, match=r"has not changed /etc/pam\.d/sshd"):
        plan_rebases(image, ("sshd",), Options())


@pytest.mark.parametrize("mine", [b"", MINE])
def test_a_file_from_which_somebody_removed_our_lines_is_left_alone(
    image: Root, mine: bytes
) -> None:
    write(image, SSHD, mine + without_ours(applied(image)))
    write(image, VENDOR_SSHD, NEWER)
    assert rebases(image) == ()
    assert probe_vendor_files(image, pam_files(image)) == ()
    with pytest.raises(NoSuchFile, match=r"sshd has no line of creds-setup-pam any more"):
        plan_rebases(image, ("sshd",), Options())
    # A later apply makes it ours again.
    applied(image)
    assert without_ours(rebased(image)) == mine + NEWER


def test_our_lines_are_gone_only_if_all_are(image: Root) -> None:
    *rest, last = applied(image).splitlines(keepends=True)
    assert b"gnome_keyring" in last
    write(image, SSHD, b"".join(rest))
    write(image, VENDOR_SSHD, NEWER)
    assert without_ours(rebased(image)) == NEWER


def test_a_copy_without_any_line_of_ours_is_still_compared(image: Root) -> None:
    """The newer file had its own rules, so that rebase has added none."""
    own = applied(image)
    write(image, VENDOR_SSHD, own + LINE)
    write(image, SSHD, MINE + own)
    assert rebased(image) == MINE + own + LINE
    write(image, VENDOR_SSHD, own + LINE + b"session optional pam_env.so\n")
    assert rebased(image) == MINE + own + LINE + b"session optional pam_env.so\n"


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "a directory": Path.mkdir,
    "a FIFO": os.mkfifo,
    "a socket": lambda path: os.mknod(path, stat.S_IFSOCK | 0o600),
    "larger than 65536 bytes": lambda path: path.write_bytes(b"#" * 65_537),
}
IRREGULAR = ["a directory", "a socket"]
"""What libpam reads no rule from. Anything may be read from a FIFO (test_irregular_files.py)."""


@pytest.mark.parametrize("kind", list(UNREADABLE))
def test_a_newer_file_that_cannot_be_read_is_refused_alone(debian: Root, kind: str) -> None:
    write(debian, "/etc/pam.d/door", WITHOUT_RULES)
    apply(debian, plan_setup(debian, ["door"]))
    applied(debian)
    UNREADABLE[kind](debian.path(BESIDE))
    write(debian, "/etc/pam.d/door.rpmnew", NEWER)
    door, sshd = rebases(debian)
    assert isinstance(door.outcome, Plan)
    assert isinstance(sshd.outcome, Refused)
    assert sshd.outcome.reason.startswith(f"{BESIDE}: is {kind}")
    assert BESIDE in sshd.outcome.hint
    assert (sshd.facts.lacks, sshd.facts.extra) == ((), ())
    assert probe_vendor_files(debian, pam_files(debian)) == (door.facts,)


@pytest.mark.parametrize("kind", IRREGULAR)
def test_our_own_file_that_is_no_file_is_refused_alone(debian: Root, kind: str) -> None:
    """Something else may have come into its place: nobody knows what is newer then."""
    write(debian, "/etc/pam.d/door", WITHOUT_RULES)
    apply(debian, plan_setup(debian, ["door"]))
    applied(debian)
    debian.path(SSHD).unlink()
    UNREADABLE[kind](debian.path(SSHD))
    write(debian, "/etc/pam.d/door.rpmnew", NEWER)
    door, sshd = rebases(debian)
    assert isinstance(door.outcome, Plan)
    assert isinstance(sshd.outcome, Refused)
    assert sshd.outcome.reason.startswith(f"{SSHD}: is {kind}")
    assert f"make {SSHD} a plain file" in sshd.outcome.hint
    assert plan_rebases(debian, ("door", "sshd"), Options()) == (door, sshd)
    assert probe_vendor_files(debian, pam_files(debian)) == (door.facts,)
    assert probe_pam(debian, "sshd").vendor_files == (door.facts,)
    apply(debian, setup_of((door, sshd)))
    assert without_ours(debian.read("/etc/pam.d/door") or b"") == NEWER


@pytest.mark.parametrize("kind", IRREGULAR)
def test_what_is_no_file_among_the_services_hinders_nothing(image: Root, kind: str) -> None:
    """It cannot include a file that changes."""
    UNREADABLE[kind](image.path("/etc/pam.d/foreign"))
    applied(image)
    write(image, VENDOR_SSHD, NEWER)
    assert without_ours(rebased(image)) == NEWER
    write(image, SSHD, MINE + (image.read(SSHD) or b""))
    revert(image)
    assert image.read(SSHD) == MINE + NEWER


@pytest.mark.parametrize("kind", list(UNREADABLE))
def test_apply_records_no_vendor_s_file_that_it_cannot_read(debian: Root, kind: str) -> None:
    UNREADABLE[kind](debian.path(BESIDE))
    assert b"gnome_keyring" in applied(debian)
    assert own_changes(debian)[SSHD][0].vendor is None
    write(debian, SSHD, MINE + (debian.read(SSHD) or b""))
    revert(debian)
    assert debian.read(SSHD) == MINE + WITHOUT_RULES


def test_a_failed_rebase_restores_the_file(image: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    before = applied(image)
    write(image, VENDOR_SSHD, NEWER)
    setup = setup_of(rebases(image))
    monkeypatch.setattr(
        "creds_session.setup_pam.apply.verdicts_of_service", lambda *_, **__: setup.plans[0].before
    )
    with pytest.raises(InvalidData, match="are not as planned"):
        apply(image, setup)
    assert image.read(SSHD) == before
