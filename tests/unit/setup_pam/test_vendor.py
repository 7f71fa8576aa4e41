"""``apply --vendor``: the change is in /usr of an image, and /etc stays to the administrator."""

from __future__ import annotations

from pathlib import Path

import pytest

from creds_session.errors import InvalidData, Unavailable, UsageError
from creds_session.pam.syntax.terms import ManagementGroup
from creds_session.setup_pam import vendor
from creds_session.setup_pam.apply import apply, revert
from creds_session.setup_pam.plan import DROP_IN_TEXT, VENDOR_DROP_IN, plan_setup
from creds_session.setup_pam.service_files import pam_files
from creds_session.system.files.root import Root
from tests.unit.examples import SSHD as WITH_RULES
from tests.unit.examples import WITHOUT_RULES
from tests.unit.images import LIBPAM, READS_IT, SSHD, VENDOR_SSHD, make_vendor_image, write


@pytest.fixture
def image(tmp_path: Path) -> Root:
    """An image whose sshd has its file in /usr/lib/pam.d."""
    return make_vendor_image(tmp_path)


def snapshot(root: Root) -> dict[str, bytes]:
    """Return every file outside the state directory."""
    return {
        str(path.relative_to(root.directory)): path.read_bytes()
        for path in root.directory.rglob("*")
        if path.is_file() and "creds-session" not in path.parts
    }


def test_only_files_in_usr_change(image: Root) -> None:
    before = snapshot(image)
    setup = plan_setup(image, ["sshd"], for_vendor=True)
    assert [path for path, _, _ in setup.contents] == [VENDOR_SSHD, VENDOR_DROP_IN]
    apply(image, setup)
    now = snapshot(image)
    changed = {f"/{name}" for name in now if now[name] != before.get(name)}
    assert changed == {VENDOR_SSHD, VENDOR_DROP_IN}
    assert image.read(VENDOR_DROP_IN) == DROP_IN_TEXT
    assert (image.read(VENDOR_SSHD) or b"").count(b"pam_gnome_keyring") == 3


def test_libpam_uses_the_change(image: Root) -> None:
    apply(image, plan_setup(image, ["sshd"], for_vendor=True))
    modules = [
        handler.module
        for handler in pam_files(image).stack("sshd", ManagementGroup.SESSION).handlers
    ]
    assert modules[-1] == "pam_gnome_keyring.so"
    again = plan_setup(image, ["sshd"])
    assert (again.is_needed, again.is_complete) == (False, True)


def test_revert_restores_the_image(image: Root) -> None:
    before = snapshot(image)
    apply(image, plan_setup(image, ["sshd"], for_vendor=True))
    assert set(revert(image)[0]) == {VENDOR_SSHD, VENDOR_DROP_IN}
    assert snapshot(image) == before
    assert not image.path(VENDOR_DROP_IN).parent.exists()


def test_revert_keeps_a_setting_that_somebody_added_to_our_drop_in(image: Root) -> None:
    apply(image, plan_setup(image, ["sshd"], for_vendor=True))
    image.path(VENDOR_DROP_IN).write_bytes(DROP_IN_TEXT + b"Description=mine\n")
    with pytest.raises(InvalidData, match=f"{VENDOR_DROP_IN}: Description=mine"):
        revert(image)
    assert image.read(VENDOR_SSHD) == WITHOUT_RULES


def test_a_file_in_etc_that_hides_the_change_is_named_with_the_move_that_helps(
    image: Root,
) -> None:
    write(image, SSHD, WITHOUT_RULES)
    before = snapshot(image)
    with pytest.raises(InvalidData, match="libpam reads this file and never") as refused:
        plan_setup(image, ["sshd"], for_vendor=True)
    assert f"move the file in the image to {VENDOR_SSHD}" in refused.value.hint
    assert snapshot(image) == before


def test_a_file_in_etc_that_needs_no_change_is_no_obstacle(image: Root) -> None:
    write(image, SSHD, WITH_RULES)
    assert plan_setup(image, ["sshd"], for_vendor=True).edited == ()


def test_passwd_in_etc_does_not_keep_sshd_from_its_change(image: Root) -> None:
    write(image, "/etc/pam.d/passwd", b"password required pam_unix.so\n")
    setup = plan_setup(image, for_vendor=True)
    assert [planned.target for planned in setup.edited] == [VENDOR_SSHD]
    assert any("passwd is not changed: /etc/pam.d/passwd" in note for note in setup.notes)


def test_a_file_in_the_third_directory_is_copied_to_the_second(image: Root) -> None:
    """Linux-PAM 1.7.2 reads /usr/share/pam/pam.d last, if it was built so."""
    image.path(VENDOR_SSHD).unlink()
    write(image, "/etc/os-release", b"ID=fedora\n")
    write(image, LIBPAM, READS_IT + b"/usr/share/pam/pam.d/%s\0")
    write(image, "/usr/share/pam/pam.d/sshd", WITHOUT_RULES)
    apply(image, plan_setup(image, ["sshd"], for_vendor=True))
    assert (image.read(VENDOR_SSHD) or b"").count(b"pam_gnome_keyring") == 3
    revert(image)
    assert image.read(VENDOR_SSHD) is None
    assert image.read("/usr/share/pam/pam.d/sshd") == WITHOUT_RULES


def test_a_libpam_that_does_not_read_the_directory_is_refused(image: Root) -> None:
    write(image, LIBPAM, READS_IT.replace(b"/usr/lib", b"/usr/etc"))
    with pytest.raises(InvalidData, match=f"{LIBPAM}: this libpam does not read /usr/lib/pam.d"):
        plan_setup(image, ["sshd"], for_vendor=True)


def test_an_image_without_libpam_is_refused(image: Root) -> None:
    image.path(LIBPAM).unlink()
    with pytest.raises(Unavailable, match=r"libpam\.so\.0 was not found"):
        plan_setup(image, ["sshd"], for_vendor=True)


@pytest.mark.parametrize("init", ["systemd", "openrc-init", "", "init"])
def test_a_running_machine_is_refused(monkeypatch: pytest.MonkeyPatch, init: str) -> None:
    monkeypatch.setattr(vendor, "name_of", lambda _pid: init)
    with pytest.raises(UsageError, match="this machine is running") as refused:
        plan_setup(Root(), ["sshd"], for_vendor=True)
    assert "--root DIR" in refused.value.hint


def test_a_container_that_is_being_built_is_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor, "name_of", lambda _pid: "sh")
    monkeypatch.setattr(vendor, "libpam_directories", lambda _root: None)
    with pytest.raises(Unavailable, match=r"libpam\.so\.0 was not found"):
        vendor.require_image(Root())
