"""The man pages are as the parsers and the reference pages have them, and man and mandoc read them.

What is compared does not depend on the version of Python: of argparse, only the arguments and their
texts are used, and not the way in which it breaks lines.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.cli.creds.main import COMMANDS
from creds_session.cli.doctor import main as doctor
from creds_session.cli.setup_pam import main as setup_pam
from creds_session.doctor.checks import CHECKS
from scripts.documents import arguments, roff
from scripts.documents.man_pages import pages
from scripts.documents.parsers import command_parsers, creds_parser

CHECKOUT = Path(__file__).parents[3]
FOLDER = CHECKOUT / "docs" / "man"
NAMES = sorted(path.name for path in FOLDER.iterdir())
SECTION = re.compile(r"^\.SH (.*)\n", re.MULTILINE)
FONT = re.compile(r"\\f[A-Z]")
REFERENCE = re.compile(r"^\\fB(\S+)\\fR\((\d)\)", re.MULTILINE)
IN_DOCUMENTATION = re.compile(r"\\fI([a-z0-9/\\-]+\.md)\\fR")
EVERY_COMMAND = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT"]
EVERY_COMMAND += ["FILES", "EXAMPLES", "SEE ALSO"]
ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "HOME": "/nonexistent"}


def text(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def sections(name: str) -> dict[str, str]:
    _, *parts = SECTION.split(text(name))
    return dict(zip(parts[::2], parts[1::2]))


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield "creds.1", creds_parser()
    for name, parser in command_parsers().items():
        yield f"creds-{name}.1", parser
    yield "creds-doctor.1", doctor._parser()
    yield "creds-setup-pam.8", setup_pam._parser()
    for parser in arguments.commands(setup_pam._parser()).values():
        yield "creds-setup-pam.8", parser


PARSERS = list(parsers())


def test_the_pages_are_as_the_parsers_have_them() -> None:
    """`scripts/man-pages` writes them."""
    wanted = pages()
    assert set(NAMES) == set(wanted)
    for name, page in wanted.items():
        assert text(name) == page, f"{name}: run scripts/man-pages"


def test_every_program_and_every_command_has_a_page() -> None:
    wanted = {"creds.1", "creds-doctor.1", "creds-setup-pam.8", "creds-session.7"}
    wanted |= {"creds-doctor-checks.7", *(f"creds-{name}.1" for name in COMMANDS)}
    assert set(NAMES) == wanted


@pytest.mark.parametrize(("name", "parser"), PARSERS)
def test_every_option_is_in_the_page(name: str, parser: argparse.ArgumentParser) -> None:
    page = FONT.sub("", text(name))
    options = arguments.options(parser)
    assert options
    for option in options:
        for word in option.option_strings:
            assert re.search(rf"^(.*, )?{re.escape(roff.escape(word))}\b", page, re.MULTILINE), word


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(".7")])
def test_the_page_of_a_command_has_the_usual_sections(name: str) -> None:
    found = sections(name)
    assert [heading for heading in found if heading in EVERY_COMMAND] == EVERY_COMMAND
    assert all(found[heading].strip() for heading in found)
    assert ".EX" in found["EXAMPLES"]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_only_pages_that_exist(name: str) -> None:
    found = REFERENCE.findall(sections(name)["SEE ALSO"])
    assert len(found) >= 3
    for other, section in found:
        path = FOLDER / f"{other}.{section}".replace("\\-", "-")
        assert path.is_file()
        assert path.name != name
    for page in IN_DOCUMENTATION.findall(text(name)):
        assert (CHECKOUT / "docs" / page.replace("\\-", "-")).is_file(), page


def test_the_page_of_the_checks_has_every_check() -> None:
    page = text("creds-doctor-checks.7")
    assert len(CHECKS) > 90
    for check in CHECKS:
        assert f"\n{roff.bold(check.id)} (" in page


def test_no_page_speaks_of_a_table_or_of_an_option_that_is_not_shown() -> None:
    for name in NAMES:
        words = " ".join(FONT.sub("", text(name)).split())
        assert "The table" not in words, name
        assert "Commands describes" not in words, name


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man-db")
@pytest.mark.parametrize("name", NAMES)
def test_man_shows_the_page_without_a_warning(name: str) -> None:
    done = subprocess.run(
        ["man", "--warnings", "-l", str(FOLDER / name)],
        env=ENVIRON,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "SEE ALSO" in done.stdout
    assert "\N{HYPHEN}\n" not in done.stdout, "a word was hyphenated, so a command may be, too"


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="needs mandoc")
def test_mandoc_finds_nothing_wrong() -> None:
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *(str(FOLDER / name) for name in NAMES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="needs mandoc")
def test_no_text_is_taken_for_a_request(tmp_path: Path) -> None:
    hostile = [".so /etc/passwd", "'ig", r"\fBback\slash\fR", ".", r"a \" comment", "C:\\temp -x"]
    page = tmp_path / "page.1"
    lines = [".TH PAGE 1 2026-11-26", ".SH NAME", r"page \- text", ".SH DESCRIPTION"]
    for word in hostile:
        lines += roff.lines(roff.escape(word)) + roff.tagged(roff.bold(word), [])
    page.write_text("\n".join([*lines, *roff.example(hostile), ""]))
    shown = subprocess.run(
        ["mandoc", "-T", "ascii", str(page)], capture_output=True, text=True, check=True
    ).stdout
    plain = re.sub(".\b", "", shown)
    for word in hostile:
        assert plain.count(word) >= 3 or word == ".", word
