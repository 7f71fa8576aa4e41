from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.doctor.cures import carry_out, refusal, steps
from creds_session.facts.machine import OtherProcess, ProcessFacts
from creds_session.findings import Finding, Remediation, Severity
from tests.unit.children import sleeping, state_of
from tests.unit.examples import WELL

MIXED = Remediation("do both", (("chmod", "700", "/x"), ("sudo", "chown", "1", "/x")), is_safe=True)


def finding(remedy: Remediation | None) -> Finding:
    return Finding("id", Severity.ERROR, "title", remediation=remedy)


APPLY = Remediation("x", (("sudo", "creds-setup-pam", "apply"),), is_safe=True)


def test_what_needs_root_is_told_apart() -> None:
    assert steps(MIXED).mine == (("chmod", "700", "/x"),)
    assert steps(MIXED).of_root == (("sudo", "chown", "1", "/x"),)


@pytest.mark.parametrize(
    ("remedy", "words"),
    [
        (None, "no remedy"),
        (Remediation("think"), "you have to do this yourself: think"),
        (Remediation("x", (("rm", "/y"),)), "not done automatically"),
        (MIXED, "this requires root: sudo chown 1 /x"),
        (
            APPLY,
            "this requires root: sudo creds-setup-pam apply (on a machine that you reach",
        ),
        (Remediation("x", (("chmod", "700", "/x"),), is_safe=True), ""),
    ],
)
@pytest.mark.parametrize("uid", [0, 1000])
def test_what_is_not_done_has_a_reason(
    remedy: Remediation | None, words: str, uid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root's --fix makes no change of PAM without a way back, whoever says yes beforehand."""
    monkeypatch.setattr(os, "getuid", lambda: uid)
    told = refusal(finding(remedy))
    assert told.startswith(words) if words else not told


def test_commands_run_in_turn_and_the_first_that_fails_ends_it(tmp_path: Path) -> None:
    kept, other = tmp_path / "kept", tmp_path / "other"
    remedy = Remediation("x", (("touch", str(kept)), ("false",), ("touch", str(other))))
    assert carry_out(remedy, WELL, os.environ) == "false exited with 1"
    assert kept.exists()
    assert not other.exists()
    assert "not installed" in carry_out(Remediation("x", (("frobnicate",),)), WELL, os.environ)


def test_a_mode_is_not_changed_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o644)
    (tmp_path / "link").symlink_to("file")
    change = Remediation("x", (("chmod", "600", str(tmp_path / "link")),))
    assert (
        carry_out(change, WELL, os.environ)
        == f"{tmp_path / 'link'} is a link, so its mode was not changed"
    )
    change = Remediation("x", (("chmod", "600", str(tmp_path / "file")),))
    assert carry_out(change, WELL, os.environ) == ""
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("command", ["chmod 600", "touch", "chown 0", "mv --no-clobber"])
def test_root_acts_on_no_path_that_somebody_else_can_redirect(tmp_path: Path, command: str) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").touch(mode=0o644)
    os.chown(tmp_path / "theirs", 4712, 4712)
    path = str(tmp_path / "theirs" / "file")
    remedy = Remediation("x", ((*command.split(), path, path + ".aside"),))
    told = carry_out(remedy, WELL, os.environ)
    assert told == f"not done as root, because {tmp_path}/theirs belongs to user id 4712"
    assert [one.name for one in (tmp_path / "theirs").iterdir()] == ["file"]
    assert (tmp_path / "theirs" / "file").stat().st_mode & 0o777 == 0o644


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with sleeping(tmp_path / "dbus-daemon") as process:
        yield process


def test_a_process_goes_on_only_if_it_still_is_the_one_that_was_seen(
    sleeper: subprocess.Popen[bytes],
) -> None:
    sleeper.send_signal(signal.SIGSTOP)
    while state_of(sleeper.pid) != "T":
        time.sleep(0.01)
    go_on = Remediation("x", (("kill", "-CONT", str(sleeper.pid)),))
    assert "is now another process" in carry_out(go_on, WELL, os.environ)
    bus = OtherProcess(sleeper.pid, os.getuid(), "dbus-daemon", "T")
    facts = WELL._replace(processes=ProcessFacts(buses=(bus,)))
    assert carry_out(go_on, facts, os.environ) == ""
    while state_of(sleeper.pid) == "T":
        time.sleep(0.01)


def test_a_process_that_is_no_daemon_of_ours_is_not_ended(sleeper: subprocess.Popen[bytes]) -> None:
    told = carry_out(Remediation("x", (("kill", str(sleeper.pid)),)), WELL, os.environ)
    assert "was not seen to be a keyring daemon" in told
    (daemon,) = WELL.daemons
    facts = WELL._replace(daemons=(daemon._replace(pid=sleeper.pid, uid=os.getuid()),))
    assert "is now another process" in carry_out(
        Remediation("x", (("kill", str(sleeper.pid)),)), facts, os.environ
    )
    assert sleeper.poll() is None


@pytest.mark.parametrize("kind", ["file", "link to nothing"])
def test_a_move_to_a_name_that_is_taken_is_refused_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """`mv --no-clobber` of coreutils before 9.2 ends with 0 then."""
    path, aside = tmp_path / "login.keyring", tmp_path / "login.keyring.aside"
    path.write_bytes(b"a")
    if kind == "file":
        aside.write_bytes(b"b")
    else:
        aside.symlink_to("nothing")
    move = ("mv", "--no-clobber", "--no-target-directory", str(path), str(aside))
    monkeypatch.setattr(os, "getuid", lambda: 4712)  # root moves nothing in such a directory
    told = carry_out(Remediation("x", (move,), is_safe=True), WELL, {})
    assert told == f"{aside} exists already, so {path} was not moved; rename {aside} first"
    assert path.read_bytes() == b"a"
