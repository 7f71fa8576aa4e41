from __future__ import annotations

import pytest

NEEDED = (
    "usr/sbin/sshd",
    "usr/bin/gnome-keyring-daemon",
    "usr/lib/x86_64-linux-gnu/security/pam_gnome_keyring.so",
)


@pytest.mark.parametrize(("name", "field"), [("pam", "msg"), ("pam_info", "problem")])
def test_a_directory_that_does_not_exist_is_named(run, tmp_path, name, field):
    done = run(name, root=str(tmp_path / "nothing"))
    assert str(tmp_path / "nothing") in done[field]
    assert done["changed"] is False


def test_a_state_that_does_not_exist_is_refused(run):
    done = run("pam", state="removed")
    assert done["failed"]
    assert "present, absent" in done["msg"]


def test_check_mode_changes_nothing(run, tmp_path):
    service = tmp_path / "etc/pam.d/sshd"
    for path in (service, *(tmp_path / name for name in NEEDED)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    service.write_text(
        "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_unix.so\n"
    )
    before = sorted(tmp_path.glob("etc/**/*")), service.read_bytes()
    done = run("pam", check_mode=True, root=str(tmp_path), services=["sshd"])
    assert done["changed"], done
    assert "+auth" in done["diff"]["prepared"]
    assert (sorted(tmp_path.glob("etc/**/*")), service.read_bytes()) == before
