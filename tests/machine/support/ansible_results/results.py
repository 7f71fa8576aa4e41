"""A callback of Ansible that writes each result as a line of JSON, as it may be shown to anyone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import (  # type: ignore[import-not-found]
    CallbackBase,
)


class CallbackModule(CallbackBase):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "results"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, status: str, result: Any) -> None:
        line = {
            "host": result._host.get_name(),
            "task": result._task.get_name(),
            "status": status,
            "result": json.loads(self._dump_results(result._result)),
        }
        with Path(os.environ["CREDS_ANSIBLE_RESULTS"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result: Any, **_more: Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, **_more: Any) -> None:
        self._write("failed", result)

    def v2_runner_on_unreachable(self, result: Any, **_more: Any) -> None:
        self._write("unreachable", result)

    def v2_runner_on_skipped(self, result: Any, **_more: Any) -> None:
        self._write("skipped", result)
