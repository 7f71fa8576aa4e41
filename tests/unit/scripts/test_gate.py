"""What a run of the tests promises.

In CI a skip is a failure, nothing nightly runs unasked, and the caller's session changes nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
TESTS = """
import pytest

def test_passes():
    pass

@pytest.mark.skip(reason="a program is missing")
def test_is_skipped():
    pass

def test_skips_itself():
    pytest.skip("a program is missing")

@pytest.mark.nightly
def test_is_long():
    pass
"""


@pytest.mark.parametrize(
    ("switches", "closing_line"),
    [
        ({}, "1 passed, 2 skipped, 1 deselected"),
        ({"CI": "1"}, "1 failed, 1 passed, 1 deselected, 1 error"),
        ({"CREDS_NIGHTLY": "1"}, "2 passed, 2 skipped"),
    ],
)
def test_closing_line(tmp_path: Path, switches: dict[str, str], closing_line: str) -> None:
    shutil.copy(CHECKOUT / "tests/conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_some.py").write_text(TESTS)
    done = run_in(tmp_path, switches)
    assert closing_line in done.stdout.splitlines()[-1], done.stdout


IN_TURN = """
import pytest

pytestmark = pytest.mark.in_turn

@pytest.fixture(params=["bookworm", "trixie"])
def machine(request):
    return request.param

@pytest.mark.parametrize("case", ["a", "b", "c"])
def test_cases(machine, case):
    print("\\nran", "cases", case, machine)

def test_first(machine):
    print("\\nran", "first", machine)

def test_second(machine):
    print("\\nran", "second", machine)

def test_of_one_release():
    print("\\nran", "alone")
"""


def test_in_turn_every_case_runs_on_one_release(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "tests/conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_some.py").write_text(IN_TURN)
    ran = ran_in(tmp_path, {})
    cases = [" ".join(words[:-1] if words[-1] != "alone" else words) for words in ran]
    assert sorted(cases) == ["alone", "cases a", "cases b", "cases c", "first", "second"]
    releases = [words[-1] for words in ran]
    assert (releases.count("bookworm"), releases.count("trixie")) == (3, 2)
    assert len(ran_in(tmp_path, {"CREDS_ON_EVERY_RELEASE": "1"})) == 11
    of_one = ran_in(tmp_path, {}, "-k", "trixie")
    assert [words[-1] for words in of_one] == ["trixie"] * 5, "what -k chose is all run"


def ran_in(directory: Path, switches: dict[str, str], *options: str) -> list[list[str]]:
    """Return the words that each test said that ran."""
    lines = run_in(directory, switches, "-s", *options).stdout.splitlines()
    return [line.split()[1:] for line in lines if line.startswith("ran ")]


HUNTED = """
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers

@given(integers())
def test_property(number):
    pass

@pytest.mark.timeout(30)
@given(integers())
def test_with_its_own_limit(number):
    pass

def test_limits(request):
    for item in request.session.items:
        mark = item.get_closest_marker("timeout")
        print("\\nran", item.name, *(mark.args if mark else ["usual"]))

def test_chance():
    print("\\nran", "always the same" if settings.default.derandomize else "random")
"""


def test_a_hunt_has_the_time_for_its_random_examples_in_ci_too(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "tests/conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_hunted.py").write_text(HUNTED)
    usual = ["test_property", "usual"]
    ran = ran_in(tmp_path, {"CI": "1"})
    assert usual in ran
    assert ran[-1] == ["always", "the", "same"]
    hunted = ran_in(tmp_path, {"CI": "1", "CREDS_HUNT": "5"})
    assert hunted[-1] == ["random"]
    longer = ["test_property", "7200"]
    assert hunted[:-1] == [longer if one == usual else one for one in ran[:-1]]
    assert ["test_with_its_own_limit", "30"] in hunted


CALLED = """
import os
from pathlib import Path

def test_ordinary():
    assert sorted(name for name in os.environ if not name.startswith("PYTEST_")) == [
        "CREDS_HUNT", "HOME", "LC_ALL", "PATH"
    ]
    assert os.environ["LC_ALL"] == "C.UTF-8"
    assert list(Path.home().iterdir()) == []
    assert "/usr/local/bin" not in os.environ["PATH"]
    Path("made").touch()
    assert Path("made").stat().st_mode & 0o777 == 0o644
"""


def test_the_callers_session_home_and_umask_reach_no_test_of_this_host(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "tests/conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_called.py").write_text(CALLED)
    (tmp_path / "machine").mkdir()
    (tmp_path / "machine" / "test_machine.py").write_text(
        "import os\n\ndef test_as_called():\n    assert os.environ['CREDS_SESSION_HOOK'] == 'off'\n"
    )
    (tmp_path / ".bashrc").touch()
    session = {
        "HOME": str(tmp_path),
        "LANG": "de_DE.ISO-8859-1",
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/gone",
        "XDG_RUNTIME_DIR": "/run/user/1000",
        "GNOME_KEYRING_CONTROL": "/run/user/1000/keyring",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "SUDO_USER": "alice",
        "CREDS_SESSION_HOOK": "off",
        "CREDS_HUNT": "5",
        "PATH": f"/usr/local/bin:{os.environ['PATH']}",
    }
    before = os.umask(0o077)
    try:
        done = run_in(tmp_path, session)
    finally:
        os.umask(before)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def run_in(
    folder: Path, switches: dict[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest on the tests in a folder, with no other variables than these and PATH."""
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    nightly\n    in_turn\n")
    pytest_here = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*pytest_here, "-c", "pytest.ini", *options, "."],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), **switches},
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
