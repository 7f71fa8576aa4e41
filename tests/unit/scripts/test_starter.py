"""The programs that scripts/lib/write-starter writes, in a virtual environment without packages."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from creds_session.cli.doctor.formats import UNKNOWN
from creds_session.errors import Unavailable
from creds_session.version import __version__

CHECKOUT = Path(__file__).parents[3]
PROGRAMS = ("creds", "creds-askpass", "creds-doctor", "creds-setup-pam")
LISTED = """
import sys
sys.path.append({site!r})
from creds_session.system.python_packages import packages
print(*packages().backends, "site" in sys.modules)
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Return a virtual environment that contains the checkout and the programs."""
    venv.create(tmp_path / "venv", symlinks=True)
    (site_packages(tmp_path / "venv") / "creds_session").symlink_to(CHECKOUT / "creds_session")
    return tmp_path / "venv"


def site_packages(environment: Path) -> Path:
    version = "python{}.{}".format(*sys.version_info[:2])
    return environment / "lib" / version / "site-packages"


def write(environment: Path, directory: str) -> None:
    python = environment / "bin/python"
    run(CHECKOUT / "scripts/lib/write-starter", environment / "bin", python, directory)


def run(*words: str | Path) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", ["creds", "creds-doctor", "creds-setup-pam"])
def test_a_program_starts_and_finds_its_packages(environment: Path, name: str) -> None:
    write(environment, str(site_packages(environment)).replace(sys.version[:4].strip("."), "@"))
    assert run(environment / "bin" / name, "--version") == f"{name} {__version__}\n"


def test_every_program_is_isolated_and_executable(environment: Path) -> None:
    write(environment, "/nowhere")
    for name in PROGRAMS:
        program = environment / "bin" / name
        first = program.read_text("utf-8").splitlines()[0]
        assert first.split()[1] in {"-I", "-IS"}
        assert program.stat().st_mode & 0o777 == 0o755


@pytest.fixture
def replaced(environment: Path) -> Path:
    """Return an environment whose packages are those of another Python than the one that runs."""
    write(environment, str(site_packages(environment)))
    site_packages(environment).parent.rename(environment / "lib/python3.8")
    return environment


@pytest.mark.parametrize("name", PROGRAMS)
def test_after_python_was_replaced_a_program_says_what_to_run(replaced: Path, name: str) -> None:
    done = subprocess.run([replaced / "bin" / name], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (Unavailable.exit_code, "")
    problem, remedy = done.stderr.splitlines()
    version = "{}.{}".format(*sys.version_info[:2])
    assert problem.startswith(f"{name}: cannot start: Python {version} does not find creds_session")
    assert remedy.startswith(f"{name}: as root, run scripts/install ")


@pytest.mark.parametrize("words", [("--format=nagios",), ("--user", "x", "--format", "nagios")])
def test_after_python_was_replaced_nagios_reads_the_state_unknown(
    replaced: Path, words: tuple[str, ...]
) -> None:
    command = [str(replaced / "bin/creds-doctor"), *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (UNKNOWN, "")
    assert done.stdout.startswith("KEYRING UNKNOWN: cannot start: Python ")


@pytest.mark.parametrize("words", [("--user", "nagios"), ("--output=/var/lib/nagios/report",)])
def test_the_user_and_the_files_of_nagios_are_no_format(
    replaced: Path, words: tuple[str, ...]
) -> None:
    command = [str(replaced / "bin/creds-doctor"), *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (Unavailable.exit_code, "")
    assert done.stderr.startswith("creds-doctor: cannot start: Python ")


@pytest.mark.parametrize("name", PROGRAMS[2:] + PROGRAMS[:1])
def test_no_package_takes_the_place_of_a_module_of_python(environment: Path, name: str) -> None:
    site = site_packages(environment)
    write(environment, str(site))
    (site / "argparse.py").write_text("raise SystemExit('the package was loaded')\n", "utf-8")
    assert run(environment / "bin" / name, "--version") == f"{name} {__version__}\n"


@pytest.mark.parametrize("name", ["added.pth", "distutils-precedence.pth"])
def test_site_is_run_if_a_file_may_add_directories(environment: Path, name: str) -> None:
    site = site_packages(environment)
    metadata = environment / "added" / "x-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "entry_points.txt").write_text("[keyring.backends]\nx = x\n", "utf-8")
    python, listed = environment / "bin/python", LISTED.format(site=str(site))
    assert run(python, "-IS", "-c", listed) == "False\n"
    (site / name).write_text(f"{environment}/added\n", "utf-8")
    expected = "x-1.dist-info True\n" if name == "added.pth" else "False\n"
    assert run(python, "-IS", "-c", listed) == expected
