"""What ``rebase`` and ``check --after-update`` print, and exit with."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from creds_session.cli.setup_pam import after_update
from creds_session.cli.setup_pam.main import main
from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.probe.vendor_files import Changes, VendorCopy, newer_among
from creds_session.setup_pam.apply import apply, revert
from creds_session.setup_pam.plan import plan_setup
from creds_session.system.files.directory import Directory
from creds_session.system.files.root import Root
from tests.unit.examples import WITHOUT_RULES
from tests.unit.images import SSHD, make_image, write
from tests.unit.service import CHECKOUT

VENDOR = "/usr/lib/pam.d/sshd"
LIBPAM = "/usr/lib/x86_64-linux-gnu/libpam.so.0"
RULE = "session optional pam_umask.so"
NEWER = WITHOUT_RULES + f"{RULE}\n".encode()


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """An image whose sshd has its file in /usr/lib/pam.d."""
    made = make_image(tmp_path)
    write(made, LIBPAM, b"\0/etc/pam.d/%s\0/usr/lib/pam.d/%s\0")
    write(made, VENDOR, WITHOUT_RULES)
    made.path(SSHD).unlink()
    return made


class Call:
    """Runs creds-setup-pam on the image; returns the exit code, the output and the messages."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: Root
    ) -> None:
        self.monkeypatch, self.capsys, self.root = monkeypatch, capsys, root

    def __call__(self, line: str) -> tuple[int, str, str]:
        argv = ["creds-setup-pam", "--root", str(self.root.directory), *line.split()]
        self.monkeypatch.setattr(sys, "argv", argv)
        self.capsys.readouterr()
        code = main()
        shown = self.capsys.readouterr()
        return code, shown.out, shown.err


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: Root) -> Call:
    return Call(monkeypatch, capsys, root)


def test_nothing_is_printed_after_an_update_if_apply_has_changed_nothing(called: Call) -> None:
    write(called.root, SSHD, b"auth required pam_deny.so\n")
    assert called("check --after-update") == (0, "", "")


def test_nothing_is_printed_after_an_update_if_all_is_well(called: Call) -> None:
    called("--service sshd apply")
    assert called("check --after-update") == (0, "", "")


def test_lost_rules_are_named_after_an_update(called: Call) -> None:
    called("--service sshd apply")
    write(called.root, SSHD, WITHOUT_RULES)
    code, output, messages = called("check --after-update")
    assert (code, output) == (1, "")
    assert "sshd auth: no rule of pam_gnome_keyring" in messages
    assert "creds-setup-pam apply adds the rules again" in messages


class Looks:
    """Does something in each look of the check, after the rules were looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *then: Callable[[], object]) -> None:
        self.then, self.count = then, 0
        monkeypatch.setattr(after_update, "newer_among", self.look)

    def look(self, changes: Changes, files: PamFiles) -> tuple[VendorCopy, ...]:
        if self.count < len(self.then):
            self.then[self.count]()
        self.count += 1
        return newer_among(changes, files)


def test_what_is_written_during_the_check_is_looked_at(
    called: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    called("--service sshd apply")
    looks = Looks(monkeypatch, lambda: write(called.root, SSHD, WITHOUT_RULES))
    code, _, messages = called("check --after-update")
    assert (code, looks.count) == (1, 2)
    assert "sshd auth: no rule of pam_gnome_keyring" in messages


STILL = "PAM files were still being written; run creds-setup-pam check"


def writings(called: Call) -> list[Callable[[], object]]:
    """Return one change of a file for each look."""
    contents = (b"#" * count for count in range(after_update.MOST_LOOKS))
    return [partial(write, called.root, "/etc/pam.d/written", content) for content in contents]


def test_the_check_ends_and_says_so_though_files_are_written_without_end(
    called: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    called("--service sshd apply")
    looks = Looks(monkeypatch, *writings(called))
    assert called("check --after-update") == (1, "", f"creds-setup-pam: {STILL}\n")
    assert looks.count == after_update.MOST_LOOKS


@pytest.mark.parametrize(
    ("longest", "looks"),
    [
        (after_update.LONGEST, after_update.MOST_LOOKS),
        pytest.param(0, 1, id="slow looks are not repeated until the unit is killed"),
    ],
)
def test_what_was_found_is_printed_although_files_are_still_written(
    called: Call, monkeypatch: pytest.MonkeyPatch, longest: int, looks: int
) -> None:
    called("--service sshd apply")
    write(called.root, SSHD, WITHOUT_RULES)
    seen = Looks(monkeypatch, *writings(called))
    monkeypatch.setattr(after_update, "LONGEST", longest)
    code, _, messages = called("check --after-update")
    assert (code, seen.count) == (1, looks)
    assert "sshd auth: no rule of pam_gnome_keyring" in messages
    assert STILL in messages


def test_a_file_written_during_the_last_look_alone_is_looked_at(
    called: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The looks before end with the last one, which nothing disturbs."""
    called("--service sshd apply")
    looks = Looks(monkeypatch, *writings(called)[:-1])
    assert called("check --after-update") == (0, "", "")
    assert looks.count == after_update.MOST_LOOKS


def test_a_revert_during_the_check_is_no_alarm(
    called: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    called("--service sshd apply")
    write(called.root, "/etc/pam.d/door", WITHOUT_RULES)
    looks = Looks(monkeypatch, partial(revert, called.root))
    assert called("check --after-update") == (0, "", "")
    assert looks.count == 1


def test_a_revert_that_removes_its_saved_copy_last_is_no_alarm(
    called: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file has no rules any more when the look begins, and no file changes after that."""
    called("--service sshd apply")
    content = called.root.read(SSHD) or b""
    write(called.root, SSHD, WITHOUT_RULES)

    def finish() -> None:
        write(called.root, SSHD, content)
        revert(called.root)

    monkeypatch.setattr(after_update, "_stamps", lambda _: ())
    Looks(monkeypatch, finish)
    assert called("check --after-update") == (0, "", "")


def test_what_is_applied_during_the_check_is_looked_at(
    called: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    called("--service sshd apply")
    write(called.root, "/etc/pam.d/door", WITHOUT_RULES)

    def change_door() -> None:
        apply(called.root, plan_setup(called.root, ("door",)))
        write(called.root, "/etc/pam.d/door", WITHOUT_RULES)

    Looks(monkeypatch, change_door)
    code, _, messages = called("check --after-update")
    assert code == 1
    assert "door auth: no rule of pam_gnome_keyring" in messages


@pytest.mark.parametrize("place", ["/etc/ssh", "/usr/etc/pam.d"])
def test_a_directory_that_cannot_be_read_does_not_stop_the_check(called: Call, place: str) -> None:
    called("--service sshd apply")
    write(called.root, SSHD, WITHOUT_RULES)
    path = called.root.path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.name)
    code, _, messages = called("check --after-update")
    assert code == 1
    assert "sshd auth: no rule of pam_gnome_keyring" in messages
    assert STILL not in messages


def test_too_many_files_in_a_directory_do_not_stop_the_check(
    called: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    called("--service sshd apply")
    write(called.root, SSHD, WITHOUT_RULES)
    write(called.root, "/etc/ssh/one", b"")
    stamps = Directory.stamps

    def full(directory: Directory) -> tuple[tuple[str, int, int, int], ...]:
        if directory.path.name == "ssh":
            raise InvalidData(f"{directory.path}: has too many entries")
        return stamps(directory)

    monkeypatch.setattr(Directory, "stamps", full)
    code, _, messages = called("check --after-update")
    assert code == 1
    assert "sshd auth: no rule of pam_gnome_keyring" in messages


def test_the_check_compares_what_the_path_unit_watches() -> None:
    lines = (CHECKOUT / "scripts/profile/creds-session-pam.path").read_text("utf-8").splitlines()
    paths = {line.partition("=")[2] for line in lines if line.startswith("PathChanged=")}
    directories = set(after_update.WATCHED)
    assert {path for path in paths if path.rpartition("/")[0] not in directories} == directories


def test_a_service_without_a_file_is_named_after_an_update(called: Call) -> None:
    called("--service sshd apply")
    called.root.path(SSHD).unlink()
    called.root.path(VENDOR).unlink()
    code, _, messages = called("check --after-update")
    assert code == 1
    assert "there is no PAM service 'sshd'" in messages


def test_a_newer_file_is_named_after_an_update_and_nothing_changes(called: Call) -> None:
    called("--service sshd apply")
    write(called.root, VENDOR, NEWER)
    before = called.root.read(SSHD)
    code, output, messages = called("check --after-update")
    assert (code, output) == (1, "")
    assert f"{SSHD}: {VENDOR} is newer" in messages
    assert f"the vendor's file alone has: {RULE}" in messages
    assert "creds-setup-pam rebase --check shows whether" in messages
    assert called.root.read(SSHD) == before


def test_a_newer_file_is_not_named_after_an_update_if_our_lines_were_removed(called: Call) -> None:
    called("--service sshd apply")
    write(called.root, SSHD, WITHOUT_RULES)
    write(called.root, VENDOR, NEWER)
    assert "newer" not in called("check --after-update")[2]
    assert called("rebase --check")[:2] == (0, "")
    code, _, messages = called("rebase")
    assert (code, "nothing to rebase" in messages) == (0, True)
    assert called.root.read(SSHD) == WITHOUT_RULES
    code, _, messages = called("--service sshd rebase")
    assert code == 66
    assert "has no line of creds-setup-pam any more" in messages


def test_a_newer_file_that_cannot_be_read_is_named_and_not_called_newer(called: Call) -> None:
    called("--service sshd apply")
    called.root.path(VENDOR).unlink()
    called.root.path(VENDOR).mkdir()
    code, output, messages = called("check --after-update")
    assert (code, output) == (1, "")
    assert f"{SSHD}: {VENDOR}: is a directory, not a regular file" in messages
    assert "is newer than" not in messages
    code, output, messages = called("rebase --check")
    assert code == 1
    assert "is newer than" not in output
    assert f"rebase would be refused: {VENDOR}: is a directory" in messages
    code, _, messages = called("rebase")
    assert code == 65
    assert f"{SSHD} is not changed: {VENDOR}: is a directory" in messages
    assert f"make {VENDOR} a plain file" in messages


def test_our_own_file_that_is_none_is_named_once_and_the_others_are_rebased(called: Call) -> None:
    write(called.root, "/usr/lib/pam.d/door", WITHOUT_RULES)
    called("--service sshd --service door apply")
    write(called.root, "/usr/lib/pam.d/door", NEWER)
    called.root.path(SSHD).unlink()
    called.root.path(SSHD).mkdir()
    code, _, messages = called("check --after-update")
    assert (code, messages.count(f"{SSHD}: ")) == (1, 1)
    assert f"sshd: {SSHD}: is a directory, not a regular file" in messages
    assert f"make {SSHD} a plain file" in messages
    assert "apply adds the rules again" not in messages
    assert "/etc/pam.d/door: /usr/lib/pam.d/door is newer" in messages
    code, output, messages = called("rebase --check")
    assert code == 1
    assert f"{SSHD}: is a directory, not a regular file" in output
    assert f"rebase would be refused: {SSHD}: is a directory" in messages
    code, _, messages = called("rebase")
    assert code == 65
    assert "changed /etc/pam.d/door: it is made from /usr/lib/pam.d/door now" in messages
    assert f"{SSHD} is not changed: {SSHD}: is a directory" in messages
    assert f"make {SSHD} a plain file" in messages
    assert "/usr/lib/pam.d/sshd" not in messages


def test_rebase_check_shows_the_change_and_makes_none(called: Call) -> None:
    called("--service sshd apply")
    write(called.root, VENDOR, NEWER)
    before = called.root.read(SSHD)
    code, output, _ = called("rebase --check")
    assert code == 1
    assert f"\n+{RULE}\n" in output
    assert called.root.read(SSHD) == before
    values = json.loads(called("--json rebase --check")[1])
    (file,) = values["vendor_files"]
    assert (file["lacks"], file["extra"], file["refused"]) == ([RULE], [], None)
    assert f"\n+{RULE}\n" in values["diff"]


def test_rebase_says_what_it_did_and_then_has_nothing_to_do(called: Call) -> None:
    called("--service sshd apply")
    write(called.root, VENDOR, NEWER)
    code, output, messages = called("rebase")
    assert (code, output) == (0, "")
    assert f"changed {SSHD}: it is made from {VENDOR} now" in messages
    assert "nothing to rebase" in called("rebase")[2]
    assert called("rebase --check")[:2] == (0, "")
    assert json.loads(called("--json rebase")[1])["changed"] == []


def test_a_refusal_names_the_lines_of_both_sides_and_exits_with_65(called: Call) -> None:
    called("--service sshd apply")
    mine = "session optional pam_mail.so"
    write(called.root, SSHD, (called.root.read(SSHD) or b"") + f"{mine}\n".encode())
    write(called.root, VENDOR, NEWER)
    before = called.root.read(SSHD)
    code, _, messages = called("rebase")
    assert code == 65
    assert f"{SSHD} is not changed: both sides have changed the same place" in messages
    assert f"{SSHD}: {mine}" in messages
    assert f"{VENDOR}: {RULE}" in messages
    assert called.root.read(SSHD) == before
    refused = json.loads(called("--json rebase")[1])["vendor_files"][0]["refused"]
    assert set(refused) == {"reason", "hint"}


def test_options_that_do_nothing_together_are_refused(called: Call) -> None:
    code, _, messages = called("rebase --check --confirm-within 10m")
    assert code == 64
    assert "--confirm-within does nothing with --check" in messages


def test_it_is_said_that_the_usual_directories_are_assumed(called: Call) -> None:
    called("--service sshd apply")
    assert "libpam.so.0" not in called("--service sshd check")[2]
    called.root.path(LIBPAM).unlink()
    assert "libpam.so.0 was not found" in called("--service sshd check")[2]


def test_check_and_apply_read_the_directories_of_the_installed_libpam(called: Call) -> None:
    write(called.root, LIBPAM, b"\0/etc/pam.d/%s\0/usr/etc/pam.d/%s\0")
    assert "there is no PAM service 'sshd'" in called("--service sshd check")[2]
    write(called.root, "/usr/etc/pam.d/sshd", WITHOUT_RULES)
    assert called("--service sshd check")[0] == 1
    assert called("--service sshd apply")[0] == 0
    assert b"gnome_keyring" in (called.root.read(SSHD) or b"")
