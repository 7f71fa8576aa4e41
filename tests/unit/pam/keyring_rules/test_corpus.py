from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.plan import Plan, plan
from creds_session.pam.syntax.lint import lint
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect
from tests.oracle.oracle_corpus import OURS, Item, all_items, corpus_directory, read_layouts

REFUSED = -1
EDITS = {
    "alpine-base/sshd": 3,
    "arch-chain/login": 3,
    "arch-chain/sshd": 3,
    "at-include-amid/sshd": 3,
    "continued-lines/sshd": 3,
    "debian-jumps/passwd": 1,
    "debian-jumps/sshd": 3,
    "duo-after/sshd": 1,
    "duo-within/sshd": 3,
    "faillock/sshd": 4,
    "flat/passwd": 1,
    "flat/sshd": 3,
    "google-after-substack/sshd": 4,
    "google-after/sshd": 3,
    "google-before/sshd": 3,
    "hardware-first/sshd": 3,
    "include-missing/sshd": REFUSED,
    "key-only-deny/sshd": 0,
    "key-only-permit/sshd": 0,
    "krb5-jumps/sshd": 3,
    "no-auth/sshd": 0,
    "odd-bytes/sshd": REFUSED,
    "options-misspelt/sshd": 1,
    "redhat-include-sufficient/sshd": 5,
    "redhat-substack/sshd": 4,
    "rules-complete/sshd": 0,
    "rules-in-part/sshd": 2,
    "rules-misplaced/sshd": 1,
    "rules-never-reached/sshd": 1,
    "rules-required/sshd": 2,
    "rules-twice/sshd": 1,
    "sss-and-unix/sshd": 4,
    "success-ends/sshd": REFUSED,
    "suse-common/sshd": 3,
    "systemd-home-jumps/sshd": 3,
    "systemd-home/sshd": REFUSED,
    "vendor-only/sshd": 3,
    "winbind-jumps/sshd": 3,
}
"""How many edits each service of our own corpus gets."""


def planned(item: Item, dialect: Dialect) -> Plan | None:
    """Plan a service; None if it is refused."""
    try:
        return plan(item.service, item.path, item.files.get, dialect)
    except InvalidData:
        return None


@lru_cache(maxsize=1)
def files() -> list[Path]:
    """Return the files of our own corpus, and of the one of real files if it exists."""
    found = [path for path in OURS.glob("*/**/pam.d/*") if path.is_file()]
    assert len(found) > len(EDITS)
    corpus = corpus_directory()
    if corpus:
        more = [path for path in corpus.iterdir() if path.is_file()]
        assert more, corpus
        found += more
    return sorted(found)


@pytest.mark.parametrize("dialect", Dialect)
def test_every_file_of_the_corpus_comes_back_byte_for_byte(dialect: Dialect) -> None:
    for path in files():
        data = path.read_bytes()
        file = parse(data, dialect)
        assert file.render() == data, path
        lint(file)


@pytest.mark.parametrize("dialect", [Dialect.DEBIAN_1_5, Dialect.DEBIAN_1_7])
def test_each_layout_gets_its_edits_or_is_refused(dialect: Dialect) -> None:
    counts = {}
    for item in read_layouts():
        made = planned(item, dialect)
        counts[f"{item.number}/{item.service}"] = len(made.edits) if made else REFUSED
    assert counts == EDITS


def test_every_service_is_planned_or_refused_and_an_edit_can_be_removed_again() -> None:
    for item in all_items():
        made = planned(item, item.dialect)
        if made is None:
            continue
        content = made.result
        for edit in sorted(made.edits, key=lambda one: one.offset):
            at = content.index(edit.new, edit.offset)
            content = content[:at] + edit.old + content[at + len(edit.new) :]
        assert content == item.content, f"{item.number}/{item.service}"
