"""What scripts/prepare makes if it runs twice at once, or after one that was killed."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "prepare"
PYTHONS = [f"3.{minor}" for minor in range(9, 15)]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Copy the script into a checkout that pins nothing, so that no network is needed."""
    pins = tmp_path / "a checkout" / "tests" / "pins"
    pins.mkdir(parents=True)
    for python in PYTHONS:
        (pins / f"python-{python}.txt").write_text("# nothing\n")
    (tmp_path / "a checkout" / "scripts").mkdir()
    (tmp_path / "bin").mkdir()
    # Packages are installed by root alone.
    (tmp_path / "bin" / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "bin" / "id").chmod(0o755)
    return Path(shutil.copy(SCRIPT, tmp_path / "a checkout" / "scripts"))


def started(script: Path, cache: Path) -> subprocess.Popen[str]:
    """Run the script in a process group of its own."""
    path = f"{script.parents[2]}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return subprocess.Popen(
        [script],
        env={"PATH": path, "CREDS_CACHE": str(cache), "HOME": str(script.parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_the_demo_installs_only_what_boots_a_machine(script: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    (programs / "id").write_text("#!/bin/sh\necho 0\n")
    (programs / "apt-get").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\n')
    (programs / "apt-get").chmod(0o755)
    shutil.copy(SCRIPT.parents[1] / "setup.cfg", script.parents[1])
    # Only what the script itself runs is there.
    for name in (
        *("mkdir", "flock", "sh", "cksum", "cut", "rm"),
        *("touch", "dirname", "find", "grep", "tail", "sed"),
    ):
        (programs / name).symlink_to(shutil.which(name) or "/nonexistent")
    environ = {"PATH": str(programs), "CREDS_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    argv = [str(script), "--demo"]
    done = subprocess.run(
        argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    install = next(
        line for line in (tmp_path / "asked").read_text().splitlines() if "install" in line
    )
    assert {word for word in install.split() if not word.startswith("-")} <= {
        *("install", "systemd-container", "mmdebstrap", "git", "util-linux", "python3-venv"),
    }


@pytest.mark.parametrize("python", PYTHONS)
def test_the_demo_s_packages_are_those_that_the_project_needs(python: str) -> None:
    checkout = SCRIPT.parents[1]
    pins = checkout / "tests" / "pins" / f"python-{python}.txt"
    text = SCRIPT.read_text()
    function = text[text.index("runtime_pins() {") : text.index("\nmake_environment() {")]
    code = f'here={shlex.quote(str(checkout))}\n{function}\nruntime_pins "$@"'
    done = subprocess.run(
        ["sh", "-euc", code, "sh", sys.executable, str(pins)],
        capture_output=True,
        text=True,
        check=True,
    )
    names = {line.partition("==")[0] for line in done.stdout.splitlines() if "==" in line}
    assert {"keyring", "jeepney", "cffi", "ptyprocess", "pygments", "secretstorage"} <= names
    assert names.isdisjoint({"mypy", "ruff", "pytest", "hypothesis", "coverage", "setuptools"})


def test_two_at_once_make_one_environment_even_after_a_third_was_killed(
    script: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    with started(script, cache) as killed:
        while not list(cache.glob("venv-*/bin/python")):
            assert killed.poll() is None
            time.sleep(0.01)
        os.killpg(killed.pid, signal.SIGKILL)
    (environment,) = cache.glob("venv-*")
    (environment / "left").touch()
    with started(script, cache) as one, started(script, cache) as other:
        told = [one.communicate(), other.communicate()]
    assert (one.returncode, other.returncode) == (0, 0), told
    assert [printed for printed, _ in told] == [f"{environment}\n"] * 2
    assert "".join(messages for _, messages in told).count("making a virtual environment") == 1
    assert not (environment / "left").exists()
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "--version"], check=True, stdout=subprocess.DEVNULL)
