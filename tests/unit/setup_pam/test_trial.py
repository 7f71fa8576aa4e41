from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from creds_session.errors import CredsSessionError, Unavailable
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.stack.resolve import resolve
from creds_session.pam.syntax.terms import Dialect, ManagementGroup
from creds_session.secret import Secret
from creds_session.setup_pam.trial import (
    Candidate,
    TrialFailed,
    _refuse,
    _without_start,
    attempt,
    hold,
    second_factors,
    warnings,
)
from creds_session.system.libpam.conversation import Outcome
from creds_session.system.libpam.mount_namespace import private_child

IN = Outcome(0, "Success", knows_password=True)
NO = Outcome(7, "Authentication failure", ("Password: ", "The account is locked"))
EXPIRED = Outcome(13, "User account has expired", ("Password: ",), knows_password=True)
RENEW = Outcome(12, "Authentication token is no longer valid", knows_password=True)
ASKED_A_CODE = Outcome(7, "Authentication failure", ("Password: ", "Verification code: "))

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has mount name spaces")


@pytest.mark.parametrize(
    ("tried", "present", "wants", "error", "told"),
    [
        (NO, IN, (), TrialFailed, "would lock alice out"),
        (EXPIRED, IN, (), TrialFailed, "would lock alice out"),
        (NO, IN, ("pam_u2f.so",), TrialFailed, "would lock alice out"),
        (NO, NO, (), TrialFailed, "the password is wrong, or the account is locked"),
        (EXPIRED, EXPIRED, (), TrialFailed, "the password is right, but the account is refused"),
        (RENEW, RENEW, (), TrialFailed, "the password has expired"),
        (EXPIRED, EXPIRED, ("pam_u2f.so",), TrialFailed, "the account is refused"),
        (NO, NO, ("pam_u2f.so",), Unavailable, "more than a password (pam_u2f.so)"),
        (ASKED_A_CODE, ASKED_A_CODE, (), Unavailable, "(Verification code:)"),
    ],
)
def test_what_the_two_outcomes_mean(
    tried: Outcome,
    present: Outcome,
    wants: tuple[str, ...],
    error: type[CredsSessionError],
    told: str,
) -> None:
    with pytest.raises(error) as caught:
        _refuse("alice", tried, present, wants)
    assert told in caught.value.problem
    assert caught.value.problem.endswith("nothing was changed")
    assert caught.value.exit_code == {TrialFailed: 1, Unavailable: 69}[error]


def test_what_pam_said_is_reported_without_its_prompts() -> None:
    assert str(NO) == "Authentication failure; The account is locked"


def test_second_factors_are_found_in_what_is_included() -> None:
    files = {
        "/etc/pam.d/sshd": b"auth required pam_u2f.so\n@include common\n",
        "/etc/pam.d/common": b"auth required /lib/pam_oath.so x\nauth required pam_unix.so\n",
    }
    wants = second_factors(resolve("sshd", ManagementGroup.AUTH, files.get))
    assert wants == ("pam_u2f.so", "pam_oath.so")
    assert any(
        "cannot be tried: sshd has pam_u2f.so, pam_oath.so" in line
        for line in warnings("sshd", "alice", wants)
    )


DEBIAN = Dialect.DEBIAN_1_7
RULE = b"auth optional pam_gnome_keyring.so"


@pytest.mark.parametrize(
    ("rule", "quiet"),
    [
        (RULE + b" auto_start", RULE + b"           "),
        (RULE + b" auto_start debug", RULE + b"            debug"),
        (RULE + b" [auto_start] x", RULE + b"              x"),
        (RULE + b" debug \\\n  auto_start \\\n y", RULE + b" debug \\\n             \\\n y"),
        (RULE + b" \\\n auto_start\\\n y", RULE + b" \\\n           \\\n y"),
        (RULE + b" only_if=auto_start", None),
        (b"auth required pam_other.so auto_start", None),
        (b"session optional pam_gnome_keyring.so auto_start", None),
    ],
)
def test_a_trial_sees_no_rule_that_starts_the_daemon(rule: bytes, quiet: bytes | None) -> None:
    more = b"# auto_start\nauth required pam_unix.so\n"
    files = {
        "/etc/pam.d/sshd": b"auth include common\n" + rule + b"\n" + more,
        "/etc/pam.d/common": b"auth required pam_unix.so\n" + rule + b"\n" + more,
    }
    seen = _without_start("sshd", PamFiles(files.get, DEBIAN))
    if quiet is None:
        assert seen == {}
    else:
        assert seen == {path: text.replace(rule, quiet) for path, text in files.items()}
        quieted = resolve("sshd", ManagementGroup.AUTH, seen.get)
        assert not any("auto_start" in one.arguments for one in quieted.handlers)


def test_a_user_who_does_not_exist_is_named_before_anything_is_tried() -> None:
    candidate = Candidate("sshd", "/etc/pam.d/sshd", RULE + b" auto_start\n")
    files: dict[str, bytes] = {}
    told: list[str] = []
    with pytest.raises(Unavailable, match="no user 'no-such-user'"):
        attempt(
            candidate,
            "no-such-user",
            PamFiles(files.get),
            lambda: Secret(b""),
            told.append,
        )


def test_an_unknown_user_is_not_asked_for_a_password() -> None:
    def ask() -> Secret:
        raise AssertionError

    with pytest.raises(Unavailable, match="no user 'no-such-user'"):
        hold(Candidate("sshd", "/etc/pam.d/sshd", b""), "no-such-user", ask)


@needs_root
def test_only_the_child_sees_the_other_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, note = tmp_path / "file", tmp_path / "note"
    path.write_bytes(b"old")
    make: Callable[..., tuple[int, str]] = tempfile.mkstemp

    def make_and_note(**where: str) -> tuple[int, str]:
        descriptor, name = make(**where)
        with note.open("a") as names:  # this process is the child
            names.write(f"{name}\n")
        return descriptor, name

    monkeypatch.setattr(tempfile, "mkstemp", make_and_note)
    with private_child({str(path): b"new"}, lambda _secret: path.read_bytes()) as child:
        assert path.read_bytes() == b"old"
        assert child.ask(Secret(b"x"), 5) == b"new"
    assert path.read_bytes() == b"old"
    temporary = [Path(name) for name in note.read_text().splitlines()]
    assert {name.parent for name in temporary} == {Path("/run")}
    assert not [name for name in temporary if name.exists()]


@needs_root
def test_the_child_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/0")

    def look(secret: bytes) -> bytes:
        null = Path("/dev/null").stat().st_rdev
        closed = [os.fstat(n).st_rdev == null for n in (0, 1, 2)]
        return repr((secret, closed, sorted(os.environ), os.getsid(0) == os.getpid())).encode()

    with private_child({}, look) as child:
        seen = child.ask(Secret(b"pw"), 5).decode()
    assert seen == repr((b"pw", [True] * 3, ["LC_ALL", "PATH"], True))


def crash(_secret: bytes) -> bytes:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


def fail(secret: bytes) -> bytes:
    raise ValueError(secret)


def hang(_secret: bytes) -> bytes:
    signal.pause()
    return b""


@needs_root
@pytest.mark.parametrize(
    ("answer", "told"),
    [(crash, "ended by signal 11"), (fail, "gave no answer"), (hang, "no answer within 0.2 s")],
)
def test_a_child_that_gives_no_answer_is_not_a_no(
    answer: Callable[[bytes], bytes], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with private_child({}, answer) as child, pytest.raises(Unavailable, match=told) as caught:
        child.ask(Secret(b"canary"), 0.2 if answer is hang else 5)
    assert "canary" not in repr(caught.value) + "".join(capfd.readouterr())
    with pytest.raises(ChildProcessError):
        os.waitpid(child.pid, 0)


@needs_root
def test_a_content_that_cannot_be_overlaid_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(Unavailable, match="no private view of the files: No such file"),
        private_child({str(tmp_path / "none"): b""}, fail),
    ):
        raise AssertionError
