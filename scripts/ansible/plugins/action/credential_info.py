# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Hide the result of a task that reads a password, whatever the task says about no_log."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

MODULE = "creds_session.keyring.credential_info"


class ActionModule(ActionBase):
    """Run the module, and keep a password out of the output and of the logs."""

    def run(self, tmp=None, task_vars=None):
        """Return the result of the module, marked as secret if it holds a password."""
        result = super().run(tmp, task_vars)
        result.update(self._execute_module(module_name=MODULE, task_vars=task_vars))
        if "password" in result:
            result["_ansible_no_log"] = True
        return result
