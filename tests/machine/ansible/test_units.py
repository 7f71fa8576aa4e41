"""The tests and documentation of the collection, with the oldest and the pinned ansible-core."""

from __future__ import annotations

import json
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
PINNED = ("ansible", "ansible-oldest")


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Lay the collection out as ansible-test wants it; return its directory."""
    subprocess.run([sys.executable, BUILD, "--tree", tmp_path], check=True)
    collection = tmp_path / COLLECTION
    for words in (("init", "--quiet"), ("add", ".")):
        subprocess.run(["git", *words], cwd=collection, check=True)
    return collection


def run(pinned: str, collection: Path, program: str, *words: str) -> str:
    """Run a program of a pinned ansible-core in the collection; return what it prints."""
    programs = ansible_environment(pinned) / "bin"
    place = collection.parents[2]
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
    done = subprocess.run(
        [programs / program, *words],
        cwd=collection,
        env={
            **kept,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(place),
            "ANSIBLE_COLLECTIONS_PATH": str(place),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("pinned", PINNED)
def test_the_units_run_clean(pinned: str, collection: Path) -> None:
    words = ("units", "--python", "3.11", "--color", "no")
    printed = run(pinned, collection, "ansible-test", *words)
    (summary,) = re.findall(r"^=+ (.*) in .*=+$", printed, re.MULTILINE)
    files = [*(collection / "tests/unit").rglob("test_*.py")]
    tests = [
        one for path in files for one in re.findall(r"^def test_", path.read_text(), re.MULTILINE)
    ]
    count = re.fullmatch(r"(\d+) passed", summary)
    assert count, printed
    assert int(count.group(1)) >= len(tests) > 0


@pytest.mark.parametrize("pinned", PINNED)
def test_ansible_doc_prints_every_option_of_every_module(pinned: str, collection: Path) -> None:
    names = sorted(path.stem for path in (collection / "plugins/modules").glob("*.py"))
    full = [f"creds_session.keyring.{name}" for name in names]
    found = json.loads(run(pinned, collection, "ansible-doc", "--json", *full))
    assert sorted(found) == full
    for name, parts in found.items():
        assert "executable" in parts["doc"]["options"], name
        assert parts["examples"].strip(), name
        assert parts["return"], name
