from __future__ import annotations

import json

import pytest

from creds_session.probe import login_method
from creds_session.probe.login_method import methods_of, probe_login_methods
from creds_session.system.processes.commands import Completed

FOR_ALICE = "for alice from 127.0.0.1 port 4242 ssh2"


@pytest.mark.parametrize(
    ("lines", "methods"),
    [
        ([], ()),
        (["Connection from 127.0.0.1"], ()),
        ([f"Accepted password {FOR_ALICE}"], ("password",)),
        (
            [f"Failed password {FOR_ALICE}", f"Accepted publickey {FOR_ALICE}: RSA x"],
            ("publickey",),
        ),
        (
            [f"Partial publickey {FOR_ALICE}", f"Accepted password {FOR_ALICE}"],
            ("publickey", "password"),
        ),
        ([f"Accepted password {FOR_ALICE}", f"Accepted publickey {FOR_ALICE}"], ("publickey",)),
        ([f"Accepted password {FOR_ALICE}", f"Partial publickey {FOR_ALICE}"], ()),
        ([f"Failed password for invalid user Accepted password {FOR_ALICE}"], ()),
    ],
)
def test_how_the_last_login_of_a_process_number_was_let_in(
    lines: list[str], methods: tuple[str, ...]
) -> None:
    assert methods_of(lines) == methods


def test_only_lines_of_roots_processes_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(argv: list[str], **_options: float) -> Completed:
        asked.extend(argv)
        line = {"MESSAGE": f"Accepted password {FOR_ALICE}", "__REALTIME_TIMESTAMP": "1"}
        return Completed(0, json.dumps(line), "")

    monkeypatch.setattr(login_method, "run", run)
    assert probe_login_methods(77) == ("password",)
    assert {"_PID=77", "_UID=0"} <= set(asked)
