"""What the examples of the pages print is what the commands print.

A block that begins with ```console is run: a line that begins with ``$`` is typed, and the lines
below it are standard output, in which ``…`` stands for any text. The blocks of a page share one
shell. Messages on standard error are not compared, nor are blocks of other kinds.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

CHECKOUT = Path(__file__).parents[2]
PASSWORD = "keyring password"  # as the pages have it
CODE = """\
#!{python}
import sys
sys.path.insert(0, {checkout!r})
from {module} import {function}
sys.exit({function}())
"""
BEGIN = f"printf '%s\\n%s\\n' '{PASSWORD}' '{PASSWORD}' | creds unlock --create --password-stdin\n"
PAGES = sorted(
    page for page in (CHECKOUT / "docs").rglob("*.md") if "```console\n" in page.read_text("utf-8")
)


class Example(NamedTuple):
    """A command, and what it prints."""

    command: str
    output: str


def examples(text: str) -> list[Example]:
    """Return the examples of a page, in order."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        assert block.startswith("$ "), block
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Example(command, output))
    return found


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    """Give the environment of a session, in a directory whose path is short enough for sockets."""
    missing = [one for one in ("gnome-keyring-daemon", "dbus-run-session") if not shutil.which(one)]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="examples-") as place:
        programs = Path(place, "bin")
        programs.mkdir()
        _make_programs(programs)
        for name in ("home", "run"):
            Path(place, name).mkdir(mode=0o700)
        _make_image(Path(place, "home", "image"))
        yield {
            "HOME": f"{place}/home",
            "XDG_RUNTIME_DIR": f"{place}/run",
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin",
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def _make_programs(place: Path) -> None:
    """Make the programs that an installation would make, with the checkout's code."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg", "utf-8")
    for line in setup["options.entry_points"]["console_scripts"].strip().splitlines():
        name, module, function = re.split(r"\s*[=:]\s*", line.strip())
        code = CODE.format(
            python=sys.executable, checkout=str(CHECKOUT), module=module, function=function
        )
        (place / name).write_text(code, "utf-8")
        (place / name).chmod(0o755)


def _make_image(root: Path) -> None:
    """Make a Debian system of the files that creds-setup-pam looks at."""
    shutil.copytree(CHECKOUT / "pam.d/debian/before", root / "etc/pam.d")
    module = "usr/lib/x86_64-linux-gnu/security/pam_gnome_keyring.so"
    empty = ("usr/sbin/sshd", "usr/bin/gnome-keyring-daemon", module, "etc/pam.d/other")
    for name in empty:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("", "utf-8")
    status = "Package: libpam0g\nStatus: install ok installed\nVersion: 1.5.2-6\n"
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(status, "utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_print_what_the_page_says(page: Path, environ: dict[str, str]) -> None:
    wanted = examples(page.read_text("utf-8"))
    script = BEGIN + "".join(f"{one.command}\nprintf '\\0'\n" for one in wanted)
    done = subprocess.run(
        ["dbus-run-session", "--", "bash", "-c", script],
        cwd=environ["HOME"],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    seen = done.stdout.decode().split("\0")[:-1]
    assert len(seen) == len(wanted), done.stderr.decode()
    for example, output in zip(wanted, seen):
        pattern = ".*".join(map(re.escape, example.output.split("…")))
        assert re.fullmatch(pattern, output, re.DOTALL), (example, output, done.stderr.decode())


def test_there_are_examples() -> None:
    assert PAGES
