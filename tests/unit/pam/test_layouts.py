"""What pam.d/ shows is what the planner makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from creds_session.pam.keyring_rules.plan import plan
from creds_session.pam.syntax.terms import Dialect

LAYOUTS = Path(__file__).parents[3] / "pam.d"
SERVICE = "/etc/pam.d/sshd"


@pytest.mark.parametrize(
    ("layout", "dialect"),
    [
        ("debian", Dialect.DEBIAN_1_5),
        ("debian", Dialect.DEBIAN_1_7),
        ("redhat", Dialect.UPSTREAM_1_5),
        ("redhat", Dialect.UPSTREAM_1_7),
        ("redhat", Dialect.DEBIAN_1_7),
    ],
)
def test_planner_makes_the_second_from_the_first(layout: str, dialect: Dialect) -> None:
    files = {
        f"/etc/pam.d/{path.name}": path.read_bytes()
        for path in (LAYOUTS / layout / "before").iterdir()
    }
    planned = plan("sshd", SERVICE, files.get, dialect)
    assert planned.result == (LAYOUTS / layout / "after" / "sshd").read_bytes()
    again = plan("sshd", SERVICE, {**files, SERVICE: planned.result}.get, dialect)
    assert again.edits == ()
