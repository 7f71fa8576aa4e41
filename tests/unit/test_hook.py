"""The login hook under each POSIX shell: silent, harmless, and leaves no name behind."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

HOOK = Path(__file__).parents[2] / "scripts" / "profile" / "creds-session.sh"
SHELLS = [
    ["dash"],
    ["bash"],
    ["bash", "--posix"],
    ["busybox", "sh"],
    ["ksh"],
    ["zsh", "--emulate", "sh"],
]
CREDS = '#!/bin/sh\necho called >>"$HOME/calls"\nexit 77\n'


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> list[str]:
    argv: list[str] = request.param
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    return argv


def source(
    shell: list[str], home: Path, script: str, *options: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    (home / "bin").mkdir(exist_ok=True)
    creds = home / "bin" / "creds"
    creds.write_text(CREDS)
    creds.chmod(0o755)
    return subprocess.run(
        [*shell, *options, "-c", script.replace("HOOK", str(HOOK))],
        env={"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("options", ["-eu", "-e", "-u"])
def test_it_never_fails_nor_speaks_nor_leaves_a_name(
    shell: list[str], tmp_path: Path, options: str
) -> None:
    script = "set >before; . HOOK; echo $?; set >after"
    done = source(shell, tmp_path, f"cd {tmp_path}; {script}", options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
    names = [
        {line.partition("=")[0] for line in (tmp_path / file).read_text().splitlines()}
        for file in ("before", "after")
    ]
    assert {name for name in names[1] - names[0] if name.isidentifier()} <= {
        "_",
        "PIPESTATUS",
        "_AST_FEATURES",
    }


def test_it_asks_nobody_where_there_is_no_terminal(shell: list[str], tmp_path: Path) -> None:
    bus = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}
    done = source(shell, tmp_path, ". HOOK", **bus)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "calls").exists()


def test_it_is_harmless_when_creds_is_gone(shell: list[str], tmp_path: Path) -> None:
    done = source(shell, tmp_path, f"rm {tmp_path}/bin/creds; . HOOK")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def at_a_terminal(shell: list[str], home: Path, creds: str) -> str:
    """Return what the hook shows to someone, not root, who logs in at a terminal."""
    (home / "bin").mkdir()
    (home / "bin" / "creds").write_text(creds)
    (home / "bin" / "creds").chmod(0o755)
    script = f"id() {{ echo 1000; }}; echo '<'; . {HOOK}; echo \">$?\""
    person = pexpect.spawn(
        shell[0],
        [*shell[1:], "-i", "-c", script],
        env={
            "HOME": str(home),
            "PATH": f"{home}/bin:/usr/bin:/bin",
            "TERM": "dumb",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
        },
        encoding="utf-8",
        timeout=20,
    )
    shown = str(person.read())
    person.close()
    return shown[shown.index("<") + 1 :].strip()


def test_it_unlocks_where_someone_is_at_a_terminal(shell: list[str], tmp_path: Path) -> None:
    creds = '#!/bin/sh\n[ "$1" = --version ] && echo creds 0 || echo "asks: $*" >&2\n'
    assert at_a_terminal(shell, tmp_path, creds).split() == ["asks:", "unlock", "--quiet", ">0"]


@pytest.mark.parametrize(
    "creds", ["#!/bin/sh\necho Traceback >&2\nexit 1\n", "#!/nonexistent/python3\n"]
)
def test_it_is_silent_when_creds_is_broken(shell: list[str], tmp_path: Path, creds: str) -> None:
    assert at_a_terminal(shell, tmp_path, creds) == ">0"
