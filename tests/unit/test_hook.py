"""The login hook under each POSIX shell: silent, harmless, and leaves no name behind."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

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
    assert {name for name in names[1] - names[0] if name.isidentifier()} <= {"_", "PIPESTATUS"}


def test_it_asks_nobody_where_there_is_no_terminal(shell: list[str], tmp_path: Path) -> None:
    bus = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}
    done = source(shell, tmp_path, ". HOOK", **bus)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "calls").exists()


def test_it_is_harmless_when_creds_is_gone(shell: list[str], tmp_path: Path) -> None:
    done = source(shell, tmp_path, f"rm {tmp_path}/bin/creds; . HOOK")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
