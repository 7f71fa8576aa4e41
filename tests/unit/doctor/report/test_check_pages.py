from __future__ import annotations

import pytest

from creds_session.doctor.checks.registry import Case
from creds_session.doctor.diagnosis import entries
from creds_session.doctor.report.check_pages import Entry, explain_lines, index, list_lines, page
from creds_session.findings import Remediation, Severity

REMEDY = Remediation("unlock it", (("creds", "unlock"),), is_safe=True)
ABOUT = "More of it: [why](../../explanation/why.md), [c-d](c-d.md)."
ENTRY = Entry("a-b", "bus", Severity.NOTE, "it is so", "why", REMEDY, ("c-d",), ABOUT)
CASES = (Case("the file is yours", "`chmod 600 FILE`, see [c-d](c-d.md)"), Case("a | b", "wait"))
BARE = Entry("c-d-e", "bus", None, "else", "because", None, (), "", "it depends", CASES)


def test_list_has_a_line_a_check() -> None:
    assert list_lines([ENTRY, BARE]) == [
        "a-b    note           it is so",
        "c-d-e  error or less  else",
    ]


def test_explain_tells_all_of_it() -> None:
    why = "explanation/why.md in the documentation"
    assert explain_lines(ENTRY) == [
        "a-b: it is so",
        "area: bus",
        "level: note",
        "cause: why",
        "remedy: unlock it",
        "        creds unlock",
        "        (creds-doctor --fix can do it)",
        "skipped if one of these finds something: c-d",
        "",
        f"More of it: why ({why}), c-d (creds-doctor --explain c-d).",
        "",
        "This text is also in the documentation: reference/checks/a-b.md",
    ]
    assert explain_lines(BARE)[1:9] == [
        "area: bus",
        "level: it depends",
        "cause: because",
        "remedy: creds-doctor shows the remedy for what it saw; these are the usual cases",
        "  if the file is yours:",
        "        `chmod 600 FILE`, see c-d (creds-doctor --explain c-d)",
        "  if a | b:",
        "        wait",
    ]


def test_a_page_has_cause_cure_and_what_it_silences() -> None:
    told = page(ENTRY, ["x-y"])
    assert told.startswith("# a-b\n\nIt is so.\n")
    assert "    creds unlock\n\n`creds-doctor --fix` can do it." in told
    assert "## Remedy\n\nUnlock it." in told
    assert "Skipped if one of these checks finds something: [c-d](c-d.md)." in told
    assert "If this check finds something, these are skipped: [x-y](x-y.md)." in told
    bare = page(BARE, [])
    assert "| the file is yours | `chmod 600 FILE`, see [c-d](c-d.md) |" in bare
    assert "| a \\| b | wait |" in bare


def test_the_index_names_an_area_once() -> None:
    rows = [line for line in index([ENTRY, BARE]).splitlines() if "](checks/" in line]
    assert rows == [
        "| bus | [a-b](checks/a-b.md) | note | it is so |",
        "|  | [c-d-e](checks/c-d-e.md) | error or less | else |",
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


def test_a_terminal_is_shown_neither_markdown_nor_the_path_of_a_checkout() -> None:
    for entry in entries():
        text = "\n".join(explain_lines(entry))
        assert "](" not in text
        assert "docs/" not in text


def test_every_check_has_a_remedy_or_the_usual_cases() -> None:
    lacking = [one.id for one in entries() if one.remedy is None and len(one.cases) < 2]
    assert lacking == []


@pytest.mark.parametrize(
    ("check_id", "level"),
    [
        ("daemon-not-installed", "error if no secret can be read, otherwise a warning"),
        ("pam-rule-missing", "warning; a note if another program serves secrets"),
    ],
)
def test_the_level_of_a_check_says_on_what_it_depends(check_id: str, level: str) -> None:
    (entry,) = (one for one in entries() if one.id == check_id)
    assert f"Level: {level}" in page(entry, [])


@pytest.mark.parametrize(
    "name",
    ["Pam_gnome", "Only_if", "Gnome-keyring-daemon", "Libpam", "Dbus-", "Tmux", "Su,", "Su or"],
)
def test_names_keep_their_small_letters(name: str) -> None:
    assert [entry.id for entry in entries() if name in page(entry, ())] == []
