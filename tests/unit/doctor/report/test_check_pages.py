from __future__ import annotations

import pytest

from creds_session.doctor.diagnosis import entries
from creds_session.doctor.report.check_pages import Entry, explain_lines, index, list_lines, page
from creds_session.findings import Remediation, Severity

REMEDY = Remediation("unlock it", (("creds", "unlock"),), is_safe=True)
ENTRY = Entry("a-b", "bus", Severity.NOTE, "it is so", "why", REMEDY, ("c-d",), "More of it.")
BARE = Entry("c-d-e", "bus", None, "else", "because", None, (), "")


def test_list_has_a_line_a_check() -> None:
    assert list_lines([ENTRY, BARE]) == [
        "a-b    note     it is so",
        "c-d-e  depends  else",
    ]


def test_explain_tells_all_of_it() -> None:
    assert explain_lines(ENTRY) == [
        "a-b: it is so",
        "area: bus",
        "level: note",
        "cause: why",
        "cure: unlock it",
        "      creds unlock",
        "      (creds-doctor --fix can do it)",
        "silenced by: c-d",
        "",
        "More of it.",
        "",
        "page: docs/reference/checks/a-b.md (in the source code)",
    ]
    assert explain_lines(BARE)[1:4] == [
        "area: bus",
        "level: error where no secret can be read, else less",
        "cause: because",
    ]


def test_a_page_has_cause_cure_and_what_it_silences() -> None:
    told = page(ENTRY, ["x-y"])
    assert told.startswith("# a-b\n\nIt is so.\n")
    assert "    creds unlock\n\n`creds-doctor --fix` can do it." in told
    assert "Silenced by: [c-d](c-d.md)." in told
    assert "Silences: [x-y](x-y.md)." in told
    assert "the finding shows it" in page(BARE, [])


def test_the_index_names_an_area_once() -> None:
    rows = [line for line in index([ENTRY, BARE]).splitlines() if "](checks/" in line]
    assert rows == [
        "| bus | [a-b](checks/a-b.md) | note | it is so |",
        "|  | [c-d-e](checks/c-d-e.md) | depends | else |",
    ]


def test_no_check_claims_that_fix_does_what_requires_root() -> None:
    for entry in entries():
        text = "\n".join(explain_lines(entry)) + page(entry, ())
        is_roots = entry.remedy is not None and any(
            argv[0] == "sudo" for argv in entry.remedy.commands
        )
        if is_roots:
            assert "--fix` can do it" not in text
            assert "--fix can do it" not in text


def test_a_terminal_is_shown_no_markdown() -> None:
    for entry in entries():
        assert "](" not in "\n".join(explain_lines(entry))


@pytest.mark.parametrize(
    "name", ["Pam_gnome", "Only_if", "Gnome-keyring-daemon", "Libpam", "Dbus-"]
)
def test_names_keep_their_small_letters(name: str) -> None:
    assert [entry.id for entry in entries() if name in page(entry, ())] == []
