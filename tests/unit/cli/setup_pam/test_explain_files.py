from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

LIBRARY = "usr/lib/x86_64-linux-gnu/libpam.so.0"
FILES = {
    "etc/pam.d/sshd": "@include common-auth\n",
    "etc/pam.d/common-auth": "auth required pam_unix.so\n",
    "etc/pam.d/other": "auth required pam_deny.so\n",
    "usr/lib/pam.d/sshd": "auth required pam_unix.so\n",
    LIBRARY: "\0/etc/pam.d/%s\0/usr/lib/pam.d/%s\0",
    "etc/os-release": "ID=debian\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(python: list[str], root: Path, *line: str) -> subprocess.CompletedProcess[str]:
    code = (
        f"import sys; sys.path.insert(0, {python[1]!r}); sys.argv[0] = 'creds-setup-pam'\n"
        "from creds_session.cli.setup_pam.main import main; sys.exit(main())"
    )
    argv = [python[0], "-I", "-c", code, "--root", str(root), "explain", "--files", *line]
    environment = {"PATH": os.defpath}
    return subprocess.run(argv, env=environment, capture_output=True, check=False, text=True)


def test_text_says_what_is_used_and_what_is_hidden(python: list[str], root: Path) -> None:
    done = run(python, root)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"libpam looks in /etc/pam.d, /usr/lib/pam.d (read from /{LIBRARY})",
        "sshd         /etc/pam.d/sshd",
        "               hides /usr/lib/pam.d/sshd, which has other rules",
        "common-auth  /etc/pam.d/common-auth  (included at /etc/pam.d/sshd:1)",
        "other        /etc/pam.d/other",
    ]


def test_json_is_the_contract(python: list[str], root: Path) -> None:
    values = json.loads(run(python, root, "--json").stdout)
    assert list(values) == ["schema", "service", "directories", "library", "files"]
    assert values["files"][0] == {
        "name": "sshd",
        "used": "/etc/pam.d/sshd",
        "included_at": None,
        "hides": [{"path": "/usr/lib/pam.d/sshd", "same_rules": False}],
    }


def test_without_a_library_the_directories_are_assumed(python: list[str], root: Path) -> None:
    (root / LIBRARY).unlink()
    done = run(python, root)
    assert "(assumed)" in done.stdout.splitlines()[0]
    assert "libpam.so.0 was not found, or does not say" in done.stderr


@pytest.mark.parametrize("name", ["etc/pam.d/sshd", "usr/lib/pam.d/sshd", "etc/pam.d/other"])
def test_what_is_no_file_is_named_and_the_others_are_shown(
    python: list[str], root: Path, name: str
) -> None:
    (root / name).unlink(missing_ok=True)
    (root / name).mkdir()
    done = run(python, root)
    assert (done.returncode, done.stderr.count("\n")) == (65, 1)
    assert f"/{name}: is a directory, not a regular file" in done.stderr
    used = [line.split()[:2] for line in done.stdout.splitlines()[1:]]
    assert ["sshd", "/etc/pam.d/sshd"] in used
    assert ["other", "/etc/pam.d/other"] in used


@pytest.mark.parametrize("kind", ["a loop", "a socket", "a FIFO"])
def test_a_file_behind_what_libpam_cannot_open_is_used(
    python: list[str], root: Path, kind: str
) -> None:
    path = root / "etc/pam.d/sshd"
    path.unlink()
    if kind == "a loop":
        path.symlink_to("sshd")
    else:
        os.mknod(path, 0o600 | (stat.S_IFSOCK if kind == "a socket" else stat.S_IFIFO))
    done = run(python, root)
    assert (done.returncode, done.stderr.count("\n")) == (65, 1)
    problem = "too many symbolic links" if kind == "a loop" else f"is {kind}"
    assert f"/etc/pam.d/sshd: {problem}" in done.stderr
    used = "/etc/pam.d/sshd" if kind == "a FIFO" else "/usr/lib/pam.d/sshd"
    assert done.stdout.splitlines()[1].split() == ["sshd", used]


def test_what_libpam_cannot_open_is_named_if_no_file_is_behind_it(
    python: list[str], root: Path
) -> None:
    (root / "etc/pam.d/loop").symlink_to("loop")
    done = run(python, root, "--service", "loop")
    assert (done.returncode, done.stdout) == (65, "")
    assert "/etc/pam.d/loop: too many symbolic links" in done.stderr


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["--service", "nothing"], 66, "there is no PAM service 'nothing'"),
        (["--format", "svg"], 64, "--files prints text or JSON"),
        (["--ascii"], 64, "--files prints text or JSON"),
    ],
)
def test_wrong_usage(python: list[str], root: Path, line: list[str], code: int, words: str) -> None:
    done = run(python, root, *line)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
