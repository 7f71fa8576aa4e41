from __future__ import annotations

import os
import random
import secrets
from typing import TYPE_CHECKING

import pytest

from creds_session.pam.nodes import Consequence
from creds_session.pam.stack import resolve_all
from tests.oracle.oracle_libpam import Answer, CannotAsk, Case, ask, check, dialect_of, roots
from tests.oracle.oracle_predict import predict, reader
from tests.oracle.oracle_stacks import SEQUENCES, Stacks

if TYPE_CHECKING:
    from creds_session.pam.terms import Dialect

COUNT = int(os.environ.get("CREDS_ORACLE_STACKS", "2000"))
SEED = int(os.environ.get("CREDS_ORACLE_SEED", "0")) or secrets.randbelow(2**32)
AUTH = (("authenticate",), ("acct_mgmt",))
D = "/etc/pam.d/"


def nested(kind: bytes, depth: int) -> dict[str, bytes]:
    files = {f"{D}n{i}": b"auth %s n%d\n" % (kind, i + 1) for i in range(1, depth)}
    return {
        D + "svc": b"auth %s n1\n" % kind,
        **files,
        f"{D}n{depth}": b"auth optional pam_permit.so",
    }


# What random files hardly ever hold, and what libpam does not survive.
SPECIAL: dict[str, dict[str, bytes]] = {
    "include-without-name": {D + "svc": b"auth include\n"},
    "substack-without-name": {D + "svc": b"auth substack # a\n"},
    "at-include-without-name": {D + "svc": b"@include\n"},
    "include-without-name-of-another-type": {
        D + "svc": b"auth include a\n",
        D + "a": b"session include\nauth required pam_permit.so\n",
    },
    "includes-itself": {D + "svc": b"auth required pam_permit.so\nauth include svc\n"},
    "substack-of-itself": {D + "svc": b"auth required pam_permit.so\nauth substack svc\n"},
    "circle-that-types-break": {
        D + "svc": b"@include a\n",
        D + "a": b"auth include b\n",
        D + "b": b"account include a\nauth required pam_permit.so\n",
    },
    "backslash-at-byte-1023": {
        D + "svc": b"auth required pam_permit.so".ljust(1022) + b"\\\n x\n",
    },
    "backslash-at-byte-1022": {
        D + "svc": b"auth required pam_permit.so".ljust(1021) + b"\\\n x\nauth required a\n",
    },
    "line-of-1023": {D + "svc": b"auth required pam_permit.so".ljust(1023, b" ") + b"\n"},
    "comment-of-1024": {D + "svc": b"auth required pam_permit.so\n#".ljust(1052, b"x")},
    "include-of-the-directory": {D + "svc": b"auth include []\nauth required pam_permit.so\n"},
    "include-15": nested(b"include", 15),
    "include-16": nested(b"include", 16),
    "substack-15": nested(b"substack", 15),
    "substack-16": nested(b"substack", 16),
    "module-without-a-name": {D + "svc": b"session required .so\nauth required pam_permit.so\n"},
    "nothing": {D + "x": b"auth required pam_permit.so\n"},
    "vendor-directory": {"/usr/lib/pam.d/svc": b"auth include a\n", D + "a": b"auth required a\n"},
    "vendor-include": {D + "svc": b"auth include v\n", "/usr/lib/pam.d/v": b"# empty\n"},
    "pam.conf": {
        "/etc/pam.conf": b"svc auth required pam_echo.so a\nother account optional pam_echo.so b\n"
        b"x foo\nSVC auth optional pam_echo.so c\nsvc\n",
    },
    "pam.conf-unfinished": {"/etc/pam.conf": b"svc auth required pam_permit.so\nx \\"},
}


def usable(root: str) -> Dialect:
    try:
        check(root)
        return dialect_of(root)
    except CannotAsk as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))


def compare(root: str, dialect: Dialect, batch: list[dict[str, bytes]]) -> tuple[int, list[str]]:
    cases, expected = [], []
    for files in batch:
        stacks = resolve_all("svc", reader(files), dialect=dialect)
        if stacks.failure is None or stacks.failure.consequence is Consequence.ABORT:
            cases.append(Case(files, "svc", SEQUENCES))
            expected.append([predict(stacks, sequence) for sequence in SEQUENCES])
    answers = ask(root, cases)
    differences = [
        f"{case.files}\n{difference}"
        for case, wanted, got in zip(cases, expected, answers)
        for difference in differing(wanted, got)
    ]
    return len(cases), differences


def differing(wanted: list[Answer], got: list[Answer]) -> list[str]:
    if len(got) == 1:
        got = got * len(wanted)
    return [
        f"  {sequence}\n    ours   {ours}\n    libpam {theirs}"
        for sequence, ours, theirs in zip(SEQUENCES, wanted, got)
        if ours != Answer(theirs.start, theirs.answers[: len(ours.answers)])
        or (theirs.start == 0 and not ours.answers)
    ]


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("root", roots())
def test_dispatch_equals_libpam_for_random_stacks(root: str) -> None:
    dialect = usable(root)
    print(f"CREDS_ORACLE_SEED={SEED} CREDS_ORACLE_STACKS={COUNT} {root} {dialect.name}")
    compared = 0
    differences: list[str] = []
    source = Stacks(random.Random(SEED))  # noqa: S311 - test data
    for start in range(0, COUNT, 1000):
        batch = [source.files() for _ in range(start, min(start + 1000, COUNT))]
        count, found = compare(root, dialect, batch)
        compared += count
        differences += found
    print(f"{compared} compared, {len(differences)} differ")
    assert not differences, f"seed {SEED}\n" + "\n".join(differences[:5])
    assert compared > COUNT * 0.8


@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.parametrize("root", roots())
def test_stack_equals_libpam_for_special_files(root: str, name: str) -> None:
    dialect, files = usable(root), SPECIAL[name]
    directories = () if "/etc/pam.conf" in files else None
    stacks = resolve_all("svc", reader(files), dialect=dialect, directories=directories)
    wanted = [predict(stacks, sequence) for sequence in AUTH]
    got = ask(root, [Case(files, "svc", AUTH)], timeout=3)[0]
    assert wanted == (got if len(got) > 1 else got * len(wanted))


@pytest.mark.parametrize("service", ["other", "SVC", "/usr/bin/Svc"])
@pytest.mark.parametrize("root", roots())
def test_service_names_are_read_as_libpam_reads_them(root: str, service: str) -> None:
    dialect = usable(root)
    files = {
        D + "svc": b"auth required pam_echo.so a\n",
        D + "other": b"auth required pam_echo.so b\n",
    }
    stacks = resolve_all(service, reader(files), dialect=dialect)
    assert [predict(stacks, AUTH[0])] == ask(root, [Case(files, service, AUTH[:1])])[0]
