"""``pam_judge``: a snapshot before a change by anybody, and what the change means."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creds_session.pam.changes.findings import Kind
from creds_session.setup_pam.judgement import judge, open_side
from creds_session.system.files.root import Root
from tests.unit.ansible.conftest import Ended, Run
from tests.unit.images import LIBPAM, READS_IT, SSHD, make_image, write

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root may take a snapshot")
LET_IN = b"auth sufficient pam_permit.so\n"
HARMLESS = b"# reviewed\n"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    directory = tmp_path / "image"
    directory.mkdir()
    make_image(directory)
    return directory


@pytest.fixture
def kept(
    plugin: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, image: Path, place: Path
) -> Path:
    """Let the module take its snapshots of the image, and keep them in a directory of the test."""
    pam_snapshot = plugin("module_utils.pam_snapshot")
    place.chmod(0o755)
    monkeypatch.setattr(pam_snapshot, "ROOT", str(image))
    monkeypatch.setattr(pam_snapshot, "RUNTIME", str(place))
    return place / "creds-session-ansible"


def edit(image: Path, line: bytes) -> None:
    """Put a line at the beginning of sshd's file."""
    path = image / SSHD.lstrip("/")
    path.write_bytes(line + path.read_bytes())


def judged(run: Run, image: Path, **arguments: Any) -> Ended:
    return run("pam_judge", **{"after": str(image), "services": ["sshd"], **arguments})


def test_a_harmless_change_passes_and_the_snapshot_is_removed(
    image: Path, run: Run, kept: Path
) -> None:
    taken = run("pam_judge", state="snapshot")
    assert (taken.failed, taken.result["changed"]) == (False, False)
    (snapshot,) = kept.iterdir()
    assert taken.result["snapshot"]["path"] == str(snapshot)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert stat.S_IMODE(snapshot.stat().st_mode) == 0o600
    edit(image, HARMLESS)
    done = judged(run, image, fail_on=["any"])
    assert not done.failed, done.result
    assert (done.result["found"], done.result["judged"]) == (False, True)
    assert done.result["msg"] == "1 service compared: nothing found"
    assert not kept.exists()


def test_a_change_that_lets_people_in_fails_with_the_counterexample(
    image: Path, run: Run, kept: Path
) -> None:
    run("pam_judge", state="snapshot")
    edit(image, LET_IN)
    would = judged(run, image, fail_on=["locked_out"])
    assert (would.failed, would.result["let_in"]) == (False, ["sshd"])
    assert not kept.exists()
    shutil.copy(image / SSHD.lstrip("/"), image / "changed")
    (image / SSHD.lstrip("/")).write_bytes((image / "changed").read_bytes()[len(LET_IN) :])
    run("pam_judge", state="snapshot")
    edit(image, LET_IN)
    for _ in range(2):  # the snapshot is kept, so that a second run is failed too
        done = judged(run, image, fail_on=["let_in"])
        assert done.failed
        assert "sshd: someone who was refused before is let in" in done.result["msg"]
        assert "pam_permit.so returns success" in done.result["msg"]
        assert str(kept / "pam.tar") in done.result["msg"]
        assert done.result["let_in"] == ["sshd"]
        assert done.result["locked_out"] == []
        assert "let_in" in {finding["group"] for finding in done.result["findings"]}


def test_a_module_that_no_longer_runs_is_named(image: Path, run: Run, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(image / "etc/pam.d", backup)
    edit(image, b"session [success=done default=done] pam_permit.so\n")
    done = judged(run, image, before=str(backup), fail_on=["disabled"])
    assert done.failed
    assert done.result["disabled"]
    assert all(name.endswith(".so") for name in done.result["disabled"])


def test_everyone_is_locked_out(image: Path, run: Run, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(image / "etc/pam.d", backup)
    edit(image, b"auth requisite pam_deny.so\n")
    done = judged(run, image, before=str(backup), fail_on=["any"])
    assert done.failed
    assert done.result["locked_out"] == ["sshd"]
    assert not judged(run, image, before=str(backup)).failed  # only on demand


def test_every_kind_of_finding_is_in_a_group(plugin: Callable[[str], Any]) -> None:
    findings = plugin("module_utils.pam_findings")
    assert {kind.name.lower() for kind in Kind} == set(findings.GROUP_OF)
    assert set(findings.GROUP_OF.values()) == {"locked_out", "let_in", "disabled"}


@pytest.mark.parametrize(
    ("groups", "must_fail"), [([], False), (["disabled"], True), (["any"], True)]
)
def test_a_kind_that_nobody_knows_fails_on_demand(
    plugin: Callable[[str], Any], groups: list[str], must_fail: bool
) -> None:
    """An installed creds-setup-pam may be newer than the collection."""
    findings = plugin("module_utils.pam_findings")
    assert findings.must_fail([{"group": findings.OTHER}], groups) == must_fail
    assert not findings.must_fail([], groups)


@pytest.mark.parametrize("action", [("taken",), ("remove",), ("take", ["/etc/pam.d"])])
def test_another_user_than_root_is_told_to_become_root(
    plugin: Callable[[str], Any], run: Run, kept: Path, action: tuple[Any, ...]
) -> None:
    run("pam_judge", state="snapshot")
    name, *given = action
    module = plugin("module_utils.pam_snapshot")
    os.seteuid(65534)
    try:
        with pytest.raises(module.SnapshotError, match="become: true"):
            getattr(module.Snapshot("pam"), name)(*given)
    finally:
        os.seteuid(0)
    assert (kept / "pam.tar").exists()


@pytest.mark.usefixtures("kept")
def test_a_second_snapshot_keeps_the_first(image: Path, run: Run) -> None:
    """A play that was ended in the middle is run again: the change must still be seen."""
    run("pam_judge", state="snapshot")
    edit(image, LET_IN)
    again = run("pam_judge", state="snapshot")
    assert "is kept" in again.result["msg"]
    assert judged(run, image, fail_on=["any"]).failed
    forced = run("pam_judge", state="snapshot", force=True)
    assert "is kept" not in forced.result["msg"]
    assert not judged(run, image, fail_on=["any"]).failed


def test_check_mode_takes_and_removes_nothing(image: Path, run: Run, kept: Path) -> None:
    assert not run("pam_judge", check=True, state="snapshot").failed
    assert not kept.exists()
    unjudged = run("pam_judge", check=True, after=str(image), fail_on=["any"])
    assert (unjudged.failed, unjudged.result["judged"]) == (False, False)
    run("pam_judge", state="snapshot")
    edit(image, LET_IN)
    assert run("pam_judge", check=True, after=str(image), fail_on=["any"]).failed
    assert not run("pam_judge", check=True, after=str(image)).failed
    assert not run("pam_judge", check=True, state="absent").failed
    assert (kept / "pam.tar").exists()


def test_absent_removes_this_snapshot_alone(run: Run, kept: Path) -> None:
    run("pam_judge", state="snapshot")
    run("pam_judge", state="snapshot", name="other")
    run("pam_judge", state="absent")
    assert [path.name for path in kept.iterdir()] == ["other.tar"]
    run("pam_judge", state="absent", name="other")
    assert not kept.exists()
    assert not run("pam_judge", state="absent").failed


def test_without_a_snapshot_nothing_is_judged(image: Path, run: Run, kept: Path) -> None:
    done = judged(run, image)
    assert done.failed
    assert str(kept / "pam.tar") in done.result["msg"]
    assert "state=snapshot" in done.result["msg"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "a\n"])
def test_a_name_is_no_path(run: Run, kept: Path, name: str) -> None:
    done = run("pam_judge", state="snapshot", name=name)
    assert done.failed
    assert not kept.exists()


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_snapshot_is_not_put_where_others_can_write(run: Run, kept: Path, mode: int) -> None:
    kept.mkdir()
    kept.chmod(mode)
    done = run("pam_judge", state="snapshot")
    assert done.failed
    assert str(kept) in done.result["msg"]
    kept.chmod(0o700)
    os.chown(kept, 1000, 1000)
    assert run("pam_judge", state="snapshot").failed
    assert not list(kept.iterdir())


def test_a_directory_that_others_can_read_is_closed_to_them(run: Run, kept: Path) -> None:
    kept.mkdir(mode=0o755)
    assert not run("pam_judge", state="snapshot").failed
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700


def test_a_link_to_an_archive_is_not_read(
    image: Path, run: Run, kept: Path, tmp_path: Path
) -> None:
    run("pam_judge", state="snapshot")
    (kept / "pam.tar").rename(tmp_path / "pam.tar")
    (kept / "pam.tar").symlink_to(tmp_path / "pam.tar")
    done = judged(run, image)
    assert done.failed
    assert "pam.tar: cannot be read" in done.result["msg"]


@pytest.mark.parametrize(
    "name",
    [
        *("etc/pam.d/..", "etc/pam.d/../../../../outside", "/etc/pam.d/sshd", "etc/outside"),
        *("../pam.d/outside", "/tmp/pam.d/outside", "usr/../../pam.d/outside"),
    ],
)
def test_an_archive_writes_nothing_beside_the_files_of_pam(
    plugin: Callable[[str], Any], kept: Path, tmp_path: Path, name: str
) -> None:
    kept.mkdir(mode=0o700)
    with tarfile.open(kept / "pam.tar", "w") as archive:
        for member in map(os.path.dirname, (name, "etc/pam.d/login")):
            entry = tarfile.TarInfo(member)
            entry.type = tarfile.DIRTYPE
            if member != "etc":
                archive.addfile(entry)
        for member in (name, "etc/pam.d/login"):
            entry = tarfile.TarInfo(member)
            entry.size = 6
            archive.addfile(entry, io.BytesIO(b"nobody"))
    place = tmp_path / "unpacked" / "before"
    plugin("module_utils.pam_snapshot").Snapshot("pam").unpack(str(place))
    files = [path for path in place.parent.rglob("*") if path.is_file()]
    assert files == [place / "etc/pam.d/login"]


def test_a_link_in_place_of_a_snapshot_is_replaced_and_not_followed(
    run: Run, kept: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    kept.mkdir(mode=0o700)
    (kept / "pam.tar").symlink_to(target)
    assert run("pam_judge", state="judged", after="/").failed
    run("pam_judge", state="snapshot", force=True)
    assert target.read_bytes() == b"precious"
    assert not (kept / "pam.tar").is_symlink()


def test_the_files_that_links_lead_to_are_kept(image: Path, run: Run, kept: Path) -> None:
    """authselect keeps its files elsewhere; a change there must be seen."""
    sshd = image / SSHD.lstrip("/")
    elsewhere = image / "etc/authselect"
    elsewhere.mkdir()
    sshd.rename(elsewhere / "sshd")
    sshd.symlink_to("../authselect/sshd")
    (image / "etc/pam.d/dangling").symlink_to("../nothing")
    os.mkfifo(image / "etc/pam.d/pipe")
    run("pam_judge", state="snapshot")
    with tarfile.open(kept / "pam.tar") as archive:
        (member,) = [member for member in archive if not member.isdir()]
        assert (member.name, member.isreg()) == ("etc/pam.d/sshd", True)
    edit(elsewhere.parent.parent, LET_IN)
    assert judged(run, image, fail_on=["let_in"]).failed


def test_a_file_that_is_too_large_is_named_and_no_snapshot_is_taken(
    image: Path, run: Run, kept: Path
) -> None:
    (image / "etc/pam.d/huge").write_bytes(b"#" * 1_100_000)
    done = run("pam_judge", state="snapshot")
    assert done.failed
    assert "/etc/pam.d/huge" in done.result["msg"]
    assert not kept.exists() or not list(kept.iterdir())


def test_a_directory_that_cannot_be_read_is_named(image: Path, run: Run, kept: Path) -> None:
    """No libpam has to read it: the module looks for services in all usual directories."""
    (image / "usr/etc").mkdir()
    (image / "usr/etc/pam.d").symlink_to("pam.d")
    done = run("pam_judge", state="snapshot")
    assert done.failed
    assert done.result["msg"].startswith("/usr/etc/pam.d: cannot be read: ")
    assert not kept.exists()


def test_a_damaged_snapshot_is_named(image: Path, run: Run, kept: Path) -> None:
    kept.mkdir(mode=0o700)
    (kept / "pam.tar").write_bytes(b"nonsense")
    done = judged(run, image)
    assert done.failed
    assert str(kept / "pam.tar") in done.result["msg"]


def test_what_the_command_refuses_is_passed_on(image: Path, run: Run, tmp_path: Path) -> None:
    done = judged(run, image, before=str(tmp_path / "nothing"))
    assert (done.failed, done.result["rc"]) == (True, 66)
    done = judged(run, image, before=str(image), services=["nothing"])
    assert "nothing" in done.result["msg"]


@pytest.mark.parametrize("vendor", ["usr/lib/pam.d", "usr/share/pam/pam.d"])
def test_an_update_of_the_vendors_files_is_judged(
    plugin: Callable[[str], Any], image: Path, run: Run, kept: Path, vendor: str
) -> None:
    """The directories are those that the libpam of the machine names."""
    libpam = f"\x7fELF\0/etc/pam.d/%s\0/{vendor}/%s\0"
    write(Root(image), LIBPAM, libpam.encode())
    write(Root(image), f"/{vendor}/su", b"auth required pam_unix.so\n")
    write(Root(image), "/usr/etc/pam.d/cron", LET_IN)  # this libpam does not read it
    assert not run("pam_judge", state="snapshot").failed
    with tarfile.open(kept / "pam.tar") as archive:
        names = {member.name for member in archive}
    module = plugin("module_utils.pam_snapshot")
    directories = {place.lstrip("/") for place in module.USUAL}  # the others as empty ones
    assert names == {*directories, "etc/pam.d/sshd", f"{vendor}/su"}
    place = module.Snapshot("pam").unpack(str(image.parent / "old"))
    write(Root(image), f"/{vendor}/su", LET_IN + b"auth required pam_unix.so\n")
    done = run("pam_judge", before=place, after=str(image), fail_on=["let_in"], services=["su"])
    if vendor == "usr/lib/pam.d":  # a directory that the libpam of this machine reads
        assert (done.failed, done.result["let_in"]) == (True, ["su"])
        assert judged(run, image, fail_on=["let_in"], services=["su"]).failed


@pytest.mark.usefixtures("kept")
def test_a_directory_that_only_an_updated_libpam_reads_was_empty_before(
    plugin: Callable[[str], Any], image: Path, run: Run
) -> None:
    """The judge asks the libpam after the change, so it looks for that directory on both sides."""
    write(Root(image), LIBPAM, READS_IT)
    write(Root(image), "/etc/pam.d/other", b"auth required pam_deny.so\n")
    write(Root(image), "/usr/etc/pam.d/su", LET_IN + b"auth required pam_unix.so\n")
    assert not run("pam_judge", state="snapshot").failed
    place = plugin("module_utils.pam_snapshot").Snapshot("pam").unpack(str(image.parent / "old"))
    write(Root(image), LIBPAM, READS_IT + b"/usr/etc/pam.d/%s\0")
    root = Root(image)
    found = judge(open_side(place, root), open_side(str(image), root), ("su",))
    assert next((names, one.kind) for names, one in found.findings) == (("su",), Kind.LET_IN)


def test_a_directory_of_the_vendor_that_is_new_is_compared_with_no_files(
    image: Path, run: Run, kept: Path
) -> None:
    write(Root(image), LIBPAM, READS_IT)
    run("pam_judge", state="snapshot")
    assert list(kept.iterdir())
    rules = LET_IN + b"auth required pam_unix.so\nauth optional pam_unix.so\n"
    write(Root(image), "/usr/lib/pam.d/sudo-new", rules)
    done = judged(run, image, services=["sudo-new"], fail_on=["let_in"])
    assert done.failed
    assert done.result["let_in"] == ["sudo-new"]


def test_a_machine_without_any_service_can_be_kept(image: Path, run: Run, kept: Path) -> None:
    (image / SSHD.lstrip("/")).unlink()
    assert not run("pam_judge", state="snapshot").failed
    with tarfile.open(kept / "pam.tar") as archive:
        assert {member.isdir() for member in archive} == {True}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("echo creds-setup-pam: broken >&2; exit 70", "broken"),
        ("exit 70", "no message"),
        ("echo '{}'", "no message"),
        ("echo '[]'", "no message"),
    ],
)
def test_a_libpam_that_cannot_be_asked_is_said_and_all_usual_directories_are_kept(
    image: Path, run: Run, kept: Path, tmp_path: Path, answer: str, why: str
) -> None:
    write(Root(image), "/usr/etc/pam.d/su", b"auth required pam_unix.so\n")
    broken = tmp_path / "broken"
    broken.write_text(f"#!/bin/sh\n{answer}\n")
    broken.chmod(0o755)
    done = run("pam_judge", state="snapshot", executable=str(broken))
    assert not done.failed
    (warning,) = done.warnings
    assert warning == (
        f"creds-setup-pam did not say which directories libpam reads ({why}), so the usual"
        " directories are kept: /etc/pam.d, /usr/lib/pam.d, /usr/etc/pam.d, /usr/share/pam/pam.d,"
        " /usr/share/pam.d"
    )
    with tarfile.open(kept / "pam.tar") as archive:
        assert "usr/etc/pam.d/su" in archive.getnames()


def test_a_libpam_that_says_its_directories_is_no_reason_to_warn(
    image: Path, run: Run, kept: Path
) -> None:
    write(Root(image), LIBPAM, READS_IT)
    assert run("pam_judge", state="snapshot").warnings == []
    assert kept.exists()
