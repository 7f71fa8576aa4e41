"""Run whole commands: the package as it is installed, and the programs beside it."""

from __future__ import annotations

import atexit
import compileall
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from scripts.benchmarks.turns import Job

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable  # which has the dependencies


def installed(folder: Path) -> str:
    """Return a directory in ``folder`` with the package as it is installed: compiled."""
    packages = folder / "packages"
    if not packages.exists():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / "creds_session", packages / "creds_session", ignore=ignored)
        compileall.compile_dir(packages, quiet=2)
    return str(packages)


def program(name: str) -> list[str]:
    """Return the words that run ``creds``, ``doctor`` or ``setup_pam`` as they are installed."""
    return [str(_programs() / ("creds" if name == "creds" else f"creds-{name.replace('_', '-')}"))]


@cache
def _programs() -> Path:
    """Return a directory with the programs, which is removed when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="creds-bench-installed-"))
    atexit.register(shutil.rmtree, folder)
    folder.chmod(0o755)
    dependencies = [path for path in sys.path if path.endswith("-packages")]
    programs = folder / "bin"
    programs.mkdir()
    starter = str(CHECKOUT / "scripts/lib/write-starter")
    words = [starter, str(programs), PYTHON, installed(folder)]
    subprocess.run([*words, *dependencies], check=True)
    for name in ("creds-doctor", "creds-setup-pam"):  # site does not know this directory
        text = (programs / name).read_text("utf-8")
        found = f"import sys\nsys.path.insert(0, {installed(folder)!r})\n"
        (programs / name).write_text(text.replace("import sys\n", found, 1), "utf-8")
    return programs


def nothing() -> Job:
    """Return the job of starting Python, which is the floor of every command."""
    return command([PYTHON, "-c", "pass"])


def command(
    words: list[str],
    variables: Mapping[str, str] | None = None,
    *,
    expected: tuple[int, ...] = (0,),
    stdin: bytes = b"",
) -> Job:
    """Return the job of running a command to its end.

    ``variables`` are added to the environment. The job raises SystemExit if the
    command's exit code is not among ``expected``.
    """

    def run() -> None:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(variables or {})}
        done = subprocess.run(words, input=stdin, capture_output=True, env=environment, check=False)
        if done.returncode not in expected:
            raise SystemExit(f"bench: {words} gave {done.returncode}: {done.stderr.decode()}")

    return run


def is_installed(name: str, package: str) -> bool:
    """Return whether a program is on PATH; print that it is not compared with if it is not."""
    if shutil.which(name):
        return True
    print(f"\nnot installed, not compared: {name} ({package})")
    return False
