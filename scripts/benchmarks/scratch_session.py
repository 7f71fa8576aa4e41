"""Make a session to measure in: a home, a session bus and an unlocked keyring of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.benchmarks.processes import installed, program

PASSWORD = b"of the bench"
CONFIG = """\
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""
NEEDED = ("dbus-daemon", "gnome-keyring-daemon")


@contextmanager
def scratch_session(folder: Path) -> Iterator[dict[str, str] | None]:
    """Yield the environment variables of a session whose login keyring is unlocked.

    Yield None, and say why, if a program that a session needs is not installed. The compiled
    package lies in ``folder``, and all sessions share it.
    """
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        print(f"\nnot installed, no session measured: {', '.join(missing)}")
        yield None
        return
    home = Path(tempfile.mkdtemp(prefix="home-", dir=folder))
    variables = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PYTHONPATH": installed(folder)}
    variables |= dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "GNOME_KEYRING_CONTROL"), "")
    (home / "bus.conf").write_text(CONFIG, "utf-8")
    words = ["dbus-daemon", f"--config-file={home}/bus.conf", "--nofork", "--print-address"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as bus:
        try:
            printed = bus.stdout.readline() if bus.stdout else ""
            variables["DBUS_SESSION_BUS_ADDRESS"] = printed.strip()
            _create_keyring(variables)
            yield variables
        finally:
            bus.terminate()


def _create_keyring(variables: dict[str, str]) -> None:
    unlock = [*program("creds"), "unlock", "--create", "--password-stdin"]
    subprocess.run(
        unlock,
        input=PASSWORD + b"\n" + PASSWORD,
        env={**os.environ, **variables},
        check=True,
        stderr=subprocess.DEVNULL,
    )
