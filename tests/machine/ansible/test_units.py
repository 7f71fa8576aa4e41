"""``ansible-test units`` runs clean with the oldest and with the pinned ansible-core."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine.support.ansible_controller import BUILD, ansible_environment

# It may make the environment of Ansible first.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1200)]
COLLECTION = "ansible_collections/creds_session/keyring"


@pytest.mark.parametrize("pinned", ["ansible", "ansible-oldest"])
def test_the_units_run_clean(pinned: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, BUILD, "--tree", tmp_path], check=True)
    collection = tmp_path / COLLECTION
    for words in (("init", "--quiet"), ("add", ".")):
        subprocess.run(["git", *words], cwd=collection, check=True)
    programs = ansible_environment(pinned) / "bin"
    # ansible-test itself moves the tests out of the reach of this process's settings.
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
    done = subprocess.run(
        [programs / "ansible-test", "units", "--python", "3.11", "--color", "no"],
        cwd=collection,
        env={
            **kept,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "ANSIBLE_COLLECTIONS_PATH": str(tmp_path),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    (summary,) = re.findall(r"^=+ (.*) in .*=+$", done.stdout, re.MULTILINE)
    files = [*(collection / "tests/unit").rglob("test_*.py")]
    tests = [
        name for path in files for name in re.findall(r"^def test_", path.read_text(), re.MULTILINE)
    ]
    count = re.fullmatch(r"(\d+) passed", summary)
    assert count, done.stdout
    assert int(count.group(1)) >= len(tests) > 0
