"""What is remembered about PAM's files is right, or it is not looked at."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from creds_session.doctor import pam_memory
from creds_session.doctor.checks.pam_answers import answers_of
from creds_session.doctor.diagnosis import judge
from creds_session.doctor.pam_memory import FOLDER, LARGEST, NAME, key_of
from creds_session.facts.snapshot import Facts, PamFacts
from creds_session.findings import CheckResult
from tests.unit.children import run_child
from tests.unit.examples import SSHD, WELL, WITHOUT_RULES

PATH = "/etc/pam.d/sshd"
MISSING = "pam-rule-missing"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def facts(text: bytes = SSHD, **more: bytes) -> Facts:
    """Return new facts, whose answers nobody has found out yet."""
    files = {PATH: text, **{f"/etc/pam.d/{name}": content for name, content in more.items()}}
    return WELL._replace(pam=PamFacts(files=files))


@pytest.fixture
def runtime(short: Path) -> Path:
    place = short / "run"
    place.mkdir(mode=0o700)
    return place


@pytest.fixture
def environ(runtime: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(runtime)}


def look(environ: Mapping[str, str], seen: Facts) -> tuple[tuple[CheckResult, ...], bool]:
    """Return the results, and whether the proof had to find anything out."""
    results = judge(seen, environ=environ).results
    return results, answers_of(seen.pam).is_new


def found(results: tuple[CheckResult, ...]) -> set[str]:
    return {finding.id for result in results for finding in result.findings}


def forge(runtime: Path, seen: Facts) -> Path:
    """Write the memory that says of these files what is right for a file with our rules."""
    well = facts()
    judge(well)
    folder = runtime / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    memory = folder / NAME
    answers = {"key": key_of(answers_of(seen.pam)), "answers": answers_of(well.pam).known}
    memory.write_text(json.dumps(answers))
    memory.chmod(0o600)
    return memory


def test_the_second_look_finds_the_same_without_the_proof(
    environ: dict[str, str], runtime: Path
) -> None:
    for text in (SSHD, WITHOUT_RULES, b"auth required pam_deny.so\nbroken\n"):
        alone = judge(facts(text)).results
        assert look(environ, facts(text)) == (alone, True)
        assert look(environ, facts(text)) == (alone, False)
    memory = runtime / FOLDER / NAME
    assert stat.S_IMODE(memory.stat().st_mode) == 0o600
    assert stat.S_IMODE(memory.parent.stat().st_mode) == 0o700


def test_a_forged_memory_is_believed_only_as_far_as_its_owner_can_forge_it(
    environ: dict[str, str], runtime: Path
) -> None:
    """Without this, the tests below could not fail: what they forge would be believed."""
    forge(runtime, facts(WITHOUT_RULES))
    results, is_new = look(environ, facts(WITHOUT_RULES))
    assert not is_new
    assert MISSING not in found(results)


def as_link(memory: Path) -> None:
    memory.rename(memory.parent / "other")
    memory.symlink_to("other")


def as_hard_link(memory: Path) -> None:
    os.link(memory, memory.parent / "other")


def as_fifo(memory: Path) -> None:
    memory.unlink()
    os.mkfifo(memory, 0o600)


def as_directory(memory: Path) -> None:
    memory.unlink()
    memory.mkdir(mode=0o700)


def in_a_linked_folder(memory: Path) -> None:
    folder = memory.parent
    folder.rename(folder.parent / "other")
    folder.symlink_to("other")


def of_older_files(memory: Path) -> None:
    content = json.loads(memory.read_text())
    memory.write_text(json.dumps({**content, "key": key_of(answers_of(facts().pam))}))


def with_answers(answers: object) -> Callable[[Path], None]:
    def write(memory: Path) -> None:
        content = json.loads(memory.read_text())
        memory.write_text(json.dumps({**content, "answers": answers}))

    return write


TAMPERED = {
    "a link": as_link,
    "a hard link": as_hard_link,
    "a FIFO": as_fifo,
    "a directory": as_directory,
    "a linked directory": in_a_linked_folder,
    "readable to the group": lambda memory: memory.chmod(0o640),
    "writable to others": lambda memory: memory.chmod(0o602),
    "in a directory that others enter": lambda memory: memory.parent.chmod(0o711),
    "in a runtime directory that others enter": lambda memory: memory.parent.parent.chmod(0o755),
    "of older files": of_older_files,
    "without a key": lambda memory: memory.write_text('{"answers": {}}'),
    "cut": lambda memory: memory.write_text(memory.read_text()[:-9]),
    "no JSON": lambda memory: memory.write_bytes(b"\xff\xfe"),
    "another form": lambda memory: memory.write_text("[1]"),
    "too deep": lambda memory: memory.write_text("[" * 100_000),
    "too large": lambda memory: memory.write_text(memory.read_text() + " " * LARGEST),
    "a short verdict": with_answers({"verdicts sshd": [["auth", True]]}),
    "an unknown group": with_answers({"rules sshd": [["x", "", "", "", []]]}),
    "an unknown question": with_answers({"is-well sshd": True}),
    "no answers": with_answers(None),
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_a_memory_that_is_unusual_is_not_believed(
    environ: dict[str, str], runtime: Path, tamper: Callable[[Path], object]
) -> None:
    tamper(forge(runtime, facts(WITHOUT_RULES)))
    results, is_new = look(environ, facts(WITHOUT_RULES))
    assert is_new
    assert results == judge(facts(WITHOUT_RULES)).results
    assert MISSING in found(results)


@AS_ROOT
@pytest.mark.parametrize("part", [".", FOLDER, f"{FOLDER}/{NAME}"])
def test_root_does_not_believe_what_belongs_to_a_user(
    environ: dict[str, str], runtime: Path, part: str
) -> None:
    forge(runtime, facts(WITHOUT_RULES))
    os.chown(runtime / part, 65_534, 65_534)
    before = sorted(runtime.rglob("*"))
    assert MISSING in found(look(environ, facts(WITHOUT_RULES))[0])
    if part != f"{FOLDER}/{NAME}":
        assert sorted(runtime.rglob("*")) == before


@AS_ROOT
def test_root_does_not_believe_what_a_user_can_replace(short: Path) -> None:
    (short / "theirs").mkdir()
    os.chown(short / "theirs", 65_534, 65_534)
    runtime = short / "theirs" / "run"
    runtime.mkdir(mode=0o700)
    forge(runtime, facts(WITHOUT_RULES))
    results, is_new = look({"XDG_RUNTIME_DIR": str(runtime)}, facts(WITHOUT_RULES))
    assert is_new
    assert MISSING in found(results)


@AS_ROOT
@pytest.mark.usefixtures("public")
def test_a_user_does_not_believe_what_root_owns(runtime: Path) -> None:
    forge(runtime, facts(WITHOUT_RULES))
    os.chown(runtime, 65_534, 65_534)
    environ = {"XDG_RUNTIME_DIR": str(runtime)}

    def check() -> None:
        os.setgid(65_534)
        os.setuid(65_534)
        assert MISSING in found(look(environ, facts(WITHOUT_RULES))[0])

    assert run_child(check) == 0


@AS_ROOT
def test_a_process_with_the_user_id_of_a_file_does_not_believe_that_user(
    environ: dict[str, str], runtime: Path
) -> None:
    """Another user started it, so the variables are of that user."""
    forge(runtime, facts(WITHOUT_RULES))

    def check() -> None:
        os.setresuid(65_534, 0, 0)
        assert MISSING in found(look(environ, facts(WITHOUT_RULES))[0])

    assert run_child(check) == 0


def test_nothing_is_kept_if_the_code_was_replaced_while_it_ran(
    environ: dict[str, str], runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = iter(("before", "after"))
    monkeypatch.setattr(pam_memory, "key_of", lambda _answers: next(keys))
    assert look(environ, facts())[1]
    assert list(runtime.iterdir()) == []


@pytest.mark.parametrize("runtime_directory", ["", "relative", "/nonexistent"])
def test_without_a_runtime_directory_nothing_is_kept(
    runtime_directory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "relative").mkdir(mode=0o700)
    for _ in range(2):
        assert look({"XDG_RUNTIME_DIR": runtime_directory}, facts())[1]
    assert list((tmp_path / "relative").iterdir()) == []


def test_a_runtime_directory_that_hangs_is_left_alone(
    environ: dict[str, str], runtime: Path
) -> None:
    for _ in range(2):
        assert look(environ, facts()._replace(hung=("runtime",)))[1]
    assert list(runtime.iterdir()) == []


def test_no_password_of_another_module_is_kept(environ: dict[str, str], runtime: Path) -> None:
    """Some modules take a password as an argument."""
    rule = b"auth sufficient pam_mysql.so user=root passwd=hunter2 crypt=1\n"
    look(environ, facts(rule + SSHD, login=rule + SSHD))
    assert b"hunter2" not in (runtime / FOLDER / NAME).read_bytes()


def test_what_is_remembered_needs_no_code_of_the_proof(
    environ: dict[str, str], tmp_path: Path
) -> None:
    code = (
        "import sys; from creds_session.doctor.diagnosis import judge;"
        "from creds_session.facts.serialization import loads;"
        f"judge(loads(open({str(tmp_path / 'facts')!r}).read()), environ={environ!r});"
        "print('creds_session.pam.stack.dispatch' in sys.modules)"
    )
    from creds_session.facts.serialization import dumps

    (tmp_path / "facts").write_text(dumps(facts()))
    printed = [
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    ]
    assert printed == ["True\n", "False\n"]
