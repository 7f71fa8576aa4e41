from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from creds_session.pam.modules.builtin import DEBUG_EVENTS
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.nodes import Consequence
from creds_session.pam.syntax.terms import Call
from tests.depth import ORACLE_SEED, ORACLE_STACKS
from tests.oracle.oracle_libpam import (
    CHILD,
    Answer,
    CannotAsk,
    Case,
    ask,
    begin_to_ask,
    check,
    dialect_of,
)
from tests.oracle.oracle_predict import predict, reader
from tests.oracle.oracle_stacks import ACTIONS, SEQUENCES, SIMPLE, VALUES, Stacks, every_return

if TYPE_CHECKING:
    from creds_session.pam.syntax.terms import Dialect

BATCH = 1000
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


@dataclass
class Batch:
    """Cases, what we say of them, and what libpam will have said."""

    cases: list[Case]
    wanted: list[list[Answer]]
    given: Future[list[list[Answer]]]

    def differences(self) -> Iterator[str]:
        for case, wanted, got in zip(self.cases, self.wanted, self.given.result()):
            for difference in differing(wanted, got):
                yield f"{case.files}\n{difference}"

    def said(self) -> Iterator[str]:
        for answers in self.given.result():
            for answer in answers:
                for _, texts in answer.answers:
                    yield from texts


def begin(root: str, dialect: Dialect, files: list[dict[str, bytes]]) -> Batch:
    resolved = [(one, resolve_all("svc", reader(one), dialect=dialect)) for one in files]
    survived = [
        (Case(one, "svc", SEQUENCES), stacks)
        for one, stacks in resolved
        if stacks.failure is None or stacks.failure.consequence is Consequence.ABORT
    ]
    cases = [case for case, _ in survived]
    given = begin_to_ask(root, cases)
    wanted = [[predict(stacks, sequence) for sequence in SEQUENCES] for _, stacks in survived]
    return Batch(cases, wanted, given)


def batches(root: str, dialect: Dialect) -> Iterator[Batch]:
    """Return what is done; the next one is made and predicted while libpam runs the last."""
    source = Stacks(random.Random(ORACLE_SEED))  # noqa: S311 - test data
    waiting: deque[Batch] = deque()
    for start in range(0, ORACLE_STACKS, BATCH):
        files = [source.files() for _ in range(start, min(start + BATCH, ORACLE_STACKS))]
        waiting.append(begin(root, dialect, files))
        if len(waiting) > 1:
            yield waiting.popleft()
    yield from waiting


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
def test_dispatch_equals_libpam_for_random_stacks(
    root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dialect = usable(root)
    compared = 0
    differences: list[str] = []
    for batch in batches(root, dialect):
        compared += len(batch.cases)
        differences += batch.differences()
    with capsys.disabled():
        print(
            f"\nCREDS_ORACLE_SEED={ORACLE_SEED} CREDS_ORACLE_STACKS={ORACLE_STACKS}"
            f" {dialect.name} in {root}:"
            f" {compared} compared, {len(differences)} differ",
            flush=True,
        )
    assert not differences, f"seed {ORACLE_SEED}\n" + "\n".join(differences[:5])
    assert compared > ORACLE_STACKS * 0.8


def test_dispatch_equals_libpam_for_every_return_value_in_every_pass(root: str) -> None:
    batch = begin(root, usable(root), list(every_return()))
    assert len(batch.cases) == 2 * len(SIMPLE) * len(VALUES)
    assert not list(batch.differences())
    possible = {f"{event}={value}" for event in DEBUG_EVENTS.values() for value in VALUES}
    assert not possible.difference(batch.said()), "what no module returned to libpam"


def test_random_stacks_hold_every_control_include_and_jump() -> None:
    source = Stacks(random.Random(ORACLE_SEED))  # noqa: S311 - test data
    text = b"\n".join(data for _ in range(2000) for data in source.files().values()).decode()
    words = set(re.findall(r"[\w@]+(?:=\w+)?", text))
    pairs = {f"{value}={action}" for value in ("default", "success") for action in ACTIONS}
    jumps = {f"success={count}" for count in (1, 2, 3, 9)}  # 9 is past the end of most
    includes = {"include", "substack", "@include"}
    assert not {*SIMPLE, *pairs, *jumps, *includes} - words
    assert {call for sequence in SEQUENCES for call in sequence} == {call.value for call in Call}


def test_nothing_is_written_where_etc_is_the_machines_own() -> None:
    case = Case({"/etc/creds-oracle/svc": b""}, "svc", ())
    done = subprocess.run(
        [sys.executable, str(CHILD)],
        input=case.to_json(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "/etc is not an empty file system" in done.stderr
    assert not Path("/etc/creds-oracle").exists()


@pytest.mark.parametrize("name", SPECIAL)
def test_stack_equals_libpam_for_special_files(root: str, name: str) -> None:
    dialect, files = usable(root), SPECIAL[name]
    directories = () if "/etc/pam.conf" in files else None
    stacks = resolve_all("svc", reader(files), dialect=dialect, directories=directories)
    wanted = [predict(stacks, sequence) for sequence in AUTH]
    got = ask(root, [Case(files, "svc", AUTH)], processor_seconds=3)[0]
    assert wanted == (got if len(got) > 1 else got * len(wanted))


@pytest.mark.parametrize("service", ["other", "SVC", "/usr/bin/Svc"])
def test_service_names_are_read_as_libpam_reads_them(root: str, service: str) -> None:
    dialect = usable(root)
    files = {
        D + "svc": b"auth required pam_echo.so a\n",
        D + "other": b"auth required pam_echo.so b\n",
    }
    stacks = resolve_all(service, reader(files), dialect=dialect)
    assert [predict(stacks, AUTH[0])] == ask(root, [Case(files, service, AUTH[:1])])[0]
