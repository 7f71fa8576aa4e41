from __future__ import annotations

import json

import pytest

PASSWORD = "correct horse 7!"
FAILS = """\
#!/bin/sh
cat >/dev/null
echo "creds: $*: the stand-in says no to {password}" >&2
exit 77
"""


@pytest.fixture
def executable(tmp_path):
    """Return a stand-in for creds that prints the password in its message."""
    path = tmp_path / "creds"
    path.write_text(FAILS.format(password=PASSWORD))
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("option", ["password", "keyring_password"])
def test_no_password_is_in_the_result(run, executable, option):
    given = {"password": "another", option: PASSWORD}
    done = run("credential", service="app", username="me", executable=executable, **given)
    assert done["failed"]
    assert PASSWORD not in json.dumps(done)


def test_a_password_is_required_to_store_one(run, executable):
    done = run("credential", service="app", username="me", executable=executable)
    assert done["failed"]
    assert "password" in done["msg"]
