"""No image makes ``creds-setup-pam --root`` hang, eat memory, crash, or touch anything outside."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import depth
from tests.unit.hostile_images import PLANTS, plant
from tests.unit.system_tree import make_system
from tests.unit.traces import setup_pam, traced

LONGEST = 100
"""Seconds of the processor, after which the kernel ends a command (RLIMIT_CPU).

``apply`` takes 5 of them on Python 3.11 for the most rules that it compares. On Python 3.10 and a
busy machine it took more than 10. What hangs reaches any limit.
"""
HUNG = 600.0  # seconds, however busy this machine is
MOST = 300 << 20  # bytes of memory; whoever asks for more is refused (setrlimit(2), RLIMIT_AS)
CODES = {0, 1, 65, 66, 69, 73, 75, 77}
COMMANDS = (
    *("check", "diff", "apply", "revert", "explain", "simulate --call authenticate"),
    *("explain --files", "judge --before OUTSIDE"),
)
"""OUTSIDE is what stands for the host; it is only read."""
STATE = "var/lib/creds-session"
ALWAYS = (
    ("var/lib/dpkg/status", "8 GiB"),
    ("var/lib/dpkg/status", "a package again and again"),
    ("etc/os-release", "8 GiB"),
    ("etc/pam.d/sshd", "includes without end"),
    ("etc/pam.d/sshd", "many rules"),
    ("etc/pam.d", "many entries"),
    ("etc/pam.d", "link to the host"),
    (f"{STATE}/lock", "FIFO"),
    (f"{STATE}/checkpoints", "many entries"),
    (f"{STATE}/checkpoints/000001/manifest.json", "nested JSON"),
)
"""What was seen to do harm once, or would do the most."""
NEVER_READ_BY_A_WHOLE_SYSTEM = (
    *("etc/pam.conf", "usr/lib/os-release", "var/lib/dpkg/status", "lib/systemd/user"),
    *(f"{STATE}/pending.json", f"{STATE}/checkpoints/000002", f"{STATE}/checkpoints/000002.new"),
    *(f"{STATE}/checkpoints/000001/made-by-creds-setup-pam", "etc/pam.d/sshd.creds-x"),
    *("usr/lib/pam.d", "usr/lib/pam.d/sshd", "etc/pam.d/other", "etc/pam.d/.sshd.creds-0a"),
)


class Ended(NamedTuple):
    """How a command ended: its code, and what it said."""

    code: int
    errors: str


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return every path below a system that a command looks at, seen by strace."""
    system = make_system(tmp_path_factory.mktemp("whole") / "system")
    found: set[str] = set(NEVER_READ_BY_A_WHOLE_SYSTEM)
    for command in ("check", "apply", "revert", "apply", "explain"):
        _, calls = traced(setup_pam("--root", str(system), *command.split()), system.parent / "t")
        for path in (Path(one) for call in calls for one in call.paths):
            if path.is_relative_to(system) and path != system and ".creds-" not in path.name:
                found.add(str(path.relative_to(system)))
    assert {"etc", "etc/pam.d/sshd", f"{STATE}/lock", f"{STATE}/checkpoints/000001"} <= found
    return sorted(found)


def run(system: Path, command: str) -> Ended:
    """Run a command about the image; fail if it does not end in time."""
    words = command.replace("OUTSIDE", str(system.parent / "outside")).split()
    argv = setup_pam("--root", str(system), *words)
    done = subprocess.run(
        ["prlimit", f"--as={MOST}", f"--cpu={LONGEST}", *argv],
        env={"PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=HUNG,
        check=False,
    )
    return Ended(done.returncode, done.stderr.decode(errors="replace"))


def everything(directory: Path) -> Iterator[tuple[str, object]]:
    """Yield each entry of a directory with what can be seen of it."""
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        seen = (status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns)
        yield str(path), (*seen, path.read_bytes() if path.is_file() else b"")


def make_outside(directory: Path) -> Path:
    """Make what stands for the host: each name of the state directory is there as well."""
    make_system(directory)
    (directory / "file").write_bytes(b"a file of the host\n")
    for name in ("checkpoints/000001.old", "checkpoints/7", "creds-session/checkpoints/1"):
        (directory / name).mkdir(parents=True)
    return directory


@pytest.mark.timeout(3600)
def test_no_image_does_harm(tmp_path: Path, places: list[str]) -> None:
    chance = random.Random(depth.HOSTILE_SEED)  # noqa: S311 - the same images each time
    pairs = [(place, kind) for place in places for kind in PLANTS]
    chance.shuffle(pairs)
    pairs[:0] = ALWAYS
    outside = make_outside(tmp_path / "outside")
    before = dict(everything(outside))
    for place, kind in pairs[: depth.HOSTILE_IMAGES]:
        system = make_system(tmp_path / "image")
        commands = list(COMMANDS[:4]) + chance.sample(COMMANDS, 1)
        if place.startswith(STATE) or chance.random() < 0.3:
            assert run(system, "apply").code == 0
        plant(system / place, kind, outside)
        for command in commands:
            case = f"{kind} at {place}: {command}"
            try:
                told = run(system, command)
            except subprocess.TimeoutExpired:
                pytest.fail(f"{case}: no end within {HUNG:g} s")
            case += f": {told}"
            assert told.code in CODES, case
            assert "Traceback" not in told.errors, case
        assert dict(everything(outside)) == before, f"{kind} at {place}"
        shutil.rmtree(system)
