"""Measure the login hook after the keyring was seen unlocked, in shells that a person uses."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

from creds_session.session.unlock.unlocked_note import start_time
from scripts.benchmarks.processes import CHECKOUT
from scripts.benchmarks.turns import medians, print_table

HOOK = CHECKOUT / "scripts/profile/creds-session.sh"
SHELLS = ("dash", "bash")
TIMES = 100  # that a shell reads the hook in one run


def measure(folder: Path, runs: int) -> None:
    """Measure how many milliseconds the hook adds to the start of a shell."""
    place = folder / "hook"
    (place / ".local/share/keyrings").mkdir(parents=True)
    (place / "creds-session").mkdir()
    (place / ".local/share/keyrings/login.keyring").touch()
    daemon = place / "gnome-keyring-d"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", daemon)
    with subprocess.Popen([daemon, "600"]) as process:
        while Path(f"/proc/{process.pid}/comm").read_text("utf-8") != "gnome-keyring-d\n":
            time.sleep(0.01)
        note = f"{process.pid} {start_time(process.pid)} unix:path=/x\n"
        (place / "creds-session/unlocked").write_text(note, "utf-8")
        for path in (folder, place, *place.rglob("*")):
            path.chmod(0o755)
        jobs = {
            f"{shell}, {name}": partial(_read, shell, line, place)
            for shell in SHELLS
            for name, line in (("nothing", ":"), ("the hook", f". {HOOK}"))
        }
        found = medians(jobs, runs)
        process.kill()
    print_table(
        ("a login shell, keyring seen unlocked", "ms for the hook"),
        ((shell, f"{_hook_alone(found, shell) * 1e3:.2f}") for shell in SHELLS),
    )


def _hook_alone(found: dict[str, float], shell: str) -> float:
    return (found[f"{shell}, the hook"] - found[f"{shell}, nothing"]) / TIMES


def _read(shell: str, line: str, place: Path) -> None:
    """Read a line many times in one shell, at a terminal and not as root."""
    import pexpect  # only here

    script = f"i=0; while [ $i -lt {TIMES} ]; do {line}; i=$((i+1)); done; echo read"
    as_nobody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    argv = [*as_nobody, shell, "-i", "-c", script]
    environment = {"HOME": str(place), "XDG_RUNTIME_DIR": str(place), "PATH": "/usr/bin:/bin"}
    environment["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/x"
    child = pexpect.spawn(argv[0], argv[1:], env=environment, encoding="utf-8", timeout=60)
    shown = child.read()
    child.close()
    if shown.strip().splitlines()[-1:] != ["read"]:
        raise SystemExit(f"bench: {shell} said: {shown}")
