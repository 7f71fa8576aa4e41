"""The examples in the documents are so."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from creds_session.diagnosis import pages
from creds_session.report.modules import modules_page

DOCS = Path(__file__).parents[2] / "docs"
FOR_USERS = [
    DOCS.parent / "README.md",
    *(DOCS / name for name in ("README.md", "faq.md", "reference/troubleshooting.md")),
    *sorted((DOCS / "tutorial").glob("*.md")),
    *sorted((DOCS / "how-to").glob("*.md")),
]
ARCHAIC = re.compile(
    r"\b(anew|besides|but for|lest|manyth|in vain|thereof|whence)\b", re.IGNORECASE
)
WITH_EXAMPLES = sorted(path for path in DOCS.rglob("*.md") if ">>> " in path.read_text())


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_so(path: Path) -> None:
    failed, tried = doctest.testfile(str(path), module_relative=False)
    assert tried > 0
    assert failed == 0


def test_links_lead_somewhere() -> None:
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_every_page_is_in_the_list_of_pages() -> None:
    listed = (DOCS / "README.md").read_text()
    pages = [
        str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if path.parent.name != "checks"
    ]
    pages = [name for name in pages if not name.startswith("decisions/") and name != "README.md"]
    assert [name for name in sorted(pages) if f"({name})" not in listed] == []


@pytest.mark.parametrize("page", FOR_USERS, ids=lambda path: path.stem)
def test_pages_for_users_have_no_archaic_word(page: Path) -> None:
    assert ARCHAIC.findall(page.read_text()) == []


def test_each_message_of_troubleshooting_leads_to_a_check_or_to_another_message() -> None:
    page = (DOCS / "reference" / "troubleshooting.md").read_text()
    sections = re.split(r"^### ", page, flags=re.MULTILINE)[1:]
    assert len(sections) >= 20
    for section in sections:
        title, _, text = section.partition("\n")
        leads = "](checks/" in text or "what stands" in text or "](../explanation/" in text
        assert leads or "swap" in text or "memory" in text, title


def test_the_page_of_the_modules_is_as_the_tables_have_them() -> None:
    """`scripts/check-pages` writes it anew."""
    assert (DOCS / "reference" / "pam-modules.md").read_text() == modules_page()


def test_the_pages_of_the_checks_are_as_the_registry_has_them() -> None:
    """`scripts/check-pages` writes them anew."""
    folder = DOCS / "reference"
    wanted = pages()
    assert {f"checks/{path.name}" for path in (folder / "checks").glob("*.md")} == {
        name for name in wanted if name != "checks.md"
    }
    for name, text in wanted.items():
        assert (folder / name).read_text() == text, name
