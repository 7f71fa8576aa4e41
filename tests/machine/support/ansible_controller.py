"""A controller of Ansible: ansible-core as it is pinned, the collection, and a real ssh."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.machine.support.machine import Machine
from tests.machine.support.network import Network, wait_for_ssh
from tests.machine.support.rootfs import CACHE, CHECKOUT, say
from tests.machine.support.rootfs import _alone as alone

PYTHON = "/usr/bin/python3"
PASSWORD = "deploy's own 7!"
DEPLOY = "deploy"
CALLBACKS = CHECKOUT / "tests/machine/support/ansible_results"
BUILD = CHECKOUT / "scripts/ansible/build"
CONFIGURATION = """\
[defaults]
host_key_checking = False
interpreter_python = /usr/bin/python3
retry_files_enabled = False
timeout = 60
[connection]
pipelining = True
[ssh_connection]
ssh_args = -o ControlMaster=auto -o ControlPersist=60
ssh_common_args = -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
"""


def ansible_environment(pinned: str = "ansible") -> Path:
    """Return a virtual environment with a pinned ansible-core, made on first use.

    ``ansible-oldest`` is the oldest release that the collection supports.
    """
    version = subprocess.run(
        [PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    pins = CHECKOUT / "tests/pins" / f"{pinned}-python-{version}.txt"
    assert pins.is_file(), f"{PYTHON} is Python {version}, for which no ansible-core is pinned"
    key = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    directory = CACHE / f"{pinned}-{version}-{key}"
    with alone(directory):
        if not (directory / "ready").exists():
            say(f"making a virtual environment with ansible-core in {directory}: once")
            subprocess.run([PYTHON, "-m", "venv", "--clear", directory], check=True)
            install = ("install", "--quiet", "--only-binary=:all:", "--require-hashes", "-r", pins)
            subprocess.run([directory / "bin/python", "-m", "pip", *install], check=True)
            (directory / "ready").touch()
    return directory


class TaskResult(NamedTuple):
    """The result of one task on one host, as a callback may show it."""

    host: str
    task: str
    status: str
    result: dict[str, Any]


class Played(NamedTuple):
    """A play that has ended."""

    code: int
    output: str
    results: list[TaskResult]

    def of(self, host: str) -> list[TaskResult]:
        """Return the results of one host."""
        return [one for one in self.results if one.host == host]

    def last(self, host: str) -> TaskResult:
        """Return the last result of one host."""
        return self.of(host)[-1]

    @property
    def changed(self) -> list[TaskResult]:
        """Return every result that says that it changed something."""
        return [one for one in self.results if one.result.get("changed")]


class Controller:
    """Runs playbooks from this host, within the network of the machines."""

    def __init__(self, network: Network, place: Path) -> None:
        self._network = network
        self._place = place
        self._bin = ansible_environment() / "bin"
        self.addresses: dict[str, str] = {}
        self.machines: dict[str, Machine] = {}
        self.collections = [place / "tree"]
        subprocess.run([sys.executable, BUILD, "--tree", place / "tree"], check=True)
        (place / "ansible.cfg").write_text(CONFIGURATION)
        keygen = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / "key")
        subprocess.run(keygen, check=True)

    def add(self, name: str, machine: Machine) -> None:
        """Connect a machine, with a user who may log in in both ways and use sudo."""
        machine.add_user(DEPLOY, PASSWORD)
        machine.run("usermod", "--append", "--groups=sudo", DEPLOY)
        key = (self._place / "key.pub").read_bytes()
        machine.sh(f"install -d -o {DEPLOY} -g {DEPLOY} -m 700 /home/{DEPLOY}/.ssh")
        keys = f"/home/{DEPLOY}/.ssh/authorized_keys"
        machine.sh(f"cat >{keys}; chown {DEPLOY}: {keys}; chmod 600 {keys}", stdin=key)
        self.machines[name] = machine
        self.addresses[name] = self._network.attach(machine)
        wait_for_ssh(self._network, self.addresses[name])

    def reconnect(self, name: str) -> None:
        """Connect a machine that has booted again; its network ended with its last boot."""
        self._network.connect(self.machines[name], self.addresses[name])

    def play(
        self, playbook: str, *options: str, variables: Mapping[str, object] | None = None
    ) -> Played:
        """Run a playbook, given as text or by the name of one of the collection's."""
        name = playbook
        if "\n" in playbook:
            path = self._place / "playbook.yml"
            path.write_text(playbook)
            name = str(path)
        results = self._place / "results"
        results.write_text("")
        secrets = self._place / "variables.json"
        secrets.write_text(json.dumps({**self._variables(), **(variables or {})}))
        command = [str(self._bin / "ansible-playbook"), "-i", str(self._inventory())]
        command += ["-e", f"@{secrets}", *options, name]
        done = subprocess.run(
            self._network.enter(*command),
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment(results),
        )
        lines = [json.loads(line) for line in results.read_text().splitlines()]
        return Played(done.returncode, done.stdout, [TaskResult(**line) for line in lines])

    def _inventory(self) -> Path:
        path = self._place / "inventory"
        lines = [f"{name} ansible_host={address}" for name, address in self.addresses.items()]
        path.write_text("\n".join(lines) + "\n")
        return path

    def _variables(self) -> dict[str, object]:
        return {
            "ansible_user": DEPLOY,
            "ansible_ssh_private_key_file": str(self._place / "key"),
            "ansible_become_password": PASSWORD,
        }

    def _environment(self, results: Path) -> dict[str, str]:
        return {
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "HOME": str(self._place),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(self._place / "ansible.cfg"),
            "ANSIBLE_HOME": str(self._place / "home"),
            "ANSIBLE_COLLECTIONS_PATH": ":".join(map(str, self.collections)),
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "results",
            "CREDS_ANSIBLE_RESULTS": str(results),
        }
