from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from creds_session.facts.distribution import conffile_digest
from creds_session.probe import package_files
from creds_session.probe.package_files import is_as_packaged
from creds_session.system.files.root import Root
from creds_session.system.processes.commands import Completed
from tests.unit.images import SSHD, write

CONTENT = b"auth required pam_unix.so\n"
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_the_digest_of_a_conffile_is_read_from_dpkg_s_list() -> None:
    status = f"Package: a\nConffiles:\n /etc/x {MD5}\n /etc/gone {MD5} obsolete\n".encode()
    assert conffile_digest(status, "/etc/x") == MD5
    assert conffile_digest(status, "/etc/gone") == ""
    assert conffile_digest(status, "/etc") == ""


def test_dpkg_says_whether_a_file_is_unchanged(tmp_path: Path) -> None:
    root = Root(tmp_path)
    assert not is_as_packaged(root, SSHD, CONTENT)
    write(root, "/var/lib/dpkg/status", f"Conffiles:\n {SSHD} {MD5}\n".encode())
    assert is_as_packaged(root, SSHD, CONTENT)
    assert not is_as_packaged(root, SSHD, CONTENT + b"# mine\n")


@pytest.mark.parametrize("digest", [MD5, SHA256])
def test_rpm_is_asked_on_the_running_system(monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    path = "/etc/pam.d/no-such-service"
    printed = f"/usr/bin/x\t{digest}x\n{path}\t{digest}\n"
    monkeypatch.setattr(package_files, "run", lambda *_, **__: Completed(0, printed, ""))
    assert is_as_packaged(Root(), path, CONTENT)
    assert not is_as_packaged(Root(), path, b"other")


def test_no_program_is_run_for_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> Completed:
        raise AssertionError

    monkeypatch.setattr(package_files, "run", run)
    assert not is_as_packaged(Root(tmp_path), SSHD, CONTENT)
