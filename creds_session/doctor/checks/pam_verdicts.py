"""Ask the proof about a PAM service, and name the rules of pam_gnome_keyring in it.

Everything here is computed once for each service, because many checks ask for it.
"""

from __future__ import annotations

import functools
from typing import Union

from creds_session.errors import CredsSessionError
from creds_session.facts.snapshot import PamFacts
from creds_session.findings import Found, Remediation
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.policy import is_keyring
from creds_session.pam.keyring_rules.verdict import GroupVerdict, verdicts_of_service
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Dialect, ManagementGroup

APPLY = Remediation(
    "let PAM pass your login password to the keyring, then log in again with your password",
    (("sudo", "creds-setup-pam", "apply"),),
    is_safe=True,
)
MISSING = ("pam-module-not-installed", "pam-file-malformed", "pam-rule-missing")
Verdicts = Union[tuple[GroupVerdict, ...], str]


def verdicts(pam: PamFacts, *, early_start: bool = False) -> Verdicts:
    """Return what the proof says about each group of the service, or why libpam refuses it."""
    files = tuple(sorted(pam.files.items()))
    return _verdicts(pam.service, files, pam.dialect, early_start)


@functools.lru_cache(maxsize=64)
def _verdicts(
    service: str,
    files: tuple[tuple[str, bytes], ...],
    dialect: Dialect,
    early_start: bool,  # noqa: FBT001 - lru_cache takes it by place
) -> Verdicts:
    try:
        pam_files = PamFiles(dict(files).get, dialect)
        return verdicts_of_service(service, pam_files, early_start=early_start)
    except CredsSessionError as error:
        return error.problem


def has_service(pam: PamFacts) -> bool:
    """Return whether there is a file for the service."""
    return pam.service in {path.rpartition("/")[2] for path in pam.files}


def problems(pam: PamFacts) -> tuple[GroupVerdict, ...]:
    """Return the groups of the service that have a problem; none if libpam refuses the service."""
    found = verdicts(pam) if has_service(pam) else ()
    if isinstance(found, str):
        return ()
    return tuple(verdict for verdict in found if verdict.applies and verdict.problem)


def rules_of(pam: PamFacts) -> dict[ManagementGroup, tuple[Handler, ...]]:
    """Return what libpam would run in each group; nothing if libpam refuses the service."""
    files = tuple(sorted(pam.files.items()))
    return _resolved(pam.service, files, pam.dialect)


@functools.lru_cache(maxsize=64)
def _resolved(
    service: str, files: tuple[tuple[str, bytes], ...], dialect: Dialect
) -> dict[ManagementGroup, tuple[Handler, ...]]:
    stacks = resolve_all(service, dict(files).get, dialect=dialect)
    if stacks.failure is not None:
        return dict.fromkeys(ManagementGroup, ())
    return {group: tuple(stacks.of(group).handlers) for group in ManagementGroup}


def keyring_rules(pam: PamFacts) -> list[Handler]:
    """Return the rules of pam_gnome_keyring in the service."""
    return [rule for rules in rules_of(pam).values() for rule in rules if is_keyring(rule)]


def place_of(rule: Handler) -> str:
    """Return the file, line and group of a rule, as evidence."""
    return f"{rule.origin.file}:{rule.origin.line}: {rule.group.value}"


def has_no_problem(pam: PamFacts, group: ManagementGroup) -> bool:
    """Return whether a group has no problem, so that an oddity in it does no harm."""
    return all(verdict.group is not group for verdict in problems(pam))


def unread(pam: PamFacts) -> tuple[str, ...]:
    """Return, as evidence, that some files could not be read."""
    return (f"not read: {pam.reason}",) if pam.reason else ()


def does_not_unlock(pam: PamFacts, found: tuple[GroupVerdict, ...]) -> Found:
    """Return the finding that a password typed at this service does not unlock the keyring."""
    groups = ", ".join(verdict.group.value for verdict in found)
    evidence = tuple(f"{verdict.group.value}: {verdict.problem}" for verdict in found)
    title = f"a password typed at {pam.service} does not unlock the keyring: {groups}"
    return Found((*evidence, *unread(pam)), title)
