from __future__ import annotations

import pytest

from creds_session.checks.session import given_back
from creds_session.session_facts import SessionFacts
from creds_session.surroundings import PathFacts, PathKind
from tests.unit.examples import WELL


@pytest.mark.parametrize(
    ("uid", "path", "is_offered"),
    [
        (1000, "/home/alice", True),
        (1000, "/data/home/alice/.local/share/keyrings/", True),
        (33, "/home/www-data", False),
        (1000, "/usr/sbin", False),
        (1000, "/var/www", False),
        (1000, "/home", False),
        (1000, "/", False),
        (1000, "", False),
    ],
)
def test_no_folder_of_the_systems_is_given_to_an_account(
    uid: int, path: str, *, is_offered: bool
) -> None:
    facts = WELL._replace(session=SessionFacts("x", uid))
    cure = given_back(PathFacts(path, PathKind.FOLDER, 0), facts)
    assert cure.commands == ((("sudo", "chown", str(uid), path),) if is_offered else ())
    assert cure.is_safe is is_offered
