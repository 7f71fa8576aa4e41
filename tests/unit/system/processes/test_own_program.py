from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from creds_session.errors import Unavailable
from creds_session.system.processes import own_program
from creds_session.system.processes.own_program import for_root_later, path_for_root_later
from creds_session.version import __version__

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the program must be root's")
ALICE = 4712
NAME = "creds-setup-pam"


@pytest.fixture
def program(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a program, its interpreter and its modules; return the link that is run."""
    for folder in ("release/bin", "release/lib", "sbin"):
        (place / folder).mkdir(parents=True)
    script, python = place / "release/bin" / NAME, place / "release/bin/python"
    script.write_text(f"print({NAME!r}, {__version__!r})")
    script.chmod(0o755)
    # As the one of a virtual environment leads to the system's.
    python.symlink_to(os.path.realpath("/usr/bin/python3"))
    (place / "release/pyvenv.cfg").touch()
    (place / "release/lib/ours.py").touch()
    (place / "current").symlink_to("release")
    (place / "sbin" / NAME).symlink_to(f"../current/bin/{NAME}")
    ours = ModuleType("ours")
    ours.__file__ = str(place / "release/lib/ours.py")
    monkeypatch.setattr(sys, "argv", [str(place / "sbin" / NAME)])
    monkeypatch.setattr(sys, "executable", str(place / "current/bin/python"))
    monkeypatch.setattr(sys, "prefix", str(place / "current"))
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "path", ["", "/usr/lib/python3", str(place / "release/lib")])
    monkeypatch.setattr(
        own_program, "_modules", lambda: {"ours": ours, "sys": ModuleType("built_in")}
    )
    return place / "sbin" / NAME


def test_the_words_have_no_link_but_the_name_of_the_interpreter(
    place: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = place / "release/bin"
    assert for_root_later(NAME) == (str(release / "python"), "-I", str(release / NAME))
    monkeypatch.chdir(program.parent)
    monkeypatch.setattr(sys, "argv", [f"./{NAME}"])
    assert for_root_later(NAME)[-1] == str(release / NAME)


def theirs(path: str) -> Callable[[Path], str]:
    def spoil(place: Path) -> str:
        os.chown(place / path, ALICE, 0, follow_symlinks=False)
        return f"{place / path} belongs to user id {ALICE}"

    return spoil


def open_to(mode: int, path: str) -> Callable[[Path], str]:
    def spoil(place: Path) -> str:
        (place / path).chmod(mode)
        return f"{place / path} can be changed by others"

    return spoil


SPOILED = {
    "a directory of a group": open_to(0o2775, "release/bin"),
    "a sticky directory": open_to(0o1777, "release/bin"),
    "the link to the interpreter": theirs("current"),
    "the directory of the release": theirs("release"),
    "the program": theirs(f"release/bin/{NAME}"),
    "the program, written by its group": open_to(0o775, f"release/bin/{NAME}"),
    "the interpreter": theirs("release/bin/python"),
    "what names the interpreter": theirs("release/pyvenv.cfg"),
    "the directory of the modules": theirs("release/lib"),
    "a module": theirs("release/lib/ours.py"),
    "a module that others write": open_to(0o646, "release/lib/ours.py"),
}


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("kind", SPOILED)
def test_what_somebody_else_can_change_is_named(place: Path, kind: str) -> None:
    told = SPOILED[kind](place)
    with pytest.raises(Unavailable) as caught:
        for_root_later(NAME)
    assert caught.value.problem.startswith(told)
    assert caught.value.hint


@pytest.mark.usefixtures("program")
def test_the_hint_says_what_to_do(place: Path) -> None:
    (place / "release/lib").chmod(0o777)
    with pytest.raises(Unavailable) as caught:
        for_root_later(NAME)
    assert caught.value.hint.endswith(f"chmod go-w {place}/release/lib")
    (place / "release/lib").chmod(0o1777)  # as /tmp, which has to stay so
    with pytest.raises(Unavailable) as caught:
        for_root_later(NAME)
    assert "chmod" not in caught.value.hint


@pytest.mark.usefixtures("program")
def test_a_link_of_anybodys_to_the_program_is_resolved_once(place: Path) -> None:
    os.chown(place / "sbin" / NAME, ALICE, 0, follow_symlinks=False)
    (place / "sbin").chmod(0o2775)  # as /usr/local/sbin of older releases of Debian
    assert for_root_later(NAME)[-1] == str(place / "release/bin" / NAME)


@pytest.mark.usefixtures("program")
def test_a_link_to_another_program_is_refused(place: Path) -> None:
    (place / "release/bin/other").write_text("print('other 1')")
    (place / "release/bin/other").chmod(0o755)
    (place / "sbin" / NAME).unlink()
    (place / "sbin" / NAME).symlink_to("../release/bin/other")
    with pytest.raises(Unavailable, match=f"does not start {NAME}"):
        for_root_later(NAME)


@pytest.mark.usefixtures("program")
def test_a_program_that_starts_only_with_the_callers_modules_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(place / "release/lib"))
    (place / "release/bin" / NAME).write_text(f"import ours\nprint({NAME!r}, {__version__!r})")
    with pytest.raises(Unavailable, match="No module named 'ours'"):
        for_root_later(NAME)


def test_what_is_not_installed_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(place / "none")])
    with pytest.raises(Unavailable, match="is not installed"):
        for_root_later(NAME)


@pytest.fixture
def beside(place: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install another program beside ours, which runs; return the link that leads to the other."""
    for folder in ("release/bin", "bin"):
        (place / folder).mkdir(exist_ok=True)
    script, python = place / "release/bin/creds", place / "release/bin/python"
    script.write_text("raise SystemExit")
    script.chmod(0o755)
    (place / "bin/creds").symlink_to("../current/bin/creds")
    ours = place / "release/bin" / NAME
    ours.write_text(f"#!{python} -I\n{ours.read_text()}")
    (place / "release/lib/ours").mkdir()
    (place / "release/lib/ours/seldom.py").touch()
    monkeypatch.setattr(own_program, "PACKAGE", place / "release/lib/ours")
    monkeypatch.setattr(sys, "argv", [str(place / "bin/creds")])
    # The first link has the program in another directory: /usr/local/bin, /usr/local/sbin.
    assert program.parent == place / "sbin"
    return place / "current/bin" / NAME


def test_units_run_what_is_beside_the_program_by_a_path_that_outlives_the_release(
    beside: Path,
) -> None:
    assert path_for_root_later(NAME) == str(beside)


def test_units_of_users_run_what_users_can_start(place: Path, beside: Path) -> None:
    assert path_for_root_later(NAME) == str(beside)
    with pytest.raises(Unavailable, match=f"does not start {NAME} for users, so systemd cannot"):
        path_for_root_later(NAME, as_user=True)
    place.chmod(0o755)
    assert path_for_root_later(NAME, as_user=True) == str(beside)


def test_a_link_of_a_group_is_left_out(
    place: Path, beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = ModuleType("__main__")
    started.__file__ = sys.argv[0]
    modules = {**own_program._modules(), "__main__": started}
    monkeypatch.setattr(own_program, "_modules", lambda: modules)
    (place / "bin" / NAME).symlink_to(f"../current/bin/{NAME}")
    assert path_for_root_later(NAME) == str(place / "bin" / NAME)
    (place / "bin").chmod(0o2775)  # as /usr/local/bin of older releases of Debian
    assert path_for_root_later(NAME) == str(beside)
    os.chown(place / "current", ALICE, 0, follow_symlinks=False)
    with pytest.raises(Unavailable, match=f"{place}/current belongs to user id {ALICE}"):
        path_for_root_later(NAME)


SPOILED_FOR_UNITS = {
    **SPOILED,
    "a module that only the other program loads": theirs("release/lib/ours/seldom.py"),
    "the directory of a module of the other program": theirs("release/lib/ours"),
}


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("kind", SPOILED_FOR_UNITS)
def test_what_somebody_else_can_change_is_no_program_of_a_unit(place: Path, kind: str) -> None:
    told = SPOILED_FOR_UNITS[kind](place)
    with pytest.raises(Unavailable) as caught:
        path_for_root_later(NAME)
    assert caught.value.problem.startswith(told)
    assert f"no unit of root's may run {NAME}" in caught.value.problem
    assert caught.value.hint


@pytest.mark.usefixtures("beside")
def test_the_interpreter_that_the_first_line_names_is_looked_at(place: Path) -> None:
    (place / "other").mkdir()
    (place / "other/python").symlink_to(os.path.realpath("/usr/bin/python3"))
    ours = place / "release/bin" / NAME
    ours.write_text(f"#! {place}/other/python -I\nprint({NAME!r}, {__version__!r})")
    path_for_root_later(NAME)
    os.chown(place / "other", ALICE, 0)
    with pytest.raises(Unavailable, match=f"{place}/other belongs to user id {ALICE}"):
        path_for_root_later(NAME)


@pytest.mark.usefixtures("beside")
def test_a_program_that_is_not_beside_the_running_one_is_not_looked_for(place: Path) -> None:
    (place / "release/bin" / NAME).unlink()
    with pytest.raises(Unavailable, match=f"^{NAME} is not installed beside"):
        path_for_root_later(NAME)
    (place / "release/bin" / NAME).write_text("#!/bin/sh\necho other 1\n")
    (place / "release/bin" / NAME).chmod(0o755)
    with pytest.raises(Unavailable, match=f"does not start {NAME}"):
        path_for_root_later(NAME)
