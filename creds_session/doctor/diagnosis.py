"""Look at a session, judge it, and carry out remedies: the work of ``creds-doctor``."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from creds_session.doctor.checks import CHECKS, Check, run
from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.checks.registry import level_text
from creds_session.errors import InvalidData, NoSuchFile, UsageError
from creds_session.facts.snapshot import Facts, Reader
from creds_session.findings import Finding, Severity, shell_line
from creds_session.probe.snapshot import TIMEOUT, probe, probe_user
from creds_session.records import NamedTuple
from creds_session.system.files.foreign_home import foreign_place
from creds_session.system.files.root import Root
from creds_session.system.processes.environment import own_environment_of
from creds_session.system.processes.user_ids import own_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from creds_session.doctor.report.check_pages import Entry

LARGEST = 1 << 26  # bytes of saved facts


def look(environ: Mapping[str, str], user: str | None = None, timeout: float = TIMEOUT) -> Facts:
    """Look at this session, or at another user's; change and start nothing.

    ``timeout`` is in seconds, for everything that may wait.

    Raises UsageError for root with the home of another user, and NoSuchFile, NotPermitted or
    Unavailable for another user's session.
    """
    if user is None or own_name() == user:
        _refuse_foreign_home(environ)
        return probe(own_environment_of(environ, os.getuid()), Root(), timeout)
    return probe_user(user, Root(), timeout)


def _refuse_foreign_home(environ: Mapping[str, str]) -> None:
    """Refuse to follow, as root, links that another user may have made."""
    found = foreign_place(environ)
    if found is None:
        return
    user, name = found.user or "another user", found.user or "USER"
    raise UsageError(
        f"root with {found.variable}={found.place} would read, as root, what {user} put there;"
        " nothing was looked at",
        hint=f"look at that session with: sudo creds-doctor --user {name}\n"
        f"or run creds-doctor as {name}, without sudo",
    )


def judge(
    facts: Facts, checks: Iterable[Check] = CHECKS, environ: Mapping[str, str] | None = None
) -> Diagnosis:
    """Return what the checks find in these facts.

    ``environ`` is given if the facts are those of this session, now: then what is known about PAM's
    files is remembered from one run to the next.
    """
    if environ is None:
        return Diagnosis(facts, run(checks, facts))
    from creds_session.doctor.pam_memory import PamMemory  # not for saved facts

    memory = PamMemory(environ, facts)
    memory.recall()
    diagnosis = Diagnosis(facts, run(checks, facts))
    memory.keep()
    return diagnosis


class Dialog(NamedTuple):
    """The conversation with the person: how a line is printed, and how a step is confirmed."""

    print: Callable[[str], None]
    confirm: Callable[[str], bool]


def fix(
    environ: Mapping[str, str], checks: Iterable[Check], dialog: Dialog, *, is_dry: bool = False
) -> Diagnosis:
    """Carry out safe remedies one after the other, root causes first, and verify each of them.

    The reason is printed for a remedy that is not carried out. Returns the diagnosis at the end.
    """
    from creds_session.doctor.cures import carry_out, refusal  # only if a remedy is carried out

    checks = tuple(checks)
    done: set[str] = set()
    diagnosis = judge(look(environ), checks)
    while (finding := _next(diagnosis, done)) is not None:
        done.add(finding.id)
        remedy = finding.remediation
        refused = refusal(finding)
        if refused or remedy is None:
            dialog.print(f"{finding.id}: {refused}")
            continue
        dialog.print(f"{finding.id}: {finding.title}")
        for argv in remedy.commands:
            dialog.print(f"    {shell_line(argv)}")
        if is_dry or not dialog.confirm(f"{remedy.text}?"):
            continue
        problem = carry_out(remedy, diagnosis.facts, environ)
        diagnosis = judge(look(environ), checks)
        dialog.print(f"{finding.id}: {problem or _verdict(finding.id, diagnosis)}")
    return diagnosis


def _next(diagnosis: Diagnosis, done: Collection[str]) -> Finding | None:
    """Return the first finding that is not done yet; a note needs no remedy."""
    for result in diagnosis.results:
        for finding in result.findings:
            if finding.severity is not Severity.NOTE and finding.id not in done:
                return finding
    return None


def _verdict(check_id: str, diagnosis: Diagnosis) -> str:
    found = {finding.id for result in diagnosis.results for finding in result.findings}
    return "still found" if check_id in found else "fixed"


def to_save(facts: Facts, *, anonymously: bool) -> str:
    """Return facts for others to judge, without what looks like a password."""
    from creds_session.facts.serialization import (  # most runs save nothing
        anonymous,
        dumps,
        redacted,
    )

    kept = redacted(facts)
    return dumps(anonymous(kept, os.uname().nodename) if anonymously else kept)


def saved(path: Path) -> Facts:
    """Read the facts in a file. Raises NoSuchFile, and what ``read_saved`` raises."""
    try:
        with path.open("rb") as file:
            return read_saved(file, str(path))
    except FileNotFoundError:
        raise NoSuchFile(f"{path}: no such file") from None
    except OSError as error:
        raise InvalidData(f"{path}: cannot be read: {error}") from error


def read_saved(file: BinaryIO, name: str) -> Facts:
    """Read saved facts from an open file, which messages call ``name``. Raises InvalidData.

    Nobody knows who wrote the paths in them, so no command on such a path is shown.
    """
    from creds_session.facts.serialization import loads

    try:
        content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise InvalidData(f"{name}: is larger than {LARGEST} bytes")
        return loads(content.decode())._replace(reader=Reader.ELSEWHERE)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidData(f"{name}: cannot be read: {error}") from error


def entries() -> tuple[Entry, ...]:
    """Return each check as the registry describes it, without looking at the machine."""
    return tuple(_entry(check) for check in CHECKS)


def pages() -> dict[str, str]:
    """Return the pages of the checks, by their path below docs/reference."""
    listed = entries()
    from creds_session.doctor.report.check_pages import index, page

    texts = {"checks.md": index(listed)}
    for entry in listed:
        effects = [other.id for other in listed if entry.id in other.needs]
        texts[f"checks/{entry.id}.md"] = page(entry, effects)
    return texts


def _entry(check: Check) -> Entry:
    from creds_session.doctor.report.check_pages import Entry  # no look at a machine needs it

    return Entry(
        check.id,
        check.group,
        None if callable(check.severity) else check.severity,
        check.title,
        check.cause,
        None if callable(check.remedy) else check.remedy,
        check.needs,
        check.about,
        level_text(check),
        check.cases,
    )
