from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.pam.judge_cases import Case, cases

CASE = next(case for case in cases() if case.name == "authsucc-first")


def run(python: list[str], line: list[str]) -> subprocess.CompletedProcess[str]:
    code = (
        f"import sys; sys.path.insert(0, {python[1]!r}); sys.argv[0] = 'creds-setup-pam'\n"
        "from creds_session.cli.setup_pam.main import main; sys.exit(main())"
    )
    argv = [python[0], "-I", "-c", code, *line]
    environment = {"PATH": os.defpath}
    return subprocess.run(argv, env=environment, capture_output=True, check=False, text=True)


@pytest.fixture
def sides(tmp_path: Path) -> tuple[str, str]:
    case: Case = CASE
    before, after = (case.write(tmp_path, side) for side in ("before", "after"))
    return str(before), str(after)


def test_text_says_who_is_let_in(python: list[str], sides: tuple[str, str]) -> None:
    before, after = sides
    done = run(python, ["judge", "--before", before, "--after", after])
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "sshd, sudo: someone who was refused before is let in, in authenticate, when"
    assert lines[1].startswith("  pam_faillock.so returns success  (added: /etc/pam.d/common-auth")
    assert lines[-1] == "4 services compared: 1 found"


def test_without_after_the_system_is_judged(python: list[str], sides: tuple[str, str]) -> None:
    before, after = sides
    done = run(python, ["--root", after, "judge", "--before", before])
    assert done.returncode == 1
    done = run(python, ["judge", "--root", before, "--before", before])
    assert done.returncode == 0
    assert "does not name libpam0g" in done.stderr  # the file with the version is not there
    assert done.stdout == "4 services compared: nothing found\n"


def test_what_a_copy_lacks_is_said_on_standard_error(
    python: list[str], sides: tuple[str, str], tmp_path: Path
) -> None:
    _, after = sides
    vendor = Path(after, "usr/lib/pam.d/su")
    vendor.parent.mkdir()
    vendor.write_text("auth required pam_permit.so\n")
    copy = tmp_path / "copy"
    shutil.copytree(f"{after}/etc/pam.d", copy)
    done = run(python, ["--root", after, "--json", "judge", "--before", str(copy)])
    assert done.returncode == 0
    assert f"creds-setup-pam: {copy}: has no copy of /usr/lib/pam.d, so " in done.stderr
    assert json.loads(done.stdout)["notes"] == []


def test_json_is_the_contract(python: list[str], sides: tuple[str, str]) -> None:
    before, after = sides
    line = ["judge", "--json", "--service", "sudo", "--before", before, "--after", after]
    done = run(python, line)
    assert (done.returncode, done.stderr) == (1, "")
    values = json.loads(done.stdout)
    assert list(values) == ["schema", "found", "services", "findings", "notes"]
    assert (values["schema"], values["found"], values["services"]) == (1, True, ["sudo"])
    (found,) = values["findings"]
    assert (found["kind"], found["pass"], found["services"]) == (
        "let_in",
        "authenticate",
        ["sudo"],
    )
    assert (found["result_before"], found["result_after"]) == ("auth_err", "success")
    assert found["rule"] is None
    assert found["steps"][0] == {
        "module": "pam_faillock.so",
        "arguments": ["authsucc", "audit", "deny=10", "unlock_time=900"],
        "before": None,
        "after": "/etc/pam.d/common-auth:1",
        "returned_before": None,
        "returned_after": "success",
    }
    assert [(note["topic"], note["steps"]) for note in values["notes"]] == [("added", [])]


def test_a_note_on_people_who_were_exempt_shows_one_of_them(
    python: list[str], tmp_path: Path
) -> None:
    rules = "account required pam_access.so\naccount required pam_unix.so\n"
    exempt = "account [success=1 default=ignore] pam_succeed_if.so user ingroup exempt\n"
    for side, text in (("before", exempt + rules), ("after", rules)):
        (tmp_path / side).mkdir()
        (tmp_path / side / "svc").write_text(text)
    line = ["judge", "--before", str(tmp_path / "before"), "--after", str(tmp_path / "after")]
    done = run(python, line)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[1].startswith("note: svc: a module runs at a login that skipped it")
    assert lines[2] == "  pam_succeed_if.so returns success  (removed: /etc/pam.d/svc:1)"
    notes = json.loads(run(python, ["--json", *line]).stdout)["notes"]
    (note,) = [note for note in notes if note["topic"] == "runs_for_more"]
    assert note["text"].splitlines() == [
        line.removeprefix("note: svc: ") for line in lines[1 : len(note["steps"]) + 2]
    ]
    assert note["steps"][1] == {
        "module": "pam_access.so",
        "arguments": [],
        "before": "/etc/pam.d/svc:2",
        "after": "/etc/pam.d/svc:1",
        "returned_before": None,
        "returned_after": "success",
    }


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["judge"], 64, "--before"),
        (["judge", "--before", ""], 64, "--before is empty"),
        (["judge", "--before", "/nonexistent"], 66, "/nonexistent: no such directory"),
    ],
)
def test_wrong_usage(python: list[str], line: list[str], code: int, words: str) -> None:
    done = run(python, line)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
