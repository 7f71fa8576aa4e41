"""The digest of what is remembered changes with all that the answers about PAM depend on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from creds_session.doctor import pam_memory
from creds_session.doctor.checks.pam_answers import answers_of
from creds_session.doctor.pam_memory import key_of
from creds_session.facts.snapshot import PamFacts
from creds_session.pam.syntax.terms import Dialect
from tests.unit.examples import SSHD

PATH = "/etc/pam.d/sshd"
PAM = PamFacts(files={PATH: SSHD})


@pytest.mark.parametrize("change", ["content", "name", "another file", "dialect", "version"])
def test_the_key_changes_with_all_that_the_answers_depend_on(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = key_of(answers_of(PAM))
    others = {
        "content": PAM._replace(files={PATH: SSHD + b"\n"}),
        "name": PAM._replace(files={"/etc/pam.d/sshe": SSHD}),
        "another file": PAM._replace(files={PATH: SSHD, "/etc/pam.d/x": b""}),
        "dialect": PAM._replace(dialect=Dialect.DEBIAN_1_5),
        "version": PAM,
    }
    if change == "version":
        monkeypatch.setattr(pam_memory, "__version__", "0")
    assert key_of(answers_of(others[change])) != before


def test_no_text_can_be_moved_to_the_next_file() -> None:
    one = PamFacts(files={"/etc/pam.d/a": b"x", "/etc/pam.d/b": b"y"})
    other = PamFacts(files={"/etc/pam.d/a": b"x/etc/pam.d/b", "/etc/pam.d/c": b""})
    assert key_of(answers_of(one)) != key_of(answers_of(other))


def test_the_key_changes_with_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for directory in pam_memory._CODE:
        (tmp_path / directory).mkdir(parents=True, exist_ok=True)
        (tmp_path / directory / "a.py").write_text("1")
    monkeypatch.setattr(pam_memory, "_PACKAGE", str(tmp_path))
    keys = {key_of(answers_of(PAM))}
    for number, directory in enumerate(pam_memory._CODE, 2):
        file = tmp_path / directory / "a.py"
        times = file.stat()
        file.write_text("2")  # as long as before
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        keys.add(key_of(answers_of(PAM)))
        assert len(keys) == number
    (tmp_path / directory / "a.py").rename(tmp_path / directory / "a.pyc")
    with pytest.raises(FileNotFoundError):
        key_of(answers_of(PAM))


def test_every_module_that_answers_is_part_of_the_key() -> None:
    """All modules that are loaded to answer are below the directories whose code is in the key."""
    code = (
        "import sys; from creds_session.doctor.checks import pam_questions;"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.startswith('creds_session')])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    package = Path(pam_memory.__file__).parents[1]
    known = {(package / directory).resolve() for directory in pam_memory._CODE}
    assert [path for path in done.stdout.split() if Path(path).parent not in known] == []
