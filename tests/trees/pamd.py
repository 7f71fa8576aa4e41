"""Ansible's community.general.pamd: a playbook of three tasks on the sshd file of a tree.

The module comes from the package ``ansible`` of tests/community-general.txt. Its own ``main`` is
run with the real AnsibleModule, as on a host of a playbook: each task is one run, and a task that
fails ends the tasks of its host. The tasks are written as the module's documentation has it:
``state: after``, with the type, the control and the module of a rule that exists. That rule is the
last one of its type in the file, which a person would have to look up on each host.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.machine.support.ansible_controller import ansible_environment
from tests.machine.support.rootfs import CACHE, CHECKOUT, say
from tests.machine.support.rootfs import _alone as alone
from tests.oracle.oracle_peers import question
from tests.trees.tree import Tree

PINS = CHECKOUT / "tests/community-general.txt"
COLLECTION = "ansible_collections/community/general"
MEMBERS = (
    f"{COLLECTION}/plugins/modules/pamd.py",
    f"{COLLECTION}/MANIFEST.json",
    f"{COLLECTION}/meta/runtime.yml",
)
SSHD = "/etc/pam.d/sshd"
RUN = """
import contextlib, io, json, sys
from ansible.module_utils import basic
from ansible_collections.community.general.plugins.modules import pamd

basic._ANSIBLE_PROFILE = "legacy"
for line in sys.stdin:
    answers = []
    for arguments in json.loads(line):
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                pamd.main()
            except SystemExit:
                pass
            except Exception as error:  # the controller reports it as a failed task
                print(json.dumps({"failed": True, "msg": repr(error)}))
        answers.append(json.loads(printed.getvalue()))
        if answers[-1].get("failed"):
            break
    print(json.dumps(answers), flush=True)
"""


class Edited(NamedTuple):
    """The files of a tree after the playbook, and why a task failed; empty if none did."""

    files: dict[str, bytes]
    failure: str


def collection() -> Path:
    """Return a directory that holds ansible_collections with this one module of the collection."""
    key = hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]
    place = CACHE / f"community-general-{key}"
    with alone(place):
        if not (place / "ready").exists():
            say(f"fetching the package ansible into {place}: 50 MB, once")
            python = ansible_environment() / "bin/python"
            # Nothing of it is run but the module, which the ansible-core of the tests can run.
            command = [str(python), "-m", "pip", "download", "--quiet", f"--dest={place}"]
            command += ["--ignore-requires-python", "--python-version=3.12", "--no-deps"]
            command += ["--only-binary=:all:", "--require-hashes", f"--requirement={PINS}"]
            subprocess.run(command, check=True)
            (wheel,) = place.glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                for member in MEMBERS:
                    archive.extract(member, place)
            wheel.unlink()
            (place / "ready").touch()
    return place


def version() -> str:
    """Return the version of the collection."""
    manifest = json.loads((collection() / COLLECTION / "MANIFEST.json").read_bytes())
    return str(manifest["collection_info"]["version"])


def tasks(content: bytes, directory: str, service: str = "sshd") -> list[dict[str, str]]:
    """Return the arguments of each task for one service file."""
    made = []
    for anchor, new in question(content).for_pamd()[1]:
        names = ("type", "control", "module_path")
        rule = dict(zip(("new_type", "new_control", "new_module_path", "module_arguments"), new))
        rule = {name: word for name, word in rule.items() if word}
        place = {"path": directory, "name": service, "state": "after"}
        made.append({**place, **dict(zip(names, anchor)), **rule})
    return made


def edit(trees: Sequence[Tree], place: Path) -> list[Edited]:
    """Run the playbook on each tree, below an empty directory; return what it made of the files."""
    lines: list[list[dict[str, str]]] = []
    for number, tree in enumerate(trees):
        directory = place / str(number)
        directory.mkdir()
        content = tree.files.get(SSHD)
        if content is None:  # the vendor's directory has the file; a task on /etc fails
            lines.append([])
            continue
        (directory / "sshd").write_bytes(content)
        lines.append(tasks(content, str(directory)))
    python = ansible_environment() / "bin/python"
    done = subprocess.run(
        [python, "-c", f"import sys; sys.path.insert(0, {str(collection())!r})\n{RUN}"],
        input="".join(json.dumps(line) + "\n" for line in lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(trees), done.stderr[-2000:]
    return [
        _edited(tree, place / str(number), answer)
        for number, (tree, answer) in enumerate(zip(trees, answers))
    ]


def _edited(tree: Tree, directory: Path, answers: list[dict[str, object]]) -> Edited:
    failures = [str(answer["msg"]) for answer in answers if answer.get("failed")]
    if SSHD not in tree.files:
        return Edited(tree.files, "there is no /etc/pam.d/sshd")
    files = {**tree.files, SSHD: (directory / "sshd").read_bytes()}
    return Edited(files, failures[0] if failures else "")
