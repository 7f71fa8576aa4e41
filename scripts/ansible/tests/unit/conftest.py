"""Run a module with the AnsibleModule of ansible-core, in the process of the test."""

from __future__ import annotations

import importlib
import json

import pytest
from ansible.module_utils import basic

MODULES = "ansible_collections.creds_session.keyring.plugins.modules"


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return a function that runs a module with arguments, and returns what the module printed."""
    number = iter(range(100))

    def run_it(name, /, *, check_mode=False, **arguments):
        remote_tmp = tmp_path / f"remote-{next(number)}"
        remote_tmp.mkdir()
        more = {"_ansible_check_mode": check_mode, "_ansible_remote_tmp": str(remote_tmp)}
        given = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **more}})
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", given.encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)  # since 2.19
        module = importlib.import_module(f"{MODULES}.{name}")
        with pytest.raises(SystemExit):
            module.main()
        return json.loads(capsys.readouterr().out)

    return run_it
