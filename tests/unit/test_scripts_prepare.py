"""What scripts/prepare makes if it runs twice at once, or after one that was killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "prepare"
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
