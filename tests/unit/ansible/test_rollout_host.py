"""What the action rollout_host makes of a host that does not end as expected, without a host."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FILE = {"path": "/etc/pam.d/sshd", "mode": "0644", "uid": 0, "gid": 0}
BEFORE, AFTER = ({**FILE, "sha256": digest} for digest in ("before", "after"))
SEEN = {
    "judged": True,
    "change_needed": True,
    "healthy": False,
    "waits_for_confirmation": None,
    "files": [BEFORE],
}
DIRECTORY = {
    "failed": True,
    "changed": False,
    "msg": "/opt can be changed by others than root; nothing was changed",
    "meaning": "a directory can be changed by others than root",
}
KILLED = {"failed": True, "changed": True, "msg": "no message", "rc": -9, "meaning": "unexpected"}


class StandIn:
    """What the action uses of ActionBase. ``answers`` are the results of pam_info, then of pam."""

    looks: list[Any] = []  # noqa: RUF012 - set for each run
    change: Any = None
    displayed: list[str] = []  # noqa: RUF012 - set for each run

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._task = types.SimpleNamespace(check_mode=False)
        self._display = types.SimpleNamespace(vv=self.displayed.append)
        self._connection = types.SimpleNamespace(
            transport="ssh", get_option=lambda _name: None, reset=lambda: None
        )

    def run(self, _tmp: Any, _variables: Any) -> dict[str, Any]:
        return {}

    def validate_argument_spec(self, argument_spec: dict[str, Any]) -> tuple[None, dict[str, Any]]:
        given = {name: option.get("default") for name, option in argument_spec.items()}
        more = {"login_user": "deploy", "login_password": "secret", "revert_timeout": 0.2}
        return None, {**given, **more, "directory": str(self._directory)}

    def _execute_module(self, *, module_name: str, **_more: Any) -> Any:
        if not module_name.endswith("pam_info"):
            return self.change
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


Rollout = Callable[..., tuple[dict[str, Any], dict[str, Any]]]


@pytest.fixture
def rollout(
    plugin: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Rollout:
    """Run the action on one host; return its result and the report."""
    names = ("ansible.errors", "ansible.plugins", "ansible.plugins.action")
    errors, plugins, action = (types.ModuleType(name) for name in names)
    errors.AnsibleConnectionFailure = ConnectionError  # type: ignore[attr-defined]
    action.ActionBase = StandIn  # type: ignore[attr-defined]
    for name, module in zip(names, (errors, plugins, action)):
        monkeypatch.setitem(sys.modules, name, module)
    module = plugin("action.rollout_host")
    monkeypatch.setattr(module, "POLL", 0.01)
    monkeypatch.setattr(module.login, "by_key", lambda *_words: None)
    monkeypatch.setattr(module.login, "by_password", lambda *_words: (0, ""))

    def run_it(change: Any, *looks: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        monkeypatch.setattr(StandIn, "change", change)
        monkeypatch.setattr(StandIn, "looks", list(looks))
        monkeypatch.setattr(StandIn, "displayed", [])
        batch = {"ansible_play_hosts_all": ["web1", "web2"], "ansible_play_batch": ["web1"]}
        result = module.ActionModule(tmp_path).run(None, {"inventory_hostname": "web1", **batch})
        return result, json.loads((tmp_path / "report.json").read_text())

    return run_it


def test_a_host_that_refuses_the_program_is_not_said_to_have_reverted(rollout: Rollout) -> None:
    result, report = rollout(DIRECTORY, SEEN)
    assert (result["failed"], result["outcome"]) == (True, "not changed")
    assert report["stopped"] == {"host": "web1", "reason": DIRECTORY["msg"]}


CHANGED = {**SEEN, "files": [AFTER]}


@pytest.mark.parametrize(("later", "outcome"), [(CHANGED, "unknown"), (SEEN, "reverted")])
def test_an_apply_that_was_killed_after_it_wrote_is_not_said_to_have_changed_nothing(
    rollout: Rollout, later: Any, outcome: str
) -> None:
    result, report = rollout(KILLED, SEEN, CHANGED, later)
    assert (result["failed"], result["outcome"]) == (True, outcome)
    assert report["state"] == "stopped"


@pytest.mark.parametrize(
    ("change", "look", "outcome"),
    [
        ({"changed": True}, SEEN, "unknown"),  # it does not say with which program to confirm
        ({}, {"judged": True}, "not changed"),
        ({}, {**SEEN, "files": [{}]}, "not changed"),
    ],
)
def test_whatever_a_host_returns_the_rollout_stops_there(
    rollout: Rollout, change: Any, look: Any, outcome: str
) -> None:
    result, report = rollout(change, look)
    assert (result["failed"], result["outcome"]) == (True, outcome)
    assert report["stopped"]["host"] == "web1"


def test_what_a_host_says_does_nothing_to_the_terminal(rollout: Rollout) -> None:
    rollout({"failed": True, "msg": "\x1b[2J"}, SEEN)
    assert any("\\x1b[2J" in line for line in StandIn.displayed)
    assert not any("\x1b" in line for line in StandIn.displayed)
