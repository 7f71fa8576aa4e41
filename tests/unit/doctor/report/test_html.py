from __future__ import annotations

import re

import pytest
from hypothesis import given

from creds_session.doctor.checks import CHECKS, run
from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.html import page
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.snapshot import Facts, InstallationFacts
from creds_session.findings import CheckResult, Finding, Outcome, Severity
from tests.unit import examples
from tests.unit.diagnoses import as_xml, facts, quick, results
from tests.unit.doctor.report.test_verdict import ERROR, NOTE, WARNING, result
from tests.unit.html_outline import Outline

HEALTHY = examples.WELL
LOCKED = examples.WELL._replace(bus=examples.bus(login=CollectionState.LOCKED))
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section"),
    *("h1", "h2", "h3", "p", "div", "strong", "b", "i", "code", "pre", "span", "article"),
    *("details", "summary", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd"),
    *("ol", "li", "svg", "defs", "marker", "path", "desc", "g", "rect", "text"),
}
ATTRIBUTES = {
    *("lang", "xmlns", "charset", "http-equiv", "content", "name", "id", "class", "scope", "role"),
    *("aria-labelledby", "viewbox", "refx", "refy", "markerwidth", "markerheight", "orient"),
    *("d", "marker-end", "x", "y", "rx", "width", "height"),
}


def text_of(page_text: str) -> str:
    body = as_xml(page_text.partition("\n")[2])
    return " ".join(" ".join(body.itertext()).split())


def test_a_locked_keyring_is_explained() -> None:
    told = text_of(page(Diagnosis(LOCKED, run(CHECKS, LOCKED))))
    assert "No secret can be read here" in told
    assert "Programs keep their passwords in a keyring" in told
    remedy = "Unlock the keyring with its password. creds unlock Or: creds-doctor --fix . Then"
    assert remedy in told
    assert "more: creds-doctor --explain login-without-password" in told
    assert "Looked at on 12 January 1970, 13:46:40 UTC: user alice (id 1000)" in told


def test_a_healthy_session_is_told_in_a_line() -> None:
    told = text_of(page(Diagnosis(HEALTHY, run(CHECKS, HEALTHY))))
    assert "A secret can be read in this session" in told
    assert "Nothing to do: everything is in order." in told
    assert "Nothing is wrong." in told


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([result(NOTE, WARNING)], "Nothing to do. Other findings are listed below."),
        ([result(Finding("x", Severity.ERROR, "it is"))], "There is no ready-made remedy."),
        ([CheckResult("pam", Outcome.CRASHED, "KeyError")], "The check pam crashed: KeyError."),
    ],
)
def test_what_to_do_is_said_of_every_kind(found: list[CheckResult], told: str) -> None:
    assert told in text_of(page(Diagnosis(HEALTHY, tuple(found))))


def test_a_program_keeps_its_small_letter_and_commands_are_code() -> None:
    finding = Finding("x", Severity.ERROR, "sshd says no", "it is not; run `creds unlock`")
    told = page(Diagnosis(HEALTHY, (result(finding),)))
    assert "1. sshd says no.</h3>" in told
    assert "<b>Why:</b> It is not; run <code>creds unlock</code>.</p>" in told


def test_evidence_is_folded_and_keeps_its_lines() -> None:
    told = page(Diagnosis(HEALTHY, (result(ERROR),)))
    assert "<details><summary>What was seen</summary><pre>one\ntwo\nx</pre></details>" in told


def test_every_check_is_told_by_what_it_looks_for() -> None:
    found = [
        CheckResult("a", Outcome.PASSED, ""),
        CheckResult("b", Outcome.SKIPPED, "follows from: a", (), ("a",)),
    ]
    told = text_of(page(Diagnosis(HEALTHY, tuple(found)), {"a": "no bus", "b": "no daemon"}))
    assert "1 of 2 checks found nothing; 1 skipped (caused by a) Name" in told
    assert "a ✓ no no bus b · not checked no daemon (follows" in told


def test_the_system_is_named() -> None:
    made = HEALTHY._replace(
        installation=InstallationFacts(os_release='NAME=x\nPRETTY_NAME="Debian <13>"\n')
    )
    assert ", Debian &lt;13&gt;.</p>" in page(Diagnosis(made, ()))
    unnamed = HEALTHY._replace(installation=InstallationFacts(os_release="NAME=x\n"))
    assert "an unknown system" in page(Diagnosis(unnamed, ()))


def test_nothing_of_it_lies_elsewhere() -> None:
    told = page(Diagnosis(LOCKED, run(CHECKS, LOCKED)))
    outside = told.replace("http://www.w3.org/1999/xhtml", "")
    assert not re.search(r"https?:|//[a-z]|@import|src=|href=", outside)
    assert re.findall(r"url\([^)]*\)", told) == ["url(#tip)"] * told.count("url(")
    assert "default-src 'none'" in told


@quick
@given(facts, results)
def test_text_of_others_stays_text(made: Facts, found: list[CheckResult]) -> None:
    told = page(Diagnosis(made, tuple(found)))
    outline = Outline(told)
    assert {tag for tag, _ in outline.elements} <= TAGS
    assert {name for _, names in outline.elements for name in names} <= ATTRIBUTES
    assert len(set(outline.identifiers)) == len(outline.identifiers)
    as_xml(told.partition("\n")[2])
    told.encode()


@quick
@given(facts, results)
def test_what_others_write_changes_no_element(made: Facts, found: list[CheckResult]) -> None:
    """The same page with a word in place of every text has the same elements."""
    tame = [
        result._replace(
            check="a",
            summary="a",
            findings=tuple(
                one._replace(
                    title="a",
                    id="a",
                    cause="a" if one.cause else "",
                    evidence=("a",) * len(one.evidence),
                    remediation=one.remediation
                    and one.remediation._replace(
                        text="a", commands=(("a",),) * len(one.remediation.commands)
                    ),
                )
                for one in result.findings
            ),
        )
        for result in found
    ]
    pages = [Outline(page(Diagnosis(made, tuple(some)))).elements for some in (found, tame)]
    one, other = ([element for element in some if element[0] != "code"] for some in pages)
    assert one == other
