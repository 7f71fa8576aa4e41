from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from creds_session.cli.setup_pam.main import main

SSHD = b"auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_unix.so\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "etc/pam.d"
    folder.mkdir(parents=True)
    (folder / "sshd").write_bytes(SSHD)
    (folder / "mine").write_bytes(SSHD.replace(b"auth required", b"auth sufficient"))
    (folder / "broken").write_bytes(b"auth required a.so \\")
    return tmp_path


def call(monkeypatch: pytest.MonkeyPatch, root: Path, line: str) -> int:
    argv = ["creds-setup-pam", "--root", str(root), *line.split()]
    monkeypatch.setattr(sys, "argv", argv)
    return main()


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("explain", "PAM service sshd, as libpam (1.6.0 or later) runs it"),
        ("explain --format text --service mine", "PAM service mine, as libpam"),
        ("--service mine explain", "PAM service mine, as libpam"),
        ("explain --ascii", "PAM service sshd"),
        ("explain --json", "{"),
        ("explain --format json", "{"),
        ("explain --json --format json", "{"),
        ("explain --format dot", "digraph pam {"),
        ("explain --format svg", "<svg xmlns="),
    ],
)
def test_each_format_exits_0(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    root: Path,
    line: str,
    first: str,
) -> None:
    before = sorted(root.rglob("*"))
    assert call(monkeypatch, root, line) == 0
    out, err = capsys.readouterr()
    assert out.startswith(first)
    assert out.endswith("\n")
    assert not out.endswith("\n\n")
    assert (err, "\033" in out) == ("", False)
    assert sorted(root.rglob("*")) == before


def test_json_and_svg_are_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    call(monkeypatch, root, "explain --json")
    values = json.loads(capsys.readouterr().out)
    assert (values["schema"], values["service"], values["dialect"]) == (1, "sshd", "upstream_1_7")
    call(monkeypatch, root, "explain --format svg")
    assert ET.fromstring(capsys.readouterr().out).tag.endswith("svg")  # noqa: S314


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("explain --service gone", 66, "no PAM service 'gone'"),
        ("explain --service ../pam.d/sshd", 66, "no PAM service"),
        ("explain --service broken", 65, "libpam cannot load the service broken: "),
        ("explain --service sshd --service mine", 64, "explain takes one --service"),
        ("explain --json --format svg", 64, "--json or --format svg, not both"),
    ],
)
def test_what_cannot_be_explained(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    root: Path,
    line: str,
    code: int,
    words: str,
) -> None:
    assert call(monkeypatch, root, line) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


class Screen(io.StringIO):
    """A terminal, or whatever takes the output."""

    def __init__(self, name: str = "utf-8", *, is_terminal: bool = True) -> None:
        super().__init__()
        self.name, self.is_terminal = name, is_terminal

    encoding = property(lambda self: self.name)

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize(
    ("screen", "variables", "is_coloured", "has_boxes"),
    [
        (Screen(), {}, True, True),
        (Screen("UTF8"), {"NO_COLOR": ""}, True, True),
        (Screen(), {"NO_COLOR": "1"}, False, True),
        (Screen(), {"TERM": "dumb"}, False, True),
        (Screen(), {"TERM": ""}, False, True),
        (Screen(is_terminal=False), {}, False, True),
        (Screen("iso-8859-1"), {}, True, False),
        (Screen("ascii", is_terminal=False), {}, False, False),
    ],
)
def test_colours_and_boxes_where_they_can_be_shown(
    monkeypatch: pytest.MonkeyPatch,
    root: Path,
    screen: Screen,
    variables: dict[str, str],
    is_coloured: bool,
    has_boxes: bool,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", screen)
    assert call(monkeypatch, root, "explain") == 0
    text = screen.getvalue()
    assert ("\033[" in text, "─" in text) == (is_coloured, has_boxes)
    assert has_boxes or text.isascii()
