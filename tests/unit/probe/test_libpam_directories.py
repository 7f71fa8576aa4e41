from __future__ import annotations

from pathlib import Path

import pytest

from creds_session.probe.libpam_directories import libpam_directories
from creds_session.system.files.root import Root

LIBRARY = "usr/lib/x86_64-linux-gnu/libpam.so.0"
DEBIAN = b"\x7fELF\0/etc/pam.d/%s\0/usr/lib/pam.d/%s\0/etc/pam.d\0/etc/pam.conf\0"


def root_with(tmp_path: Path, place: str, content: bytes) -> Root:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_bytes(content)
    return Root(tmp_path)


@pytest.mark.parametrize("place", [LIBRARY, "lib64/libpam.so.0", "usr/lib/libpam.so.0"])
def test_directories_are_read_from_the_library(tmp_path: Path, place: str) -> None:
    found = libpam_directories(root_with(tmp_path, place, DEBIAN))
    assert found == (("/etc/pam.d", "/usr/lib/pam.d"), f"/{place}")


def test_the_vendor_directory_comes_last(tmp_path: Path) -> None:
    content = b"\0/usr/share/pam/pam.d/%s\0/usr/lib/pam.d/%s\0/etc/pam.d/%s\0"
    found = libpam_directories(root_with(tmp_path, LIBRARY, content))
    assert found is not None
    assert found.directories == ("/etc/pam.d", "/usr/lib/pam.d", "/usr/share/pam/pam.d")


def test_a_text_that_the_linker_has_put_into_a_longer_one_is_found(tmp_path: Path) -> None:
    """ld stores /etc/pam.d/%s only as the end of /usr/etc/pam.d/%s, if a library has both."""
    found = libpam_directories(root_with(tmp_path, LIBRARY, b"\0/usr/etc/pam.d/%s\0"))
    assert found is not None
    assert found.directories == ("/etc/pam.d", "/usr/etc/pam.d")


def test_another_library_says_nothing(tmp_path: Path) -> None:
    assert libpam_directories(root_with(tmp_path, LIBRARY, b"\0/etc/other.d/%s\0")) is None
    assert libpam_directories(Root(tmp_path / "nothing")) is None


def test_the_library_of_this_machine_names_the_directory_of_services() -> None:
    found = libpam_directories(Root())
    assert found is not None
    assert found.directories[0] == "/etc/pam.d"
