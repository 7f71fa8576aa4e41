"""The exit codes have one table, in creds_session/errors.py; pages and helps agree with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session import errors
from creds_session.cli.boundary import INTERRUPTED, OUR_FAULT
from creds_session.cli.creds import main as creds
from creds_session.cli.creds.run import OWN_FAILURE
from creds_session.cli.doctor import main as doctor
from creds_session.cli.setup_pam import main as setup_pam
from creds_session.errors import EXIT_CODES
from creds_session.system.processes.foreground import CANNOT_EXECUTE, NOT_FOUND
from creds_session.system.processes.time_limit import TIMED_OUT

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "creds_session"
COMMANDS = ROOT / "docs" / "reference" / "commands.md"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
OF_A_COMMAND = {TIMED_OUT, OWN_FAILURE, CANNOT_EXECUTE, NOT_FOUND}
"""Codes of ``creds run`` and ``creds exec``, which otherwise have those of their command."""
NAGIOS = {0, 1, 2, 3}
ROW = re.compile(r"^\| (?P<code>\d+) \| (?P<meaning>.*?) \|", re.MULTILINE)
CODE_IN_HELP = re.compile(r"(?:^exit codes: |; )\s*(?P<code>\d+)\s", re.MULTILINE)


def raised() -> Iterator[int]:
    """Yield the exit code that each class of an error in the package is given."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                for statement in node.body:
                    if isinstance(statement, ast.Assign) and "exit_code" in ast.unparse(statement):
                        yield int(ast.literal_eval(statement.value))


def tables(page: Path) -> Iterator[dict[int, str]]:
    """Yield the tables of a page whose first column is exit codes."""
    for table in re.findall(r"(?:^\|.*\n)+", page.read_text("utf-8") + "\n", re.MULTILINE):
        if re.match(r"\| (?:exit )?code \|", table):
            yield {int(row["code"]): row["meaning"] for row in ROW.finditer(table)}


def test_every_code_that_is_used_has_a_meaning_and_no_other_has_one() -> None:
    assert {*raised(), 0, OUR_FAULT, INTERRUPTED} == set(EXIT_CODES)


def test_the_general_table_is_that_of_the_errors() -> None:
    (table,) = tables(COMMANDS)
    assert table == {
        code: f"{meaning[0].upper()}{meaning[1:]}." for code, meaning in EXIT_CODES.items()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_other_tables_have_only_codes_that_exist_and_lead_to_the_general_one(page: Path) -> None:
    found = [*tables(page)]
    if page == COMMANDS or not found:
        return
    for table in found:
        assert set(table) <= {*EXIT_CODES, *OF_A_COMMAND} or set(table) == NAGIOS, table
    assert "commands.md#exit-codes)" in page.read_text("utf-8")


def test_readme_has_no_table_of_its_own() -> None:
    readme = ROOT / "README.md"
    assert [*tables(readme)] == []
    assert "docs/reference/commands.md#exit-codes)" in readme.read_text("utf-8")


def test_the_help_of_creds_has_every_code_with_its_meaning() -> None:
    words = " ".join(creds._parser().format_help().split())
    for code, meaning in EXIT_CODES.items():
        assert f"{code} {meaning}" in words


def test_the_page_of_the_library_has_the_code_of_each_error() -> None:
    page = (ROOT / "docs" / "reference" / "library.md").read_text("utf-8")
    rows = re.findall(r"^\| (?:—+ )?`(\w+)` \| (\d+) \|", page, re.MULTILINE)
    assert len(rows) > len(NAGIOS)
    for name, code in rows:
        assert getattr(errors, name).exit_code == int(code), name


@pytest.mark.parametrize("parser", [doctor._parser, setup_pam._parser])
def test_the_other_helps_name_only_codes_that_exist(parser: object) -> None:
    assert callable(parser)
    text = parser().format_help()
    paragraph = text[text.index("exit codes: ") :].partition("with --format nagios")[0]
    codes = {int(code) for code in CODE_IN_HELP.findall(" ".join(paragraph.split()))}
    assert len(codes) > len(NAGIOS)
    assert codes <= set(EXIT_CODES)
