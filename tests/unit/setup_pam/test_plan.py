from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from creds_session.errors import InvalidData, NoSuchFile, NotPermitted, Unavailable
from creds_session.pam.keyring_rules.plan import Options
from creds_session.setup_pam.apply import apply, revert
from creds_session.setup_pam.plan import DROP_IN, DROP_IN_TEXT, Setup, plan_setup
from creds_session.system.files.root import Root
from tests.unit.children import run_child
from tests.unit.examples import SSHD as WITH_RULES
from tests.unit.examples import WITHOUT_RULES
from tests.unit.images import PARTS, SSHD, make_image, write


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return make_image(tmp_path)


def snapshot(root: Root) -> dict[str, bytes]:
    """Return every file outside the state directory."""
    return {
        str(path): path.read_bytes()
        for path in root.directory.rglob("*")
        if path.is_file() and "creds-session" not in path.parts
    }


def test_apply_and_revert_are_exact_opposites(root: Root) -> None:
    before = snapshot(root)
    setup = plan_setup(root, ["sshd"])
    assert [path for path, _, _ in setup.contents] == [SSHD, DROP_IN]
    assert snapshot(root) == before
    apply(root, setup)
    assert root.read(DROP_IN) == DROP_IN_TEXT
    again = plan_setup(root, ["sshd"])
    assert (again.is_needed, again.contents) == (False, ())
    assert set(revert(root)[0]) == {SSHD, DROP_IN}
    assert snapshot(root) == before
    assert not root.path(DROP_IN).parent.exists()
    assert revert(root)[0] == ()


def test_the_revert_of_a_timer_leaves_a_change_that_is_not_its_own(root: Root) -> None:
    apply(root, plan_setup(root, ["sshd"]))
    changed = snapshot(root)
    touched, told = revert(root, if_pending="creds-setup-pam-revert-1")
    assert (touched, snapshot(root)) == ((), changed)
    assert told.lines == ("the change of this timer does not wait for a confirmation any more",)


def test_apply_only_inserts_lines(root: Root) -> None:
    apply(root, plan_setup(root, ["sshd"]))
    lines = (root.read(SSHD) or b"").splitlines(keepends=True)
    assert b"".join(line for line in lines if b"gnome_keyring" not in line) == WITHOUT_RULES
    assert len(lines) == WITHOUT_RULES.count(b"\n") + 3


def test_revert_takes_only_our_lines_from_a_file_that_moved_on(root: Root) -> None:
    apply(root, plan_setup(root, ["sshd"]))
    now = b"# mine\n" + (root.read(SSHD) or b"").replace(b"pam_systemd.so", b"pam_systemd.so x")
    root.path(SSHD).write_bytes(now)
    revert(root)
    expected = b"# mine\n" + WITHOUT_RULES.replace(b"pam_systemd.so", b"pam_systemd.so x")
    assert root.read(SSHD) == expected


def test_revert_refuses_to_remove_a_line_that_a_jump_has_come_to_count(root: Root) -> None:
    """Without our line the jump would pass by pam_permit too, and a right password would fail."""
    apply(root, plan_setup(root, ["sshd"]))
    first, ours, *others = (root.read(SSHD) or b"").splitlines(keepends=True)
    assert first.startswith(b"auth ")
    assert b"pam_gnome_keyring.so" in ours
    jump = b"auth [success=2 default=ignore] pam_unix.so\n"
    decided = b"auth requisite pam_deny.so\nauth required pam_permit.so\n"
    counted = b"".join([jump, ours, decided, *others])
    write(root, SSHD, counted)
    with pytest.raises(InvalidData, match="sshd reads this file") as caught:
        revert(root)
    assert "a jump" in caught.value.hint
    assert root.read(SSHD) == counted
    write(root, SSHD, counted.replace(b"success=2", b"success=ok"))
    assert SSHD in revert(root)[0]
    assert b"gnome_keyring" not in (root.read(SSHD) or b"")


def test_plan_setup_refuses_a_change_that_would_harm_another_service(root: Root) -> None:
    """`door` includes sshd's file, and jumps over what stands there and over its own pam_deny."""
    write(
        root,
        "/etc/pam.d/door",
        b"auth [success=2 default=ignore] pam_rootok.so\nauth include sshd\n"
        b"auth requisite pam_deny.so\nauth required pam_permit.so\n",
    )
    with pytest.raises(InvalidData, match="the service door reads this file"):
        plan_setup(root, ["sshd"])


def test_apply_reverts_the_change_if_the_proof_does_not_hold(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = plan_setup(root, ["sshd"])
    before = snapshot(root)
    monkeypatch.setattr(
        "creds_session.setup_pam.apply.verdicts_of_service", lambda *_, **__: setup.plans[0].before
    )
    with pytest.raises(InvalidData, match="are not as planned"):
        apply(root, setup)
    assert snapshot(root) == before


@pytest.mark.parametrize("part", PARTS)
def test_plan_setup_names_the_package_of_what_is_missing(root: Root, part: str) -> None:
    root.path(part).unlink()
    with pytest.raises(Unavailable, match=f"{Path(part).name} is not installed") as caught:
        plan_setup(root, ["sshd"])
    assert caught.value.hint.startswith("apt install ")


def test_plan_setup_names_all_that_is_missing_in_one_command(root: Root) -> None:
    for part in PARTS:
        root.path(part).unlink()
    with pytest.raises(Unavailable) as caught:
        plan_setup(root, ["sshd"])
    names = {Path(part).name for part in PARTS}
    assert set(re.split(", | and ", str(caught.value).partition(" are not installed")[0])) == names
    assert caught.value.hint == "apt install openssh-server gnome-keyring libpam-gnome-keyring"


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        ("nosuch", "no PAM service 'nosuch'"),
        ("../passwd", "no PAM service"),
    ],
)
def test_plan_setup_finds_no_such_service(root: Root, service: str, problem: str) -> None:
    write(root, "/etc/passwd", b"root:x:0:0::/:/bin/sh\n")
    with pytest.raises(NoSuchFile, match=problem):
        plan_setup(root, [service])


def test_a_file_that_a_package_owns_is_copied_then_changed(root: Root) -> None:
    root.path(SSHD).unlink()
    write(root, "/usr/lib/pam.d/sshd", WITHOUT_RULES)
    apply(root, plan_setup(root, ["sshd"]))
    assert root.read("/usr/lib/pam.d/sshd") == WITHOUT_RULES
    assert root.read(SSHD) == WITH_RULES
    revert(root)
    assert root.read(SSHD) is None


@pytest.mark.parametrize(
    ("line", "place"), [(b"auht required x.so", "sshd:6:1"), (b"auth requierd x.so", "sshd:6:6")]
)
def test_plan_setup_refuses_a_file_that_libpam_would_refuse(
    root: Root, line: bytes, place: str
) -> None:
    write(root, SSHD, WITHOUT_RULES + line + b"\n")
    with pytest.raises(InvalidData, match=place):
        plan_setup(root, ["sshd"])


def test_plan_setup_follows_links_inside_the_root_alone(root: Root) -> None:
    outside = root.directory.parent / "outside"
    outside.write_bytes(WITH_RULES)
    root.path(SSHD).unlink()
    root.path(SSHD).symlink_to(outside)
    with pytest.raises(NoSuchFile):
        plan_setup(root, ["sshd"])


def test_apply_refuses_a_link(root: Root) -> None:
    root.path(SSHD).rename(root.path("/etc/managed"))
    root.path(SSHD).symlink_to("/etc/managed")
    before = snapshot(root)
    with pytest.raises(InvalidData, match="symbolic link"):
        apply(root, plan_setup(root, ["sshd"]))
    assert snapshot(root) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_running_system_is_changed_by_root_alone() -> None:
    def try_it() -> None:
        os.setuid(65_534)
        revert(Root())

    assert run_child(try_it) == NotPermitted.exit_code


@pytest.mark.parametrize("service", [SSHD, "/etc/pam.d/common-account"])
def test_plan_setup_reads_a_file_of_64_kib_and_refuses_a_longer_one(
    root: Root, service: str
) -> None:
    """The limit holds for a service's own file and for one that it includes."""
    write(root, SSHD, WITHOUT_RULES + b"account include common-account\n")
    write(root, "/etc/pam.d/common-account", b"account required pam_permit.so\n")
    content = root.read(service) or b""
    lines = (b"#" * 63 + b"\n") * 1024  # 64 KiB
    full = lines[: len(lines) - len(content)] + content
    write(root, service, full.replace(b"##", b"#\n", 1))
    assert plan_setup(root, ["sshd"]).edited
    write(root, service, b"\n" + full)
    with pytest.raises(InvalidData, match=f"{service}: is larger than 65536 bytes"):
        plan_setup(root, ["sshd"])


def needed(setup: Setup) -> tuple[bool, bool]:
    return any(one.edits for one in setup.plans), setup.needs_drop_in


def test_setup_says_which_half_is_needed(root: Root) -> None:
    assert needed(plan_setup(root, ["sshd"])) == (True, True)
    write(root, DROP_IN, DROP_IN_TEXT)
    assert needed(plan_setup(root, ["sshd"])) == (True, False)
    write(root, SSHD, WITH_RULES)
    assert needed(plan_setup(root, ["sshd"])) == (False, False)
    root.path(DROP_IN).unlink()
    assert needed(plan_setup(root, ["sshd"])) == (False, True)


def test_plan_setup_reports_a_password_rule_that_is_there_twice(root: Root) -> None:
    rule = b"password optional pam_gnome_keyring.so use_authtok\n"
    twice = WITHOUT_RULES + b"password required pam_unix.so\n" + rule + rule
    write(root, SSHD, twice)
    (note,) = plan_setup(root, ["sshd"]).notes
    last = twice.count(b"\n")
    assert f"2 times ({SSHD}:{last - 1}, {SSHD}:{last})" in note


def test_a_password_rule_that_only_if_excludes_is_not_there_twice(root: Root) -> None:
    rule = b"password optional pam_gnome_keyring.so use_authtok\n"
    both = rule + rule.replace(b"\n", b" only_if=gdm-password\n")
    write(root, SSHD, WITHOUT_RULES + b"password required pam_unix.so\n" + both)
    assert not plan_setup(root, ["sshd"]).notes


def test_a_session_that_has_rules_is_not_said_to_have_none(root: Root) -> None:
    write(root, "/etc/pam.d/crond", WITHOUT_RULES)
    setup = plan_setup(root, ["crond"])
    assert setup.edited
    assert not [note for note in setup.notes if "no session rules" in note]


def test_plan_setup_says_that_apply_would_refuse_a_link(root: Root) -> None:
    root.path(SSHD).rename(root.path("/etc/managed"))
    root.path(SSHD).symlink_to("/etc/managed")
    (note,) = plan_setup(root, ["sshd"]).notes
    assert note.startswith(
        f"sshd: apply would refuse this change: {SSHD}: a symbolic link to /etc/"
    )
    root.path(SSHD).unlink()
    os.link(root.path("/etc/managed"), root.path(SSHD))
    (note,) = plan_setup(root, ["sshd"]).notes
    assert "has 2 names" in note


@pytest.mark.parametrize("place", ["/usr/etc/pam.d", "/usr/share/pam.d"])
def test_a_file_in_another_vendor_s_directory_is_named(root: Root, place: str) -> None:
    root.path(SSHD).unlink()
    write(root, f"{place}/sshd", WITHOUT_RULES)
    with pytest.raises(NoSuchFile, match="no PAM service 'sshd'") as raised:
        plan_setup(root, ["sshd"])
    assert raised.value.hint.startswith(f"{place}/sshd exists")
    assert f"copy the file to {SSHD}" in raised.value.hint


def test_a_service_without_a_file_has_a_remedy(root: Root) -> None:
    with pytest.raises(NoSuchFile) as raised:
        plan_setup(root, ["nosuch"])
    assert "--service NAME" in raised.value.hint


@pytest.mark.parametrize("name", ["nixos", "guix"])
def test_a_distribution_with_a_store_is_judged_though_no_usual_path_has_the_parts(
    root: Root, name: str
) -> None:
    for part in PARTS:
        root.path(part).unlink()
    write(root, "/etc/os-release", f"ID={name}\n".encode())
    assert plan_setup(root, ["sshd"]).plans


def test_services_without_end_are_not_judged(root: Root) -> None:
    for number in range(2_001):
        root.path(f"/etc/pam.d/s{number}").touch()
    with pytest.raises(InvalidData, match="more than 2000 PAM services"):
        plan_setup(root)


def test_skip_root_reports_the_rules_of_an_included_file(root: Root) -> None:
    ours = b"session optional pam_gnome_keyring.so auto_start\n"
    write(root, "/etc/pam.d/shared", b"session optional pam_systemd.so\n" + ours)
    write(root, SSHD, b"auth required pam_unix.so\nsession include shared\n")
    setup = plan_setup(root, ["sshd"], Options(skip_root=True))
    assert b"uid = 0" in setup.plans[0].result
    (note,) = [one for one in setup.notes if "root's login" in one]
    assert note.startswith("sshd: root's login still runs /etc/pam.d/shared:2: --skip-root")
    assert not [one for one in plan_setup(root, ["sshd"]).notes if "root's login" in one]
    write(root, "/etc/pam.d/shared", ours.replace(b"auto_start", b"auto_start only_if=gdm"))
    setup = plan_setup(root, ["sshd"], Options(skip_root=True))
    assert not [one for one in setup.notes if "root's login" in one]


def test_skip_root_blames_no_included_file_for_a_rule_that_was_refused(root: Root) -> None:
    ours = b"auth sufficient pam_env.so\nauth required pam_gnome_keyring.so\n"
    write(root, SSHD, ours + b"password required pam_unix.so\n")
    setup = plan_setup(root, ["sshd"], Options(skip_root=True))
    assert [one.group.value for one in setup.plans[0].refusals] == ["auth"]
    assert not [one for one in setup.notes if "root's login" in one]


def test_skip_root_names_a_rule_in_a_group_that_should_have_none(root: Root) -> None:
    ours = b"session optional pam_gnome_keyring.so\n"
    write(
        root, "/etc/pam.d/su", b"auth required pam_unix.so\nsession required pam_unix.so\n" + ours
    )
    notes = plan_setup(root, ["su"], Options(skip_root=True)).notes
    (note,) = [one for one in notes if "root's login" in one]
    assert note.startswith("su: root's login still runs /etc/pam.d/su:")
    assert "in which this service should have a rule" in note


AUTH = b"auth required pam_unix.so\n"
AUTOLOGIN = b"auth required pam_permit.so\nauth optional pam_gnome_keyring.so\n"
OTHERS = b"account required pam_unix.so\npassword required pam_unix.so\n"
SESSION = b"session required pam_unix.so\nsession optional pam_gnome_keyring.so auto_start\n"


@pytest.mark.parametrize(
    ("service", "content", "is_told"),
    [
        ("vsftpd", AUTH + OTHERS, True),
        ("gdm-autologin", AUTOLOGIN + OTHERS + SESSION, False),
        ("doas", AUTH + OTHERS + SESSION.splitlines(keepends=True)[0], False),
    ],
)
def test_only_a_service_without_session_rules_is_said_to_have_none(
    root: Root,
    service: str,
    content: bytes,
    is_told: bool,
) -> None:
    write(root, f"/etc/pam.d/{service}", content)
    notes = plan_setup(root, [service]).notes
    assert any("has no session rules of its own" in note for note in notes) is is_told


def test_an_alarm_shows_the_rules_as_they_stand_now_before_our_change(root: Root) -> None:
    """The keyring's rule goes before the one that lets people in: it must not move its line."""
    lets_in = b"auth optional pam_unix.so\nauth required pam_permit.so\n"
    write(root, SSHD, lets_in + b"session required pam_unix.so\nsession optional pam_systemd.so\n")
    setup = plan_setup(root, ["sshd"])
    assert setup.edited
    ((service, alarm, remedy),) = setup.alarms
    assert service == "sshd"
    assert "pam_gnome_keyring" not in alarm
    assert f"pam_permit.so returns success  ({SSHD}:2)" in alarm
    lines = (root.read(SSHD) or b"").count(b"\n")
    numbers = [int(number) for number in re.findall(rf"{SSHD}:([0-9]+)", alarm + remedy)]
    assert numbers
    assert max(numbers) <= lines
