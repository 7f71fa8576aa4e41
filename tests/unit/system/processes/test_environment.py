from __future__ import annotations

from pathlib import Path

import pytest

from creds_session.system.processes.environment import own_environment_of

KEPT = {"SSH_CONNECTION": "::1 5 ::1 22", "SSH_USER_AUTH": "/tmp/x", "HOME": "/home/alice"}
SCOPE = "0::/user.slice/user-{}.slice/session-3.scope\n"
UNSET = str((1 << 32) - 1)


@pytest.mark.parametrize(
    ("cgroup", "loginuid", "is_own"),
    [
        (SCOPE.format(1000), UNSET, True),
        (SCOPE.format(1001), UNSET, False),
        (SCOPE.format(1000), "1001", True),
        ("0::/docker/x\n", "1001", False),
        ("0::/docker/x\n", "1000", True),
        ("0::/docker/x\n", UNSET, True),
        ("0::/docker/x\n", None, True),
        (None, None, True),
    ],
)
def test_what_sshd_told_another_users_login_is_none_of_ours(
    tmp_path: Path, cgroup: str | None, loginuid: str | None, *, is_own: bool
) -> None:
    for name, text in (("cgroup", cgroup), ("loginuid", loginuid)):
        if text is not None:
            (tmp_path / name).write_text(text)
    told = own_environment_of(KEPT, 1000, tmp_path)
    assert told == (KEPT if is_own else {"HOME": "/home/alice"})


def test_who_started_a_container_has_not_logged_in_to_it(tmp_path: Path) -> None:
    for pid, cgroup in (("1", "0::/\n"), ("self", "0::/\n")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cgroup").write_text(cgroup)
        (tmp_path / pid / "loginuid").write_text("1001")
    assert own_environment_of(KEPT, 1000, tmp_path / "self") == KEPT
