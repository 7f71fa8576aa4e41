"""What SELinux's policy refuses a login, as selinuxfs of a real machine answered it."""

from __future__ import annotations

from pathlib import Path

import pytest

from creds_session.facts.machine import PolicyRefusal
from creds_session.probe import policy
from creds_session.probe.policy import missing, probe_policy

# Debian 13, selinux-policy-default 2:2.20250213, kernel 6.12.
FILE = {"execute": 15, "getattr": 5, "open": 19, "read": 2}
NUMBERS = {
    "file": (6, {**FILE, "entrypoint": 27}),
    "dir": (7, {"search": 29}),
    "sock_file": (12, {"getattr": 5, "write": 3}),
    "unix_stream_socket": (23, {"connectto": 22}),
}
SSHD = "system_u:system_r:sshd_t:s0"
USER = "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"
DAEMON = "system_u:object_r:gkeyringd_exec_t:s0"
RUNTIME = "unconfined_u:object_r:user_runtime_t:s0"
BY_PAM = "unconfined_u:object_r:user_tmp_t:s0"
BY_SYSTEMD = "unconfined_u:object_r:gnome_keyring_tmp_t:s0"
NOTHING = "0 ffffffff 0 ffffffff 1 0"
EVERYTHING = "ffffffff ffffffff 0 ffffffff 1 0"
ANSWERS = {(USER, DAEMON): "3f5ffff ffffffff 0 ffffffef 1 0"}


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (NOTHING, tuple(FILE)),
        (EVERYTHING, ()),
        ("3f5ffff ffffffff 0 ffffffef 1 0", ()),
        ("0 ffffffff 0 ffffffff 1 1", ()),  # the domain is permissive
        ("12 ffffffff 0 0 1 0", ("execute", "open")),
    ],
)
def test_the_kernels_answer_says_what_is_missing(answer: str, refused: tuple[str, ...]) -> None:
    assert missing(answer, FILE) == refused


@pytest.mark.parametrize("answer", ["", "nonsense", "0 x", "0 ffffffff 0 ffffffff 1 z"])
def test_an_answer_that_cannot_be_read_is_an_error(answer: str) -> None:
    with pytest.raises(ValueError, match=r"unpack|literal|enough"):
        missing(answer, FILE)


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the classes of a selinuxfs, whose answers a test puts into ANSWERS' place."""
    for name, (index, permissions) in NUMBERS.items():
        place = tmp_path / "class" / name / "perms"
        place.mkdir(parents=True)
        (place.parent / "index").write_text(f"{index}\n")
        for word, number in permissions.items():
            (place / word).write_text(str(number))
    labels = {"/usr/bin/gnome-keyring-daemon": DAEMON, "/run/user/1000": RUNTIME}
    monkeypatch.setattr(policy, "_context_of_sshd", lambda: SSHD)
    monkeypatch.setattr(policy, "_label", lambda path: labels.get(path, ""))
    answer_with(monkeypatch, ANSWERS)
    return tmp_path


def answer_with(
    monkeypatch: pytest.MonkeyPatch, answers: dict[tuple[str, str], str], otherwise: str = NOTHING
) -> None:
    def ask(_kernel: object, name: str, question: str) -> str:
        source, target, _index = question.split(" ")
        return BY_PAM if name == "create" else answers.get((source, target), otherwise)

    monkeypatch.setattr(policy._Kernel, "_ask", ask)


def asked(
    mount: Path, context: str = USER, daemon: str | None = "/usr/bin/gnome-keyring-daemon"
) -> tuple[PolicyRefusal, ...] | None:
    return probe_policy(str(mount), daemon, context, "/run/user/1000")


OF_THE_FILE = PolicyRefusal("sshd_t", "gkeyringd_exec_t", "file", tuple(policy.START))


def test_debians_policy_refuses_to_start_and_to_reach_the_daemon(mount: Path) -> None:
    assert [one.rule for one in asked(mount) or ()] == [
        "(allow sshd_t gkeyringd_exec_t (file (execute getattr open read)))",
        "(allow unconfined_t gkeyringd_exec_t (file (entrypoint)))",
        "(allow sshd_t user_tmp_t (dir (search)))",
        "(allow sshd_t user_tmp_t (sock_file (getattr write)))",
        "(allow sshd_t unconfined_t (unix_stream_socket (connectto)))",
    ]


def test_a_socket_of_systemds_has_another_type(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {
        "/usr/bin/gnome-keyring-daemon": DAEMON,
        "/run/user/1000/keyring": BY_SYSTEMD,
        "/run/user/1000/keyring/control": BY_SYSTEMD,
    }
    monkeypatch.setattr(policy, "_label", lambda path: labels.get(path, ""))
    assert {one.target for one in asked(mount) or () if one.object_class == "dir"} == {
        "gnome_keyring_tmp_t"
    }


def test_a_policy_that_allows_it_all_refuses_nothing(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, {}, EVERYTHING)
    assert asked(mount) == ()


def test_without_a_context_only_sshds_part_is_asked(mount: Path) -> None:
    assert asked(mount, "") == (OF_THE_FILE,)


@pytest.mark.parametrize("daemon", [None, "/usr/local/bin/gnome-keyring-daemon"])
def test_a_daemon_without_a_label_leaves_it_unknown(mount: Path, daemon: str | None) -> None:
    assert asked(mount, daemon=daemon) is None


def test_a_kernel_that_may_not_be_asked_leaves_it_unknown(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_words: object) -> str:
        raise PermissionError

    monkeypatch.setattr(policy._Kernel, "_ask", refuse)
    assert asked(mount) is None


def test_a_class_that_the_policy_does_not_have_leaves_it_unknown(mount: Path) -> None:
    (mount / "class/sock_file/perms/write").unlink()
    assert asked(mount) is None


def test_without_sshd_it_is_unknown(mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_context_of_sshd", lambda: "")
    assert asked(mount) is None


def test_a_machine_without_selinux_has_no_context_of_sshd() -> None:
    assert probe_policy("/nonexistent", "/usr/bin/gnome-keyring-daemon", USER, "/run") is None
