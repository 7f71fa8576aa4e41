"""Refuse a service that libpam cannot load, or that always fails, with place, cause and remedy.

This holds for lines of included files, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from creds_session.errors import InvalidData
from creds_session.findings import Severity
from creds_session.pam.keyring_rules.owners import owner_of
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.stack.handlers import Branch, Failure, Handler, Origin, Stacks
from creds_session.pam.stack.resolve import OTHER, Read
from creds_session.pam.syntax.lines import LINE_LIMIT
from creds_session.pam.syntax.lint import Diagnostic, lint
from creds_session.pam.syntax.malformed_line import diagnose_malformed
from creds_session.pam.syntax.nodes import Malformed, Mistake, ServiceFile
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Action, Dialect, ManagementGroup

ODD = re.compile("[\0\r\v\f\xa0]")
REMEDIES: Final = {
    Mistake.CARRIAGE_RETURN: "give the file Unix line ends (dos2unix, or sed -i 's/\\r$//')",
    Mistake.BYTE_ORDER_MARK: "remove the three bytes EF BB BF at the start of the file",
    Mistake.LONG_LINE: f"make that line {LINE_LIMIT:,} bytes or shorter, even if it is a comment",
    Mistake.NO_SUCH_FILE: (
        "restore that file (reinstall its package), or remove the line that names it"
    ),
    Mistake.CIRCLE: "remove the line that includes the file again",
}
"""What to do about each mistake."""


class _Cause(NamedTuple):
    """Why libpam fails on a line."""

    reason: str
    mistake: Mistake | None = None


def refuse_broken(path: str, file: ServiceFile) -> None:
    """Raise InvalidData with the place of the first line that libpam refuses."""
    for found in lint(file):
        if found.severity is Severity.ERROR:
            raise InvalidData(
                f"{path}:{found.line}:{found.column}: {found.reason}",
                hint=_hint(found.mistake, file.render()),
            )


def refuse_unloadable(service: str, failure: Failure | None, read: Read) -> None:
    """Raise InvalidData for a service that libpam cannot load at all."""
    if failure is None:
        return
    place, hint = "", _hint(failure.mistake, b"")
    if failure.origin is not None:
        file = failure.origin.file
        place, hint = f"{failure.origin.place}: ", _hint(failure.mistake, read(file) or b"")
        if file.endswith(f"/{OTHER}"):
            hint = f"{hint}; libpam reads {file} for every service"
    raise InvalidData(
        f"libpam cannot load the service {service}: {place}{failure.reason}", hint=hint
    )


def refuse_hopeless_rules(stacks: Stacks, files: PamFiles) -> None:
    """Raise InvalidData for a rule that always fails, whatever its module returns.

    The service then fails with and without our rules, so the proof would hold and say nothing. The
    same is true for a module whose name contains a byte that only looks like a blank: libpam finds
    no such module.
    """
    for group in ManagementGroup:
        causes = dict(_causes(stacks.of(group).tree))
        for handler in stacks.of(group).handlers:
            is_odd = ODD.search(handler.module_path) is not None and not handler.is_substack
            if not (is_odd or _is_hopeless(handler)):
                continue
            file = handler.origin.file
            content = files.read(file) or b""
            unnamed = _Cause(handler.module_path or "the line is not a rule")
            known = _cause(handler, content, files.dialect) or causes.get(handler.origin)
            cause = known or unnamed
            effect = "libpam finds no such module" if is_odd else "libpam always fails here"
            raise InvalidData(
                f"{handler.place}: {effect}: {cause.reason}", hint=_hint(cause.mistake, content)
            )


def _is_hopeless(handler: Handler) -> bool:
    """Return whether libpam counts every return value of a handler as a failure."""
    if handler.must_fail:
        return True
    return not handler.is_substack and all(action is Action.BAD for action in handler.actions)


def _cause(handler: Handler, content: bytes, dialect: Dialect) -> _Cause | None:
    """Return what is wrong with the line of a handler, or None."""
    file = parse(content, dialect)
    if handler.origin.node >= len(file.lines):
        return None
    node = file.lines[handler.origin.node]
    last = node.line + node.source.rstrip(b"\n").count(b"\n")
    errors = (error for error in lint(file) if _is_error_of(error, node.line, last))
    return next((_Cause(error.reason, error.mistake) for error in errors), None)


def _is_error_of(found: Diagnostic, first: int, last: int) -> bool:
    return found.severity is Severity.ERROR and first <= found.line <= last


def _causes(tree: Sequence[Branch]) -> Iterator[tuple[Origin, _Cause]]:
    """Yield the lines that are not rules and the includes that failed, each with the cause."""
    for branch in tree:
        if branch.reason:
            yield branch.origin, _Cause(branch.reason, branch.mistake)
        elif isinstance(branch.node, Malformed):
            found = diagnose_malformed(branch.node)
            yield branch.origin, _Cause(found.reason, found.mistake)
        yield from _causes(branch.children)


def _hint(mistake: Mistake | None, content: bytes) -> str:
    """Return what to do about a mistake in a file with this content."""
    remedy = "correct that line" if mistake is None else REMEDIES[mistake]
    owner = owner_of(content)
    if owner is not None:
        remedy = f"let {owner.tool} write that file again, or {remedy}"
    return f"{remedy}, and try again; libpam fails because of it"
