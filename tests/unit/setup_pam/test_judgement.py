from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from creds_session.errors import InvalidData, NoSuchFile
from creds_session.pam.changes.findings import Kind, Topic
from creds_session.pam.changes.services import Report
from creds_session.setup_pam.judgement import Side, judge, judge_content, open_side
from creds_session.setup_pam.judgement_limits import limits_of_sides
from creds_session.system.files.root import Root
from tests.unit.pam.judge_cases import SECURITY, Case, cases

SSHD = "@include common-auth\naccount required pam_permit.so\n"
AUTH = "auth required pam_unix.so\n"
LET_IN = "auth sufficient pam_permit.so\n" + AUTH
DENY = "auth required pam_deny.so\naccount required pam_deny.so\n"


def write(place: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Make a Debian system with two modules."""
    files = {f"{SECURITY}/pam_{name}.so": "" for name in ("unix", "permit", "deny")}
    files["etc/os-release"] = "ID=debian\n"
    files["etc/pam.d/sshd"] = SSHD
    files["etc/pam.d/common-auth"] = AUTH
    files["etc/pam.d/other"] = DENY
    return write(tmp_path / "machine", files)


def report(machine: Path, before: Path, after: Path, *services: str) -> Report:
    root = Root(machine)
    sides = [open_side(str(one), root) for one in (before, after)]
    return judge(sides[0], sides[1], services)


def kinds(found: Report) -> list[tuple[tuple[str, ...], Kind]]:
    return [(services, one.kind) for services, one in found.findings]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_each_public_report_is_found(case: Case, tmp_path: Path) -> None:
    before, after = case.write(tmp_path, "before"), case.write(tmp_path, "after")
    found = report(before, before, after)
    seen = {
        (one.kind.name.lower(), one.pass_.value if one.pass_ else None, service)
        for services, one in found.findings
        for service in services
    }
    assert set(case.finds) <= seen
    assert case.thread.startswith(f"https://github.com/{case.repository}/")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_no_side_of_a_report_is_found_against_itself(case: Case, tmp_path: Path) -> None:
    for name in ("before", "after"):
        side = case.write(tmp_path, name)
        assert report(side, side, side).findings == ()


def test_at_least_twelve_reports_are_there_with_a_thread_each() -> None:
    assert len({case.thread for case in cases()}) == len(cases()) >= 12


def test_new_content_of_one_file_is_judged_without_the_notes_that_take_longer(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nobody reads these notes")

    path = "/etc/pam.d/common-auth"
    monkeypatch.setattr("creds_session.pam.changes.judge.notes_on_rules", never)
    found = judge_content(Root(machine), path, LET_IN.encode())
    assert (("common-auth", "sshd"), Kind.LET_IN) in kinds(found)
    assert found.notes == ()


def test_a_copy_of_pam_d_is_read_in_its_place(machine: Path, tmp_path: Path) -> None:
    before = write(tmp_path / "old", {"sshd": SSHD, "common-auth": AUTH, "other": DENY})
    found = report(machine, before, machine)
    assert found.services == ("other", "sshd")
    assert not found.findings
    (machine / "etc/pam.d/common-auth").write_text(LET_IN)
    assert kinds(report(machine, before, machine))[0] == (("sshd",), Kind.LET_IN)


def test_both_layouts_and_the_bare_etc_give_the_same(machine: Path, tmp_path: Path) -> None:
    files = {"sshd": SSHD, "common-auth": LET_IN, "other": DENY}
    plain = write(tmp_path / "plain", files)
    bare = write(tmp_path / "bare", {f"etc/pam.d/{name}": text for name, text in files.items()})
    found = report(machine, machine, plain)
    assert found.findings == report(machine, machine, bare).findings
    assert found.findings


def test_what_a_copy_lacks_is_taken_from_the_machine(machine: Path, tmp_path: Path) -> None:
    write(machine, {"usr/lib/pam.d/vendor": "auth include common-auth\n"})
    after = write(tmp_path / "new", {"sshd": SSHD, "common-auth": LET_IN, "other": DENY})
    found = report(machine, machine, after)
    assert found.services == ("other", "sshd", "vendor")
    assert kinds(found)[0] == (("sshd", "vendor"), Kind.LET_IN)


def test_a_link_that_leads_out_of_a_copy_is_followed_on_the_machine(
    machine: Path, tmp_path: Path
) -> None:
    write(machine, {"etc/authselect/common-auth": AUTH})
    copy = write(tmp_path / "copy", {"sshd": SSHD, "other": DENY})
    (copy / "common-auth").symlink_to("/etc/authselect/common-auth")
    found = report(machine, machine, copy)
    assert not found.findings
    assert not found.notes


def test_a_copy_that_has_only_the_link_is_not_judged(machine: Path, tmp_path: Path) -> None:
    """The file that the link leads to is the one after the change, on both sides."""
    copy = write(tmp_path / "copy", {"sshd": SSHD, "other": DENY})
    (copy / "common-auth").symlink_to("/etc/authselect/common-auth")
    (machine / "etc/pam.d/common-auth").unlink()
    (machine / "etc/pam.d/common-auth").symlink_to("/etc/authselect/common-auth")
    write(machine, {"etc/authselect/common-auth": LET_IN, "etc/pam.d/other": DENY})
    with pytest.raises(InvalidData, match=r"^/etc/authselect/common-auth: ") as caught:
        report(machine, copy, machine)
    assert caught.value.hint.endswith(": cp -aL /etc/pam.d COPY")


def test_a_copy_that_has_a_link_is_refused_before_anything_is_judged(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = write(tmp_path / "copy", {"sshd": SSHD, "common-auth": AUTH, "other": DENY})
    (copy / "unused.bak").symlink_to("/etc/authselect/unused")
    write(machine, {"etc/authselect/unused": AUTH})
    monkeypatch.delattr("creds_session.setup_pam.judgement.judge_services")
    for service in ("sshd", "no-such-service"):
        with pytest.raises(InvalidData, match=r"^/etc/authselect/unused: "):
            report(machine, copy, machine, service)


def test_a_module_that_only_the_new_files_name_must_exist(machine: Path, tmp_path: Path) -> None:
    files = {"sshd": SSHD, "common-auth": f"auth required pam_tally2.so\n{AUTH}", "other": DENY}
    after = write(tmp_path / "new", files)
    found = report(machine, machine, after)
    assert (("sshd",), Kind.LOCK_OUT) in kinds(found)
    assert Topic.FILE_MISSING in [note.topic for _, note in found.notes]
    write(machine, {f"{SECURITY}/pam_tally2.so": ""})
    assert (("sshd",), Kind.LOCK_OUT) not in kinds(report(machine, machine, after))


def test_a_module_that_was_named_before_is_assumed_to_be_there(
    machine: Path, tmp_path: Path
) -> None:
    old = {"sshd": SSHD, "common-auth": f"auth optional pam_x.so\n{AUTH}", "other": DENY}
    new = {**old, "common-auth": f"auth optional pam_x.so\n{AUTH}# a note\n"}
    before, after = write(tmp_path / "old", old), write(tmp_path / "new", new)
    assert not report(machine, before, after).findings


def test_a_new_service_is_not_compared_with_other(machine: Path, tmp_path: Path) -> None:
    files = {"sshd": SSHD, "common-auth": AUTH, "other": DENY, "cron": "account required a.so\n"}
    found = report(machine, machine, write(tmp_path / "new", files))
    assert not found.findings
    assert [(names, note.topic) for names, note in found.notes] == [
        (("cron",), Topic.SERVICE_ADDED)
    ]
    write(tmp_path / "new", {"cron": LET_IN + "auth optional pam_unix.so\n"})
    assert kinds(report(machine, machine, tmp_path / "new")) == [(("cron",), Kind.LET_IN)]


def test_a_service_without_its_file_uses_the_rules_of_other(machine: Path, tmp_path: Path) -> None:
    after = write(tmp_path / "new", {"common-auth": AUTH, "other": DENY})
    found = report(machine, machine, after, "sshd")
    assert {kind for _, kind in kinds(found)} >= {Kind.LOCK_OUT}
    assert Topic.SERVICE_REMOVED in [note.topic for _, note in found.notes]


def test_files_that_programs_do_not_use_are_left_out(machine: Path, tmp_path: Path) -> None:
    files = {"sshd": SSHD, "common-auth": AUTH, "other": DENY, "sshd.dpkg-old": LET_IN}
    after = write(tmp_path / "new", files)
    (after / "directory").mkdir()
    found = report(machine, machine, after)
    assert "sshd.dpkg-old" not in found.services
    assert not found.findings


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda place: place / "nothing", NoSuchFile, "no such directory"),
        (lambda place: place, NoSuchFile, "has no PAM service file"),
        (lambda place: write(place, {"sshd": "#" * 70_000, "su": AUTH}), InvalidData, "sshd"),
    ],
    ids=["missing", "empty", "too large"],
)
def test_a_directory_that_cannot_be_judged(
    machine: Path,
    tmp_path: Path,
    make: Callable[[Path], Path],
    error: type[Exception],
    words: str,
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(error, match=words):
        report(machine, make(place), machine)


def test_a_service_with_too_many_rules_is_refused(machine: Path, tmp_path: Path) -> None:
    after = write(tmp_path / "new", {"sshd": "auth optional a.so\n" * 1_001})
    with pytest.raises(InvalidData, match="sshd has more than 1,000 rules"):
        report(machine, machine, after)


def test_a_service_that_is_on_neither_side(machine: Path) -> None:
    with pytest.raises(NoSuchFile, match="neither before nor after"):
        report(machine, machine, machine, "sudo")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_link_of_another_user_is_not_followed_to_a_directory(
    machine: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(machine)
    os.lchown(link, 4321, 4321)
    with pytest.raises(InvalidData, match="user id 4321"):
        report(machine, link, machine)


@pytest.mark.parametrize("other", ["auth include sshd\n", "auth required pam_unix.so\n"])
def test_a_service_of_which_another_includes_a_part_is_judged(
    machine: Path, tmp_path: Path, other: str
) -> None:
    sshd = AUTH + "account required pam_permit.so\n"
    vpn = "auth include sshd\naccount required pam_permit.so\n"
    files = {"sshd": sshd, "vpn": vpn, "other": DENY}
    before = write(tmp_path / "before", files)
    files["sshd"] = sshd + "account required pam_deny.so\n"
    files["vpn"] = other + "account required pam_permit.so\n"
    after = write(tmp_path / "after", files)
    assert (("sshd",), Kind.LOCK_OUT) in kinds(report(machine, before, after))


def test_a_service_that_no_service_includes_any_more_is_judged(
    machine: Path, tmp_path: Path
) -> None:
    sshd = AUTH + "account required pam_permit.so\n"
    whole = "auth include sshd\naccount include sshd\n"
    before = write(tmp_path / "before", {"sshd": sshd, "vpn": whole, "other": DENY})
    denied = sshd + "account required pam_deny.so\n"
    after = write(tmp_path / "after", {"sshd": denied, "vpn": sshd, "other": DENY})
    assert (("sshd",), Kind.LOCK_OUT) in kinds(report(machine, before, after))


def test_a_directory_of_other_files_is_not_taken_for_a_copy(machine: Path, tmp_path: Path) -> None:
    """Its files would be services that no program uses, and the real ones would count as new."""
    other = write(tmp_path / "home", {".bashrc": "export PATH\n", "passwd": "root:x:0:0::/:\n"})
    with pytest.raises(NoSuchFile, match="home: has no PAM service file"):
        report(machine, other, machine)


def test_a_copy_of_etc_is_not_taken_for_a_copy_of_pam_d(machine: Path, tmp_path: Path) -> None:
    etc = write(tmp_path / "etc", {"passwd": "root:x:0:0::/:\n", "pam.d/sshd": SSHD})
    with pytest.raises(NoSuchFile) as caught:
        report(machine, etc, machine)
    assert caught.value.hint.startswith(f"name {etc}/pam.d")


def test_the_directories_are_those_that_libpam_itself_names(machine: Path, tmp_path: Path) -> None:
    """A new file in /etc/pam.d hides the one in the vendor directory, so it is compared with it."""
    library = "usr/lib/x86_64-linux-gnu/libpam.so.0"
    write(machine, {library: "\0/etc/pam.d/%s\0/usr/etc/pam.d/%s\0", "usr/etc/pam.d/su": AUTH})
    files = {"sshd": SSHD, "common-auth": AUTH, "other": DENY}
    before = write(tmp_path / "before", files)
    after = write(tmp_path / "after", {**files, "su": "auth required pam_deny.so\n"})
    assert (("su",), Kind.LOCK_OUT) in kinds(report(machine, before, after))


FILES = {"sshd": SSHD, "common-auth": AUTH, "other": DENY}


def copy_with(place: Path, vendors: dict[str, str]) -> Path:
    """Make a copy of /etc/pam.d and of other directories of services, and of nothing else."""
    return write(place, {**{f"etc/pam.d/{name}": FILES[name] for name in FILES}, **vendors})


@pytest.mark.parametrize("vendor", ["usr/lib/pam.d", "usr/share/pam/pam.d"])
def test_an_update_in_a_vendor_directory_is_seen_if_the_copy_has_it(
    machine: Path, tmp_path: Path, vendor: str
) -> None:
    library = "usr/lib/x86_64-linux-gnu/libpam.so.0"
    write(machine, {library: f"\0/etc/pam.d/%s\0/{vendor}/%s\0", f"{vendor}/su": LET_IN})
    before = copy_with(tmp_path / "before", {f"{vendor}/su": AUTH})
    assert kinds(report(machine, before, machine))[0] == (("su",), Kind.LET_IN)
    after = copy_with(tmp_path / "after", {f"{vendor}/su": LET_IN})
    assert kinds(report(machine, before, after))[0] == (("su",), Kind.LET_IN)
    assert not report(machine, after, machine).findings


def test_a_vendor_directory_that_was_empty_is_not_taken_from_the_machine(
    machine: Path, tmp_path: Path
) -> None:
    write(machine, {"usr/lib/pam.d/su": LET_IN})
    before = copy_with(tmp_path / "before", {})
    assert not report(machine, before, machine).notes
    (before / "usr/lib/pam.d").mkdir(parents=True)
    assert [note.topic for _, note in report(machine, before, machine).notes] == [
        Topic.SERVICE_ADDED
    ]


def test_a_copy_with_vendor_directories_has_the_modules_and_the_libpam_of_the_machine(
    machine: Path, tmp_path: Path
) -> None:
    copy = copy_with(tmp_path / "copy", {"usr/lib/pam.d/su": AUTH})
    side = open_side(str(copy), Root(machine))
    assert side.machine.directory == machine
    write(copy, {"usr/bin/true": ""})
    assert open_side(str(copy), Root(machine)).machine.directory == copy


def test_a_link_in_a_vendor_directory_of_a_copy_is_refused(machine: Path, tmp_path: Path) -> None:
    write(machine, {"usr/lib/pam.d/su": AUTH, "usr/share/su": AUTH})
    before = copy_with(tmp_path / "before", {})
    (before / "usr/lib/pam.d").mkdir(parents=True)
    (before / "usr/lib/pam.d/su").symlink_to("/usr/share/su")
    with pytest.raises(InvalidData, match=r"^/usr/share/su: ") as caught:
        report(machine, before, machine)
    assert caught.value.hint.endswith(": cp -aL --parents /etc/pam.d /usr/lib/pam.d COPY")


def limits(machine: Path, before: Path, after: Path | None = None) -> list[str]:
    """Return what ``judge`` says that it cannot see with these directories."""
    root = Root(machine)
    now = open_side(str(after), root) if after else Side(root, is_pam_d=False, machine=root)
    return [*limits_of_sides(root, open_side(str(before), root), now)]


def test_a_directory_that_the_copy_before_lacks_is_named(machine: Path, tmp_path: Path) -> None:
    whole = copy_with(tmp_path / "whole", {"usr/lib/pam.d/su": AUTH})
    bare = copy_with(tmp_path / "bare", {})
    plain = write(tmp_path / "plain", FILES)
    copies = (whole, bare, plain)
    assert [limits(machine, copy) for copy in copies] == [[], [], []]  # none is there
    (machine / "usr/lib/pam.d").mkdir(parents=True)
    assert [limits(machine, copy) for copy in copies] == [[], [], []]  # it has no file
    write(machine, {"usr/lib/pam.d/su": LET_IN})
    assert limits(machine, whole) == []
    for copy in (bare, plain):
        (told,) = limits(machine, copy)
        assert told.startswith(f"{copy}: has no copy of /usr/lib/pam.d, so ")
        assert "mkdir -p COPY/usr/lib/pam.d" in told
        assert limits(machine, copy, whole) == [told]
        assert limits(machine, copy, bare) == []  # both sides take it from the same system
        assert limits(machine, whole, copy) == []
    write(machine, {"usr/lib/x86_64-linux-gnu/libpam.so.0": "\0/etc/pam.d/%s\0"})
    assert limits(machine, machine) == []


def test_a_whole_system_without_libpam_is_named(machine: Path, tmp_path: Path) -> None:
    """A copy with one file that is out of place counts as a whole system."""
    write(machine, {"usr/lib/pam.d/su": AUTH})
    copy = copy_with(tmp_path / "copy", {"usr/lib/pam.d/su": AUTH})
    assert limits(machine, copy) == []
    write(copy, {"usr/share/doc/README": ""})
    assert open_side(str(copy), Root(machine)).machine.directory == copy
    (told,) = limits(machine, copy)
    assert told.startswith(f"{copy}: counts as a whole system, because it has {copy}/usr/share/doc")
    assert "libpam.so.0 was not found" in told
    write(copy, {"usr/lib/x86_64-linux-gnu/libpam.so.0": "\0/etc/pam.d/%s\0"})
    assert limits(machine, copy) == []


@pytest.mark.parametrize(
    "place",
    [
        "usr/share/x/pam.d",  # of another distribution: the libpam of the machine does not read it
        "usr/share/pam/services",  # the libpam of the machine reads it
    ],
)
def test_a_directory_of_services_is_known_by_its_name_or_by_libpam(
    machine: Path, tmp_path: Path, place: str
) -> None:
    library = "usr/lib/x86_64-linux-gnu/libpam.so.0"
    write(machine, {library: "\0/etc/pam.d/%s\0/usr/share/pam/services/%s\0"})
    copy = copy_with(tmp_path / "copy", {f"{place}/su": AUTH})
    assert open_side(str(copy), Root(machine)).machine.directory == machine


def test_a_loop_of_directories_below_usr_is_no_endless_search(
    machine: Path, tmp_path: Path
) -> None:
    copy = copy_with(tmp_path / "copy", {"usr/lib/pam.d/su": AUTH})
    (copy / "usr/again").symlink_to(".")
    assert open_side(str(copy), Root(machine)).given.exists("/usr/lib/pam.d/su")
