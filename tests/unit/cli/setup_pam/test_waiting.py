"""check and diff say that a change waits for confirmation, and until when."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from creds_session.cli.setup_pam.waiting import waiting_line, waiting_values
from creds_session.system.files.root import Root

BOOT_UNIT = "etc/systemd/system/creds-setup-pam-revert.service"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    tmp_path.chmod(0o755)
    return Root(tmp_path)


def note(root: Root, deadline: float) -> None:
    state = root.path("/var/lib/creds-session")
    state.mkdir(parents=True, mode=0o755)
    state.chmod(0o700)
    fields = {"unit": "u", "services": ["sshd"], "user": "alice", "login": "c1", "boot": "b"}
    (state / "pending.json").write_text(json.dumps({**fields, "deadline": deadline}))
    (state / "pending.json").chmod(0o600)


def test_nothing_is_said_if_nothing_waits(root: Root) -> None:
    assert (waiting_line(root), waiting_values(root)) == ("", None)


def test_the_time_is_named(root: Root) -> None:
    deadline = time.time() + 600
    note(root, deadline)
    until = time.strftime("%H:%M:%S", time.localtime(deadline))
    assert waiting_line(root) == (
        f"waits for confirmation until {until} (creds-setup-pam --root {root.directory} revert)"
    )
    values = waiting_values(root)
    assert values is not None
    assert values["changed_by"] == "alice"
    assert values["until"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(deadline))


def test_a_change_that_should_have_been_reverted_is_said_to_be_in_place(root: Root) -> None:
    note(root, time.time() - 1)
    assert waiting_line(root).startswith("is still in place, and nobody confirmed it by ")


def test_a_note_that_is_damaged_is_named(root: Root) -> None:
    note(root, 0)
    root.path("/var/lib/creds-session/pending.json").write_text("{")
    assert "pending.json: cannot be read" in waiting_line(root)
    values = waiting_values(root)
    assert values is not None
    assert "pending.json" in str(values["problem"])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it becomes another user")
def test_who_cannot_read_the_note_is_told_that_a_change_waits(root: Root) -> None:
    note(root, time.time() + 600)
    unit = root.path(f"/{BOOT_UNIT}")
    unit.parent.mkdir(parents=True)
    unit.touch()
    for directory in (root.directory, *root.directory.parents):
        if not directory.stat().st_mode & 0o001:
            directory.chmod(0o711)
    child = os.fork()
    if child == 0:
        os.setresuid(65534, 65534, 65534)
        line, values = waiting_line(root), waiting_values(root)
        good = "waits for confirmation (" in line and "only root can see until when" in line
        os._exit(0 if good and values and values["until"] is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
