"""What libpam itself says of a service: asked in a file system with service files of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from creds_session.system.libpam.pam_start import start_failure
from tests.elf import with_illegal_first_instruction
from tests.unit.traces import python

ASK = (
    "from creds_session.system.libpam.pam_start import start_failure;"
    " print(start_failure(sys.argv[1]))"
)
SERVICES = {
    "good": "auth required pam_permit.so\n",
    "not-on-the-disk": "auth required pam_no_such_module.so\n",
    "crashes": "auth optional {crashing}\n",
}


def answer(service: str, folder: Path) -> str:
    """Ask libpam for a service in a mount name space of its own, where /etc/pam.d is ours."""
    modules = sorted(Path("/usr/lib").glob("*/security/pam_permit.so"))
    if not modules or not (shutil.which("unshare") and shutil.which("mount")):
        pytest.skip("needs pam_permit.so, unshare and mount")
    crashing = folder / "pam_crashing.so"
    crashing.write_bytes(with_illegal_first_instruction(modules[0].read_bytes()))
    services = folder / "pam.d"
    services.mkdir()
    for name, text in SERVICES.items():
        (services / name).write_text(text.format(crashing=crashing))
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    script = 'mount --bind "$0" /etc/pam.d && exec "$@"'
    command = ["unshare", "--mount", *as_root, "sh", "-c", script, str(services)]
    done = subprocess.run(
        [*command, *python(ASK, service)], capture_output=True, text=True, check=False
    )
    if done.returncode == 1 and "unshare" in done.stderr:
        pytest.skip(f"no mount name space can be made: {done.stderr}")
    assert done.returncode == 0, done
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("good", ""),
        # Such a module fails when it is called: pam_dispatch.c, PAM_MODULE_UNKNOWN.
        ("not-on-the-disk", ""),
        ("no-file-at-all", "pam_start returned "),
        ("crashes", "the process that asked libpam ended with "),
    ],
)
def test_libpam_is_asked_and_believed(tmp_path: Path, service: str, words: str) -> None:
    told = answer(service, tmp_path)
    assert (told[: len(words)], bool(told)) == (words, bool(words))


def test_a_libpam_that_cannot_be_asked_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert "ended with" in start_failure("other")
