"""The usual three rules by Ansible's community.general.pamd, beside creds-setup-pam, on fleets.

Each host is a tree of PAM files. The real libpam and ``creds-setup-pam judge`` say what became of
it. The table of docs/explanation/comparison.md holds the results; CREDS_PAMD_TABLE=write
writes it. Real sshd files are taken from CREDS_PAM_CORPUS, if it is set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from creds_session.pam.syntax.terms import Dialect
from tests.machine.support.rootfs import CHECKOUT
from tests.oracle.oracle_corpus import corpus_directory, read_corpus
from tests.oracle.oracle_layouts import why_not_judged
from tests.trees import debian, others, pamd, redhat
from tests.trees.authselect import KEYRING
from tests.trees.bench import dialect_of, planned
from tests.trees.changed_by_others import Change, Outcome, outcomes
from tests.trees.libpam import NEW, OLD, libpam
from tests.trees.tree import Tree

# The package that brings pamd is fetched, and each row takes minutes.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(3600)]
PAGE = CHECKOUT / "docs/explanation/comparison.md"
BEGIN, END = "<!-- made by tests/trees/test_pamd.py -->\n", "<!-- end -->"
HEAD = (
    *("fleet", "tool", "hosts", "every rule works", "nothing written", "a rule is missing"),
    *("a rule never runs", "a rule is skipped at some logins", "a rule twice"),
    *("somebody locked out", "somebody let in", "another module runs otherwise"),
    *("`judge`: somebody can be locked out", "`judge`: somebody can be let in"),
)
LOCKED_OUT = {"lock_out", "unloadable", "change_fails"}
LET_IN = {"let_in", "check_gone", "change_succeeds"}
FEATURES = {"with-faillock", "with-mkhomedir", "with-smartcard", "with-pwhistory"}


class Host(NamedTuple):
    """A tree, and how the libpam of its distribution reads it."""

    tree: Tree
    dialect: Dialect


def of_debian(place: Path) -> Iterator[Tree]:
    """Yield Debian 12 without a profile of pam-auth-update that is off, with each, with some."""
    folder = debian.profile_folder(OLD, place)
    yield from debian.trees(OLD, place, folder, debian.selections(folder, pairs=False))


def of_red_hat(_place: Path) -> Iterator[Tree]:
    """Yield each profile of authselect without a feature, and with the features of many systems."""
    for tree in redhat.trees(0):
        features = tree.name.split()[2:]
        if len(features) <= 1 and KEYRING not in features and FEATURES.issuperset(features):
            yield tree


def of_kinds(*kinds: str) -> Callable[[Path], Iterator[Tree]]:
    """Return what yields the trees of other distributions that have no rule of the keyring."""
    return lambda _place: (
        tree
        for tree in others.trees()
        if tree.kind in kinds and b"pam_gnome_keyring" not in b"".join(tree.files.values())
    )


def of_corpus(_place: Path) -> Iterator[Tree]:
    """Yield the real sshd files that can be judged, and have no rule of the keyring."""
    for item in read_corpus(corpus_directory() or Path()):
        files = item.files
        if item.service != "sshd" or why_not_judged(item) or pamd.SSHD not in files:
            continue
        if b"pam_gnome_keyring" not in b"".join(files.values()):
            release = "ID=debian\n" if item.family == "debian" else ""
            yield Tree(item.number, "real", files, release, "", {}, "")


FLEETS = {
    "Debian 12, profiles of pam-auth-update": of_debian,
    "Red Hat and Fedora, profiles of authselect": of_red_hat,
    "SUSE, modules of pam-config": of_kinds("suse"),
    "Gentoo, USE flags of pambase": of_kinds("gentoo"),
    "Arch, Void, Alpine": of_kinds("arch", "void", "alpine"),
    "real sshd files": of_corpus,
}
CHOSEN = [name for name in FLEETS if name != "real sshd files" or corpus_directory()]


@pytest.mark.parametrize("fleet", CHOSEN)
def test_what_becomes_of_a_fleet(fleet: str, tmp_path: Path) -> None:
    (tmp_path / "hosts").mkdir()
    hosts = [Host(tree, dialect_of(tree)) for tree in FLEETS[fleet](tmp_path)]
    assert len(hosts) >= 3
    theirs = [one.files for one in pamd.edit([host.tree for host in hosts], tmp_path / "hosts")]
    ours = [_planned(host) for host in hosts]
    changes = [
        Change(host.tree.files, files, host.dialect)
        for host, *both in zip(hosts, theirs, ours)
        for files in both
    ]
    found = outcomes(libpam(NEW), changes)
    by_pamd, by_us = found[::2], found[1::2]
    rows = [
        _row(fleet, "pamd", hosts, by_pamd, theirs),
        _row(fleet, "creds-setup-pam", hosts, by_us, ours),
    ]
    for host, outcome in zip(hosts, by_us):
        harm = (outcome.dead, outcome.locked_out, outcome.let_in, outcome.differs, outcome.judged)
        assert not any(harm), (host.tree.name, outcome)
    _compare_with_page(rows)


def _planned(host: Host) -> dict[str, bytes]:
    """Return the files after ``creds-setup-pam apply``; the same files if it refuses."""
    plan = planned(host.tree, "sshd", host.dialect).plan
    return {**host.tree.files, plan.target: plan.result} if plan else host.tree.files


def _row(
    fleet: str,
    tool: str,
    hosts: Sequence[Host],
    found: Sequence[Outcome],
    after: Sequence[dict[str, bytes]],
) -> str:
    counts = (
        len(hosts),
        sum(one.is_healthy for one in found),
        sum(host.tree.files == files for host, files in zip(hosts, after)),
        sum(bool(one.missing) for one in found),
        sum(bool(one.dead) for one in found),
        sum(bool(one.skipped) for one in found),
        sum(one.doubled for one in found),
        sum(bool(one.locked_out) for one in found),
        sum(bool(one.let_in) for one in found),
        sum(bool(one.differs) for one in found),
        sum(bool(one.judged & LOCKED_OUT) for one in found),
        sum(bool(one.judged & LET_IN) for one in found),
    )
    return "| " + " | ".join((fleet, tool, *map(str, counts))) + " |"


def _compare_with_page(rows: list[str]) -> None:
    """Require that the page has these rows, or write them if the variable says so."""
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    body, _, tail = rest.partition(END)
    names = [row.rpartition("| ")[0].split("|")[1:3] for row in rows]
    if os.environ.get("CREDS_PAMD_TABLE") == "write":
        kept = [line for line in body.splitlines()[2:] if line.split("|")[1:3] not in names]
        order = [f" {name} " for name in FLEETS]
        lines = sorted([*kept, *rows], key=lambda line: order.index(line.split("|")[1]))
        title = ["| " + " | ".join(HEAD) + " |", "|---|---|" + "---:|" * (len(HEAD) - 2)]
        body = "\n".join([*title, *lines]) + "\n"
        PAGE.write_text(f"{head}{BEGIN}{body}{END}{tail}", "utf-8")
    for row in rows:
        assert row in body
