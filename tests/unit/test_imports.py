"""The pure part loads nothing that touches the machine; `creds get` loads nothing of the doctor."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = "import sys; {}; print(*sys.modules)"


def modules(statement: str) -> set[str]:
    command = [sys.executable, "-c", LOADED.format(statement)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "package",
    [
        "pam.keyring_rules.plan",
        "pam.syntax.lint",
        "doctor.checks",
        "doctor.report.verdict",
        "setup_pam.report",
        "facts.snapshot",
        "facts.distribution",
        "facts.serialization",
    ],
)
def test_pure_part_loads_nothing_of_the_machine(package: str) -> None:
    loaded = modules(f"import creds_session.{package}")
    effects = {"subprocess", "socket", "fcntl", "pexpect", "jeepney", "keyring"}
    assert not loaded & effects
    assert not {name for name in loaded if name.startswith("creds_session.system")}


def test_credentials_load_nothing_of_the_doctor_or_of_pam() -> None:
    loaded = modules("import creds_session.cli.creds.main, creds_session.credentials")
    assert not loaded & {"pexpect", "keyring", "creds_session.doctor.checks"}
    assert "creds_session.pam.stack.dispatch" not in loaded
