from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from creds_session.credentials.locked import _of_another
from creds_session.errors import CollectionLocked, CredsSessionError, Unavailable
from creds_session.facts.collection_state import CollectionState
from tests.unit.alone import ALONE

ALICE = "/org/freedesktop/secrets/collection/alice"


@pytest.mark.parametrize(
    ("path", "state", "kind", "words"),
    [
        (ALICE, CollectionState.LOCKED, CollectionLocked, "alice, which x (pid 7) serves, is"),
        (
            ALICE,
            CollectionState.GHOST,
            Unavailable,
            "here, but has no keyring alice",
        ),
        ("/", CollectionState.ABSENT, Unavailable, "no default keyring that programs can use"),
    ],
)
def test_what_another_provider_lacks_is_named(
    path: str, state: CollectionState, kind: type[CredsSessionError], words: str
) -> None:
    told = _of_another("x (pid 7)", path, state)
    assert type(told) is kind
    assert words in told.problem


@pytest.mark.parametrize(
    ("owner", "words", "never"),
    [
        ("kwalletd6 (pid 7)", "KWallet", "KeePassXC"),
        ("ksecretd (pid 7)", "KWallet", "KeePassXC"),
        ("keepassxc (pid 7)", "KeePassXC", "KWallet"),
        ("oo7-daemon (pid 7)", "in that program", "KWallet"),
    ],
)
def test_the_hint_is_about_the_program_that_serves(owner: str, words: str, never: str) -> None:
    for path, state in (("/", CollectionState.ABSENT), ("/x/mine", CollectionState.LOCKED)):
        hint = _of_another(owner, path, state).hint
        assert words in hint or state is CollectionState.LOCKED
        assert never not in hint


@pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="needs dbus-daemon")
@pytest.mark.parametrize("line", ["creds get svc me", "creds unlock", "creds unlock --create"])
def test_a_missing_daemon_is_named_before_anything_is_advised(
    python: list[str], short: Path, line: str
) -> None:
    missing = (
        "import creds_session.system.processes.proc as p; p.find_program = lambda name: None\n"
    )
    code = (
        f"import sys; sys.path.insert(0, {python[1]!r}); sys.argv = {line.split()!r}\n{ALONE}"
        f"{missing}from creds_session.cli.creds.main import main; sys.exit(main())"
    )
    services = short / "config"
    services.write_text(
        "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>"
        "<policy context='default'><allow send_destination='*' eavesdrop='true'/>"
        "<allow eavesdrop='true'/><allow own='*'/></policy></busconfig>"
    )
    with nothing_to_start(short, services) as address:
        done = subprocess.run(
            [python[0], "-I", "-c", code],
            env={"PATH": os.defpath, "HOME": str(short), "DBUS_SESSION_BUS_ADDRESS": address},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
    assert done.returncode == 69, done
    assert "gnome-keyring-daemon is not installed" in done.stderr
    assert "install" in done.stderr.splitlines()[1]
    assert "--create" not in done.stderr


@contextmanager
def nothing_to_start(folder: Path, config: Path) -> Iterator[str]:
    """Run a bus that knows no program to start."""
    address = f"unix:path={folder}/bus"
    argv = ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"]
    with subprocess.Popen([*argv, f"--address={address}"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield address
        process.terminate()
