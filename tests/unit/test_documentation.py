"""What the documents say is so: examples, links, generated pages, variables."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import creds_session
from creds_session.doctor.diagnosis import pages
from creds_session.setup_pam.module_pages import modules_page

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs"
PREFIXES = "(?:CREDS|DBUS|GIT|GNOME_KEYRING|PYTHON_KEYRING|SNAP|SSH|SUDO|WAYLAND|XDG)"
FOR_USERS = [
    DOCS.parent / "README.md",
    *(DOCS / name for name in ("README.md", "faq.md", "reference/troubleshooting.md")),
    *sorted((DOCS / "tutorial").glob("*.md")),
    *sorted((DOCS / "how-to").glob("*.md")),
]
ROOT = DOCS.parent
ARCHAIC = re.compile(
    r"\b(a[n]ew|b[e]sides|l[e]st|m[a]nyth|in v[a]in|th[e]reof|wh[e]nce|wh[o]m)\b", re.IGNORECASE
)
"""Words that no text has. The brackets keep this pattern from matching itself."""
LICENCE = ROOT / "scripts" / "packaging" / "debian" / "copyright"
WITH_EXAMPLES = sorted(path for path in DOCS.rglob("*.md") if ">>> " in path.read_text())


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_so(path: Path) -> None:
    failed, tried = doctest.testfile(str(path), module_relative=False)
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_no_page_has_a_heading_twice(page: Path) -> None:
    text = re.sub("^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall("^#+ .*", text, re.MULTILINE)
    assert sorted(headings) == sorted(set(headings))


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
def test_pages_for_users_do_not_say_but_for(page: Path) -> None:
    assert re.findall(r"\bbut for\b", page.read_text(), re.IGNORECASE) == []


def _texts() -> Iterator[Path]:
    """Yield every text file of the project that people write, apart from the licence."""
    yield from (ROOT / "README.md", ROOT / "CHANGELOG.md")
    for folder in ("docs", "creds_session", "scripts", "tests", "pam.d"):
        for path in sorted((ROOT / folder).rglob("*")):
            is_ours = "corpus" not in path.parts and "__pycache__" not in path.parts
            if path.is_file() and is_ours and path != LICENCE:
                yield path


def test_no_text_has_an_archaic_word() -> None:
    found = {}
    for path in _texts():
        words = ARCHAIC.findall(path.read_text("utf-8", errors="replace"))
        if words:
            found[str(path.relative_to(ROOT))] = words
    assert found == {}


CODE = re.compile(r"^```.*?^```|^ {4}.*?$|`[^`]*`|\]\([^)]*\)", re.MULTILINE | re.DOTALL)
WHICH = re.compile(
    r"""(?<!-)(?<!\bsession\s)(?<!\bsystem\s)(?<!\bmessage\s)(?<!\bscope\s)(?<!\bto\s)
      \bbus(?:es)?\b(?!-)
    | \b(?:by|with|under)\ (?:a\ )?key\b | \b(?:has|holds|contains|reads)\ the\ key\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""A bus or a key, if the text does not say which. "to bus" is in the messages of systemctl."""


@pytest.mark.parametrize(
    "page", [*FOR_USERS, *sorted((DOCS / "reference").glob("*.md"))], ids=lambda path: path.stem
)
def test_pages_say_which_bus_and_which_key(page: Path) -> None:
    if page.name in {"checks.md", "pam-modules.md"}:  # made of ids and of words for modules
        return
    text = CODE.sub("", page.read_text())
    assert [text[max(0, m.start() - 40) : m.end() + 20] for m in WHICH.finditer(text)] == []


def test_no_message_of_a_command_says_what_to_do_in_python() -> None:
    package = Path(creds_session.__file__).parent
    assert [
        str(path) for path in package.rglob("*.py") if "(in Python" in path.read_text("utf-8")
    ] == []


def test_each_message_of_troubleshooting_leads_to_a_check_or_to_another_message() -> None:
    page = (DOCS / "reference" / "troubleshooting.md").read_text()
    sections = re.split(r"^### ", page, flags=re.MULTILINE)[1:]
    assert len(sections) >= 20
    for section in sections:
        title, _, text = section.partition("\n")
        leads = "](checks/" in text or "what stands" in text or "](../explanation/" in text
        assert leads or "swap" in text or "memory" in text, title


def test_every_page_that_a_message_names_exists() -> None:
    named = set()
    for module in Path(creds_session.__file__).parent.rglob("*.py"):
        named.update(
            re.findall(r"\b(?:explanation|how-to|reference)/[a-z/-]+\.md", module.read_text())
        )
    assert len(named) > 5
    assert [name for name in sorted(named) if not (DOCS / name).is_file()] == []


def test_the_page_of_the_modules_is_as_the_tables_have_them() -> None:
    """`scripts/check-pages` writes the page."""
    assert (DOCS / "reference" / "pam-modules.md").read_text() == modules_page()


def test_the_pages_of_the_checks_are_as_the_registry_has_them() -> None:
    """`scripts/check-pages` writes the pages."""
    folder = DOCS / "reference"
    wanted = pages()
    assert {f"checks/{path.name}" for path in (folder / "checks").glob("*.md")} == {
        name for name in wanted if name != "checks.md"
    }
    for name, text in wanted.items():
        assert (folder / name).read_text() == text, name


def _variables() -> set[str]:
    """Return the environment variables that the package names as such."""
    found = set()
    for module in Path(creds_session.__file__).parent.rglob("*.py"):
        text = module.read_text("utf-8")
        found.update(re.findall(r"""environ(?:\.get\(|\[)["']([A-Z][A-Z_]+)["']""", text))
        found.update(re.findall(rf"""["']({PREFIXES}_[A-Z_]*[A-Z])["']""", text))
    return found


def test_every_variable_that_is_read_has_a_line_in_the_documentation() -> None:
    page = (DOCS / "reference" / "files-and-variables.md").read_text("utf-8")
    read = _variables()
    assert {"CREDS_SESSION_HOOK", "HOME", "NETRC", "XDG_RUNTIME_DIR"} <= read
    assert {name for name in read if not re.search(rf"\b{name}\b", page)} == set()
