"""The collection as it is built, in a process without ansible-core.

The unit tests need no ansible-core: they give the modules a stand-in for ``AnsibleModule`` that
runs commands in the same way. The tests on machines use the real one.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[3]
BUILD = CHECKOUT / "scripts/ansible/build"
PLUGINS = "ansible_collections.creds_session.keyring.plugins"


class Ended(Exception):
    """A module has ended.

    ``result`` is what it returned, ``commands`` what it ran, and ``warnings`` what it warned of.
    """

    def __init__(self, *, failed: bool, **result: Any) -> None:
        super().__init__(str(result.get("msg", "")))
        self.failed = failed
        self.result = result
        self.commands = StandIn.commands
        self.warnings = StandIn.warnings


class StandIn:
    """What the modules use of AnsibleModule."""

    arguments: dict[str, Any] = {}  # noqa: RUF012 - set by the fixture for each run
    check_mode = False
    temporary = ""
    commands: list[list[str]] = []  # noqa: RUF012 - set by the fixture for each run
    warnings: list[str] = []  # noqa: RUF012 - the same

    def __init__(self, argument_spec: dict[str, Any], **_more: Any) -> None:
        unknown = self.arguments.keys() - argument_spec.keys()
        assert not unknown
        given = {name: option.get("default") for name, option in argument_spec.items()}
        self.params = {**given, **self.arguments}
        self.tmpdir = self.temporary

    def get_bin_path(self, _name: str, **_more: Any) -> None:
        """Find nothing: the tests run what the collection carries."""

    def run_command(self, command: list[str], **more: Any) -> tuple[int, Any, Any]:
        self.commands.append(command)
        done = subprocess.run(
            command,
            input=more.get("data") or b"",
            capture_output=True,
            check=False,
            cwd=more.get("cwd"),
            env={**os.environ, **(more.get("environ_update") or {})},
        )
        assert done.returncode == 0 or not more.get("check_rc"), done
        return done.returncode, done.stdout, done.stderr

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def exit_json(self, **result: Any) -> None:
        raise Ended(failed=False, **result)

    def fail_json(self, **result: Any) -> None:
        raise Ended(failed=True, **result)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that holds ansible_collections."""
    place = tmp_path_factory.mktemp("tree")
    subprocess.run([sys.executable, BUILD, "--tree", place], check=True)
    return place


@pytest.fixture
def plugin(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Import a module of the collection by its name below plugins."""
    before = set(sys.modules)
    basic = types.ModuleType("ansible.module_utils.basic")
    basic.AnsibleModule = StandIn  # type: ignore[attr-defined]
    for name in ("ansible", "ansible.module_utils"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "ansible.module_utils.basic", basic)
    monkeypatch.syspath_prepend(tree)
    yield lambda name: importlib.import_module(f"{PLUGINS}.{name}")
    for name in set(sys.modules) - before:
        if name.startswith("ansible_collections"):
            del sys.modules[name]


Run = Callable[..., Ended]


@pytest.fixture
def run(
    plugin: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """Run a module with arguments; return how it ended."""

    def run_it(name: str, /, *, check: bool = False, **arguments: Any) -> Ended:
        module = plugin(f"modules.{name}")
        monkeypatch.setattr(StandIn, "arguments", arguments)
        monkeypatch.setattr(StandIn, "check_mode", check)
        monkeypatch.setattr(StandIn, "commands", [])
        monkeypatch.setattr(StandIn, "warnings", [])
        monkeypatch.setattr(StandIn, "temporary", str(tmp_path_factory.mktemp("tmp")))
        # A copy that a real play kept on this machine is not run.
        nothing = str(tmp_path_factory.mktemp("nothing"))
        monkeypatch.setattr(plugin("module_utils.setup_pam"), "PREFIX", nothing)
        with pytest.raises(Ended) as ended:
            module.main()
        return ended.value

    return run_it
