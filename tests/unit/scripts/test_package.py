"""What `pip` gets: archives that depend on the sources alone, with everything that belongs in them.

scripts/packaging is compared with setup.cfg here. tests/machine/setup_pam/test_debian_package.py
builds and installs the packages.
"""

from __future__ import annotations

import configparser
import email
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from creds_session.version import __version__

CHECKOUT = Path(__file__).parents[3]
PACKAGING = CHECKOUT / "scripts" / "packaging"
BUILD = (
    "import sys; from setuptools import build_meta as hooks;"
    " print(getattr(hooks, sys.argv[1])(sys.argv[2]))"
)
ROOT = f"creds_session-{__version__}"


def test_each_removal_asks_in_the_same_words_whether_pam_is_changed() -> None:
    """Dpkg runs postrm when there is no other file of the package, so the function is copied."""
    places = (
        *(PACKAGING / "debian" / f"creds-session.{name}" for name in ("prerm", "postrm")),
        CHECKOUT / "scripts" / "lib" / "uninstall.sh",
    )
    found = [
        re.findall(r"^is_pam_changed\(\) \{\n.*?^\}\n", place.read_text(), re.DOTALL | re.MULTILINE)
        for place in places
    ]
    assert [len(one) for one in found] == [1, 1, 1]
    assert found[0] == found[1] == found[2]


def triggers() -> list[str]:
    """Return the scripts by which the packages check PAM after an update of another package."""
    spec = (PACKAGING / "rpm/creds-session.spec").read_text()
    in_rpm = re.findall(r"^%transfiletrigger\w+ -- .*\n((?:[^%\n].*\n)+)", spec, re.MULTILINE)
    assert len(in_rpm) == 2
    return [(PACKAGING / "debian/creds-session.postinst").read_text(), *in_rpm]


@pytest.mark.parametrize("status", [0, 1, 70, 124, 127, 137])
def test_no_check_after_an_update_fails_the_other_package(tmp_path: Path, status: int) -> None:
    stand_in = tmp_path / "timeout"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/called\nexit {status}\n')
    stand_in.chmod(0o755)
    for script in triggers():
        done = subprocess.run(
            ["sh", "-e", "-c", script, "script", "triggered"],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            check=False,
        )
        assert done.returncode == 0
    called = (tmp_path / "called").read_text().splitlines()
    assert called == ["-k 5 60 /usr/bin/creds-setup-pam check --after-update"] * 3


def test_every_time_limit_of_a_script_also_kills() -> None:
    """A program that ignores SIGTERM must not hold up an installation."""
    scripts = CHECKOUT / "scripts"
    texts = [path.read_text("utf-8") for path in (scripts / "install", *scripts.glob("lib/*.sh"))]
    limits = re.findall(r"\btimeout (?:-k \d+ )?\d+", "".join(texts))
    assert len(limits) == 4
    assert [limit for limit in limits if "-k" not in limit] == []


def test_a_check_after_an_update_that_does_not_end_is_killed(tmp_path: Path) -> None:
    """A check that ignores SIGTERM must not hold up the installation of the other package."""
    hangs = tmp_path / "hangs"
    hangs.write_text("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.1; done\n")
    hangs.chmod(0o755)
    for script in triggers():
        assert script.count("timeout -k 5 60 /usr/bin/creds-setup-pam ") == 1
        quick = script.replace("-k 5 60 /usr/bin/creds-setup-pam", f"-k 1 1 {hangs}")
        command = ["sh", "-e", "-c", quick, "script", "triggered"]
        assert subprocess.run(command, timeout=20, check=False).returncode == 0


def build(kind: str, tree: Path, made: Path, *, umask: int = 0o022) -> Path:
    """Call a hook of PEP 517 as pip and build do."""
    made.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, f"build_{kind}", str(made)],
        cwd=tree,
        umask=umask,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return made / done.stdout.splitlines()[-1]


def copy(target: Path, *, mode: int, time: int) -> Path:
    """Copy the sources as another checkout has them: other times, and another umask."""
    for name in ("creds_session", "pam.d", "scripts", "setup.py", "setup.cfg", "pyproject.toml"):
        source = CHECKOUT / name
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target / name, ignore=ignore)
        else:
            shutil.copy2(source, target / name)
    shutil.copytree(CHECKOUT / "docs" / "man", target / "docs" / "man")
    for name in ("README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy2(CHECKOUT / name, target / name)
    for path in target.rglob("*"):
        path.chmod(path.stat().st_mode & mode)
        os.utime(path, (time, time))
    return target


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """Two source distributions of two checkouts, and a wheel of each."""
    place = tmp_path_factory.mktemp("built")
    made: list[Path] = []
    for number, (mode, umask) in enumerate(((0o777, 0o022), (0o700, 0o077))):
        here = place / str(number)
        here.mkdir()
        (here / "checkout").mkdir()
        tree = copy(here / "checkout", mode=mode, time=10**9 + number)
        sdist = build("sdist", tree, here / "made", umask=umask)
        with tarfile.open(sdist) as archive:
            archive.extractall(here)  # noqa: S202 # it was made above
        made += [sdist, build("wheel", here / ROOT, here / "made", umask=umask)]
    return made


def test_another_checkout_on_another_day_makes_the_same_bytes(built: Sequence[Path]) -> None:
    sdist, wheel, other_sdist, other_wheel = built
    assert sdist.read_bytes() == other_sdist.read_bytes()
    assert wheel.read_bytes() == other_wheel.read_bytes()


def test_the_source_distribution_has_what_a_distribution_packages(built: Sequence[Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = set(archive.getnames())
        entries = {(entry.uid, entry.gid, entry.uname, entry.mtime) for entry in archive}
        modes = {entry.name: entry.mode for entry in archive}
    wanted = [
        *("CHANGELOG.md", "LICENSE", "pam.d/creds-session", "scripts/install", "scripts/package"),
        *("scripts/packaging/debian/rules", "scripts/packaging/rpm/creds-session.spec"),
    ]
    assert {f"{ROOT}/{name}" for name in wanted} <= names
    assert not [name for name in names if name.endswith(".pyc") or "__pycache__" in name]
    assert len(entries) == 1
    assert modes[f"{ROOT}/scripts/install"] == 0o755
    assert modes[f"{ROOT}/setup.cfg"] == 0o644


def test_the_wheel_has_hooks_units_and_every_module(built: Sequence[Path]) -> None:
    with zipfile.ZipFile(built[1]) as wheel:
        names = set(wheel.namelist())
        metadata = email.message_from_bytes(wheel.read(f"{ROOT}.dist-info/METADATA"))
    modules = [path.relative_to(CHECKOUT) for path in (CHECKOUT / "creds_session").rglob("*.py")]
    assert {str(module) for module in modules} <= names
    profile = (CHECKOUT / "scripts" / "profile").iterdir()
    assert {f"creds_session/profile/{path.name}" for path in profile} <= names
    shared = {name.partition(".data/data/share/")[2] for name in names}
    for path in (CHECKOUT / "docs" / "man").iterdir():
        assert f"man/man{path.suffix[1:]}/{path.name}" in shared
    for shell, place in (
        ("bash", "bash-completion/completions"),
        ("zsh", "zsh/site-functions"),
        ("fish", "fish/vendor_completions.d"),
    ):
        for path in (CHECKOUT / "scripts" / "completions" / shell).iterdir():
            assert f"{place}/{path.name}" in shared
    for path in (CHECKOUT / "scripts" / "monitoring").iterdir():
        assert f"doc/creds-session/examples/monitoring/{path.name}" in shared
    assert "creds_session/py.typed" in names
    assert metadata["Version"] == __version__


def test_the_wheel_has_a_bill_of_materials_made_from_its_metadata(built: Sequence[Path]) -> None:
    name = f"{ROOT}.dist-info/sboms/creds-session.cdx.json"
    with zipfile.ZipFile(built[1]) as wheel:
        bill = json.loads(wheel.read(name))
        metadata = email.message_from_bytes(wheel.read(f"{ROOT}.dist-info/METADATA"))
        recorded = wheel.read(f"{ROOT}.dist-info/RECORD").decode()
    assert f"{name},sha256=" in recorded
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.7")
    product = bill["metadata"]["component"]
    assert (product["name"], product["version"]) == (metadata["Name"], metadata["Version"])
    assert product["licenses"] == [{"license": {"id": metadata["License"]}}]
    required = {
        f"{external['name']}{external['versionRange'].replace('vers:pypi/', '')}"
        for external in bill["components"]
        if external["isExternal"]
    }
    stated = {line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert required == stated
    assert {ref for one in bill["dependencies"] for ref in one["dependsOn"]} == {
        external["bom-ref"] for external in bill["components"]
    }


def test_the_metadata_name_no_address_that_does_not_exist(built: Sequence[Path]) -> None:
    with zipfile.ZipFile(built[1]) as wheel:
        metadata = email.message_from_bytes(wheel.read(f"{ROOT}.dist-info/METADATA"))
    assert metadata["Home-page"] is None
    assert metadata.get_all("Project-URL") is None  # docs/how-to/install-a-package.md says why
    assert "Development Status :: 5 - Production/Stable" in metadata.get_all("Classifier", [])


def test_every_python_that_is_tested_is_named() -> None:
    pins = (CHECKOUT / "tests" / "pins").glob("python-*.txt")
    tested = {path.stem.partition("-")[2] for path in pins}
    classifiers = settings()["metadata"]["classifiers"]
    assert set(re.findall(r"Python :: (3\.\d+)", classifiers)) == tested


def test_every_package_has_the_same_version() -> None:
    version = settings()["metadata"]["version"]
    assert version == __version__
    assert (PACKAGING / "debian/changelog").read_text().startswith(f"creds-session ({version}-")
    spec = (PACKAGING / "rpm/creds-session.spec").read_text()
    assert re.findall(r"^Version: +(\S+)$", spec, re.MULTILINE) == [version]


def test_the_debian_package_needs_what_pip_would_install() -> None:
    names = {"python-pam": "pampy"}
    wanted = settings()["options"]["install_requires"]
    required = re.findall(r"^([\w-]+)>=(\S+)$", wanted, re.MULTILINE)
    control = (PACKAGING / "debian/control").read_text()
    for name, version in required:
        assert f"python3-{names.get(name, name)} (>= {version})" in control


def settings() -> configparser.ConfigParser:
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    return setup


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 64, "which kind of package?"),
        (("snap",), 64, "snap: no such kind of package"),
        (("deb", "rpm"), 64, "one kind of package at a time"),
        (("deb", "--output"), 64, "--output needs a value"),
    ],
)
def test_a_mistyped_command_says_what_is_wrong(
    words: Sequence[str], status: int, said: str
) -> None:
    script = CHECKOUT / "scripts" / "package"
    done = subprocess.run([script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert said in done.stderr


@pytest.mark.parametrize(
    ("report", "status"),
    [
        ("N: why\nO: creds-session: no-manual-page [usr/bin/creds]\nM: creds-session: a-tag", 0),
        ("P: creds-session source: redundant-priority-optional-field [debian/control:3]", 0),
        ("W: creds-session source: redundant-priority-optional-fields", 65),
        ("O: creds-session: a-tag\nP: creds-session source: another-tag", 65),
    ],
)
def test_what_lintian_finds_and_nobody_overrides_is_an_error(
    tmp_path: Path, report: str, status: int
) -> None:
    stand_ins = {
        "dpkg-buildpackage": "touch ../creds-session.changes",
        # Debian 12's lintian ends with 2 after the first report.
        "lintian": f"case $* in *--fail-on=none*) ;; *) exit 2 ;; esac\ncat <<'END'\n{report}\nEND",
    }
    for name, script in stand_ins.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [CHECKOUT / "scripts" / "package", "deb", "--output", tmp_path / "made"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert report in done.stderr
    assert (tmp_path / "made").is_dir() == (status == 0)
