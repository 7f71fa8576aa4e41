from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.errors import NoSuchFile, UsageError
from creds_session.session.login_hook import (
    Removal,
    hook_of,
    install,
    profile_directory,
    uninstall,
    with_line,
    without_line,
)
from tests.unit.service import CHECKOUT

LINE = b". hook"


@given(st.binary())
def test_removing_is_the_opposite_of_installing(content: bytes) -> None:
    if b". hook #" in content:
        return
    once = with_line(content, LINE)
    assert once != content
    assert with_line(once, LINE) == once
    assert without_line(once, LINE) == content


@pytest.mark.parametrize(
    ("shell", "there", "startup"),
    [
        ("bash", (), ".profile"),
        ("bash", (".profile",), ".profile"),
        ("bash", (".profile", ".bash_login"), ".bash_login"),
        ("bash", (".bash_profile", ".bash_login"), ".bash_profile"),
        ("dash", (".bash_profile",), ".profile"),
        ("zsh", (".profile",), ".zprofile"),
    ],
)
def test_the_line_goes_where_the_shell_reads_it(
    tmp_path: Path, shell: str, there: tuple[str, ...], startup: str
) -> None:
    for name in there:
        (tmp_path / name).write_bytes(b"# mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    hook = hook_of(shell, {"HOME": str(tmp_path)})
    changed = install(hook, b"the hook")
    assert changed == [tmp_path / ".config/creds-session/hook.sh", tmp_path / startup]
    assert install(hook, b"the hook") == []
    assert changed[0].read_bytes() == b"the hook"
    is_new = startup not in there
    removed, rest = ([changed[1], changed[0]], []) if is_new else ([changed[0]], [changed[1]])
    assert uninstall(hook) == Removal(removed, rest)
    left = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == before
    assert uninstall(hook) == Removal([], [])


def test_a_startup_file_of_ones_own_is_never_removed(tmp_path: Path) -> None:
    hook = hook_of("sh", {"HOME": str(tmp_path)})
    profile = tmp_path / ".profile"
    profile.touch()
    install(hook, b"the hook")
    assert uninstall(hook) == Removal([hook.copy], [profile])
    assert profile.read_bytes() == b""
    profile.unlink()
    install(hook, b"the hook")
    with profile.open("ab") as file:
        file.write(b"# mine\n")
    assert uninstall(hook) == Removal([hook.copy], [profile])
    assert profile.read_bytes() == b"# mine\n"


def test_the_target_of_a_link_is_never_removed(tmp_path: Path) -> None:
    hook = hook_of("sh", {"HOME": str(tmp_path)})
    (tmp_path / ".profile").symlink_to(tmp_path / "dotfile")
    install(hook, b"the hook")
    assert uninstall(hook) == Removal([hook.copy], [tmp_path / ".profile"])
    assert (tmp_path / "dotfile").read_bytes() == b""


def test_a_file_that_was_created_and_then_moved_behind_a_link_stays(tmp_path: Path) -> None:
    hook = hook_of("sh", {"HOME": str(tmp_path)})
    install(hook, b"the hook")
    (tmp_path / ".profile").rename(tmp_path / "dotfile")
    (tmp_path / ".profile").symlink_to("dotfile")
    assert uninstall(hook) == Removal([hook.copy], [tmp_path / ".profile"])
    assert (tmp_path / ".profile").is_symlink()


def test_fish_reads_the_hook_itself(tmp_path: Path) -> None:
    environ = {"HOME": "/nonexistent", "XDG_CONFIG_HOME": str(tmp_path)}
    hook = hook_of("fish", environ)
    assert install(hook, b"hook") == [tmp_path / "fish/conf.d/creds-session.fish"]
    assert uninstall(hook) == Removal([tmp_path / "fish/conf.d/creds-session.fish"], [])


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "profile"
    real.write_bytes(b"x\n")
    real.chmod(0o600)
    (tmp_path / ".profile").symlink_to(real)
    install(hook_of("sh", {"HOME": str(tmp_path)}), b"hook")
    assert (tmp_path / ".profile").is_symlink()
    assert real.read_bytes().startswith(b"x\n[ ")
    assert real.stat().st_mode & 0o777 == 0o600


def test_a_shell_without_a_hook_is_named() -> None:
    with pytest.raises(UsageError, match="tcsh") as caught:
        hook_of("tcsh", {"HOME": "/x"})
    assert "run creds unlock by hand" in caught.value.hint
    assert "sh, dash, ksh, ash, bash, zsh and fish" in caught.value.hint


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["--shell", "bash"], "creds-session.sh"),
        (["--shell", "fish"], "creds-session.fish"),
        (["--unit", "unlock"], "creds-session-unlock.service"),
    ],
)
def test_the_command_finds_the_hook_in_a_checkout(words: list[str], file: str) -> None:
    argv = [sys.executable, "-m", "creds_session", "hook", "print", *words]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith((CHECKOUT / "scripts/profile" / file).read_bytes())


def test_an_installation_without_the_hook_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile, match="login hook") as caught:
        profile_directory(tmp_path / "creds_session")
    assert caught.value.hint == "install creds-session again"
