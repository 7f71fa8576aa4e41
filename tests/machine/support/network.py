"""A network of the test's own: a bridge in a name space, and machines attached to it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator

from tests.machine.support.machine import Machine, wait_until

PREFIX = "10.77.0."


class Network:
    """One bridge; nothing on it is reached from outside, and nothing outside from it."""

    def __init__(self, holder: int) -> None:
        self._holder = holder
        self._hosts = 1
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "link", "add", "br0", "type", "bridge")
        self.run("ip", "addr", "add", f"{PREFIX}1/24", "dev", "br0")
        self.run("ip", "link", "set", "br0", "up")

    def enter(self, *command: str) -> list[str]:
        """Return the argv that runs a command of the host in this network."""
        return ["nsenter", "-t", str(self._holder), "-n", "--", *command]

    def run(self, *command: str) -> None:
        subprocess.run(self.enter(*command), check=True, capture_output=True)

    def attach(self, machine: Machine) -> str:
        """Connect a machine to the bridge; return its address."""
        self._hosts += 1
        address = f"{PREFIX}{self._hosts}"
        self.connect(machine, address)
        return address

    def connect(self, machine: Machine, address: str) -> None:
        """Connect a machine, also one that has booted again, under this address."""
        near = f"ve{address.rpartition('.')[2]}"
        subprocess.run(
            self.enter("ip", "link", "del", near), check=False, capture_output=True
        )  # of an earlier boot
        far = ("peer", "name", "host0", "netns", str(machine.leader))
        self.run("ip", "link", "add", near, "type", "veth", *far)
        self.run("ip", "link", "set", near, "master", "br0", "up")
        machine.run("ip", "addr", "add", f"{address}/24", "dev", "host0")
        machine.run("ip", "link", "set", "host0", "up")


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """Make a network, and end it whatever happens."""
    command = ["setpriv", "--pdeathsig=KILL", "unshare", "--net", "sh", "-c", "echo made; read end"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"made\n"
        yield Network(holder.pid)
        holder.kill()


def answers(network_: Network, address: str) -> bool:
    """Tell whether a machine answers at its address."""
    ping = network_.enter("sh", "-c", f"exec 3<>/dev/tcp/{address}/22")
    ping = [*ping[:-3], "bash", *ping[-2:]]
    return subprocess.run(ping, check=False, capture_output=True).returncode == 0


def wait_for_ssh(network_: Network, address: str) -> None:
    """Wait until sshd of a machine answers."""
    wait_until(lambda: answers(network_, address), 60)
