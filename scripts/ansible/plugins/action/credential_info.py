# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Hide the result of a task that reads a password, whatever the task says about no_log."""

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

MODULE = "creds_session.keyring.credential_info"


class ActionModule(ActionBase):
    """Run the module, and keep a password out of the output and of the logs."""

    def run(self, tmp=None, task_vars=None):
        """Return the result of the module, marked as secret if it holds a password."""
        result = super().run(tmp, task_vars)
        if boolean(self._task.args.get("reveal", False), strict=False):
            self._task.no_log = True  # the module then logs nothing
            self._connection._play_context.no_log = True  # nor the connection, if it is verbose
        result.update(self._execute_module(module_name=MODULE, task_vars=task_vars))
        if "password" in result:
            result["_ansible_no_log"] = True
        return result
