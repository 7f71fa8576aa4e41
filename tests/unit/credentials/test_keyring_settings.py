from __future__ import annotations

import sys
from pathlib import Path

import keyring
import pytest
from keyring.backends.null import Keyring as Null
from keyring.util import platform_

from creds_session.credentials.keyring_settings import read_keyring_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)
    return tmp_path


def test_nothing_is_configured(home: Path) -> None:
    seen = read_keyring_settings({"HOME": str(home)})
    assert seen[1:] == (False, None, (), {}, "")
    assert {"keyring", "secretstorage"} <= seen.packages.names


@pytest.mark.usefixtures("home")
def test_a_backend_that_is_set_is_seen() -> None:
    keyring.set_keyring(Null())  # type: ignore[no-untyped-call]
    assert read_keyring_settings({}).is_chosen


@pytest.mark.parametrize("variable", [None, "XDG_CONFIG_HOME", "XDG_DATA_HOME"])
def test_its_configuration_is_found_where_keyring_finds_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    if variable:
        monkeypatch.setenv(variable, str(home / "elsewhere"))
    folder = home / ("elsewhere" if variable else ".config") / "python_keyring"
    folder.mkdir(parents=True)
    (folder / "keyringrc.cfg").touch()
    assert read_keyring_settings({}).files == (str(folder / "keyringrc.cfg"),)
    if variable != "XDG_DATA_HOME":
        # keyring before 23.2 returns text.
        assert Path(platform_.config_root(), "keyringrc.cfg") == folder / "keyringrc.cfg"


@pytest.mark.usefixtures("home")
def test_properties_are_read_as_keyring_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"KEYRING_PROPERTY_SCHEME": "default", "A_KEYRING_PROPERTY_B": "c", "KEYRING": "d"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    backend = Null()  # type: ignore[no-untyped-call]
    assert (
        vars(backend)
        == read_keyring_settings(environ).properties
        == {"scheme": "default", "b": "c"}
    )


def test_packages_with_backends_are_found_by_their_entry_points(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {
        "keyring-25.dist-info": "[keyring.backends]\na = b",
        "mine-1.dist-info": "[keyring.backends]\na = b",
        "other-1.egg-info": "[console_scripts]\na = b",
        "none-1.dist-info": None,
    }.items():
        (home / name).mkdir()
        if text is not None:
            (home / name / "entry_points.txt").write_text(text)
    (home / "archive.zip").touch()
    monkeypatch.setattr(sys, "path", [str(home), f"{home}/archive.zip", f"{home}/nowhere"])
    packages = read_keyring_settings({}).packages
    assert packages.backends == ("mine-1.dist-info",)
    assert packages.unseen == (f"{home}/archive.zip",)
