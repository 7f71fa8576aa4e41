from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

FILES = {
    "sshd": "auth substack common\nauth optional b.so\nsession required s.so\n",
    "common": "# rules\nauth sufficient pam_unix.so nullok\nauth required pam_deny.so\n",
    "broken": "auth required a.so \\",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "etc/pam.d"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return tmp_path


def run(python: list[str], root: Path, line: str) -> subprocess.CompletedProcess[str]:
    code = (
        f"import sys; sys.path.insert(0, {python[1]!r}); sys.argv[0] = 'creds-setup-pam'\n"
        "from creds_session.cli.setup_pam.main import main; sys.exit(main())"
    )
    argv = [python[0], "-I", "-c", code, "--root", str(root), "simulate", *line.split()]
    environment = {"PATH": os.defpath}
    return subprocess.run(argv, env=environment, capture_output=True, check=False, text=True)


@pytest.mark.parametrize(
    ("line", "result", "number", "trace"),
    [
        ("--call authenticate", "success", 0, "pam_unix.so=success:done b.so=success:ok"),
        (
            "--call authenticate --returns pam_unix.so=auth_err",
            "auth_err",
            7,
            "pam_unix.so=auth_err:ignore pam_deny.so=auth_err:bad b.so=success:ok",
        ),
        (
            "--call authenticate --returns pam_unix.so@common:2=ignore --returns b=auth_err",
            "auth_err",
            7,
            "pam_unix.so=ignore:ignore pam_deny.so=auth_err:bad b.so=auth_err:ignore",
        ),
        (
            "--call setcred --returns authenticate:pam_unix.so=auth_err",
            "cred_err",
            17,
            "pam_unix.so=success:ignore pam_deny.so=cred_err:bad b.so=success:ok",
        ),
        ("--call acct_mgmt", "perm_denied", 6, ""),
        ("--call open_session", "success", 0, "s.so=success:ok"),
        (
            "--call close_session --returns s.so=session_err",
            "session_err",
            14,
            "s.so=session_err:ok",
        ),
    ],
)
def test_json_is_the_contract(
    python: list[str], root: Path, line: str, result: str, number: int, trace: str
) -> None:
    done = run(python, root, f"--json {line}")
    assert (done.returncode, done.stderr) == (0, "")
    values = json.loads(done.stdout)
    assert list(values) == ["schema", "service", "call", "result", "code", "trace"]
    assert [values[key] for key in ("schema", "service", "result", "code")] == [
        1,
        "sshd",
        result,
        number,
    ]
    keys = ["file", "line", "type", "module", "arguments", "returned", "action"]
    assert all(list(entry) == keys for entry in values["trace"])
    found = [f"{e['module']}={e['returned']}:{e['action']}" for e in values["trace"]]
    assert found == trace.split()


def test_text_is_a_table(python: list[str], root: Path) -> None:
    done = run(python, root, "--call authenticate")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "authenticate",
        "rule      module       returned  action",
        "common:2  pam_unix.so  success   done",
        "common:3  pam_deny.so  -         skipped: common:2 ends its substack",
        "sshd:2    b.so         success   ok",
        "",
        "authenticate of sshd returns success (0)",
    ]


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("", 64, "required: --call"),
        ("--call login", 64, "invalid choice; choose from authenticate"),
        ("--call prelim", 64, "invalid choice; choose from authenticate"),
        ("--call setcred --returns b.so", 64, "not of the form"),
        ("--call setcred --returns b.so=maybe", 64, "no return value 'maybe'"),
        ("--call setcred --returns c.so=ignore", 64, "it has: pam_unix.so, pam_deny.so, b.so"),
        ("--call setcred --returns b.so@sshd:7=ignore", 64, "it is at /etc/pam.d/sshd:2"),
        ("--call acct_mgmt --returns b.so=ignore", 64, "it has no module"),
        ("--call setcred --service gone", 66, "no PAM service 'gone'"),
        ("--call setcred --service broken", 65, "libpam cannot load the service broken"),
        ("--call setcred --service sshd --service gone", 64, "simulate takes one --service"),
    ],
)
def test_what_cannot_be_simulated(
    python: list[str], root: Path, line: str, code: int, words: str
) -> None:
    done = run(python, root, line)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_said_of_another_call_is_told(python: list[str], root: Path) -> None:
    done = run(python, root, "--call authenticate --returns open_session:s.so=session_err")
    assert done.returncode == 0
    assert "open_session:s.so=session_err plays no part in authenticate" in done.stderr
