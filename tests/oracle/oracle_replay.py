"""Replay updates of a vendor: the old file is applied, the newer one arrives, and is rebased.

A pair is two consecutive versions of one file, with what each includes. Pairs of real files come
from the corpus that CREDS_PAM_CORPUS names: consecutive versions of one path in one repository. Of
our own layouts, consecutive ones of one service count as a pair: a file that is rewritten.
``made_pairs`` are few, and each result occurs among them, wherever the vendor's file lies.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.plan import Options, Plan
from creds_session.pam.syntax.terms import Dialect
from creds_session.setup_pam.apply import apply, revert
from creds_session.setup_pam.judgement import judge_content
from creds_session.setup_pam.plan import plan_setup
from creds_session.setup_pam.rebase import Refused, plan_rebases, setup_of
from creds_session.system.files.root import Root
from tests.oracle.oracle_corpus import Item, all_items, read_layouts
from tests.oracle.oracle_layouts import why_not_judged
from tests.unit.images import make_image, write

LIBRARY = "/usr/lib/x86_64-linux-gnu/libpam.so.0"
HARM = {"UNLOADABLE", "LOCK_OUT", "LET_IN", "CHECK_GONE"}
REBASED, REFUSED = "rebased", "refused"
SAME_RULES = "the newer file has the same rules"
NO_CHANGE = "the old file needs no change"
NO_SAFE_CHANGE = "the old file has no safe change"
MADE = (
    (REBASED, "alpine-base", b"%s\nsession optional pam_umask.so\n"),
    (REFUSED, "alpine-base", b"account required pam_deny.so\n%s"),
    (SAME_RULES, "alpine-base", b"# of a later release\n%s"),
    (NO_CHANGE, "key-only-deny", b"%s\nsession optional pam_umask.so\n"),
    (NO_SAFE_CHANGE, "odd-bytes", b"%s\nsession optional pam_umask.so\n"),
)
"""A result, the layout whose update has it, and the newer file; ``%s`` is the old one."""
Files = dict[str, bytes]


class Kind(enum.Enum):
    """Where the vendor's file lies; the value is the end of the newer file's name."""

    COPY = ""
    """In /usr/lib/pam.d, and the file in /etc is a copy of it."""
    DPKG = ".dpkg-dist"
    """In /etc, and dpkg knows the old one."""
    RPM = ".rpmnew"
    """In /etc, and nobody knows the old one."""


class Replayed(NamedTuple):
    """What came of a pair: the files that libpam reads with our lines, and without them."""

    name: str
    service: str
    result: str
    reason: str = ""
    without: Files | None = None
    after: Files | None = None
    harm: tuple[str, ...] = ()


def pairs() -> Iterator[tuple[Item, Item]]:
    """Yield each pair, the older version first."""
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in (*read_layouts(), *(one for one in all_items() if one.repository)):
        if not why_not_judged(item):
            groups.setdefault((item.repository, item.origin, item.service), []).append(item)
    for versions in groups.values():
        ordered = sorted(versions, key=lambda one: one.number)
        yield from zip(ordered, ordered[1:])


def made_pairs() -> Iterator[tuple[str, tuple[Item, Item]]]:
    """Yield a pair for each result, with the result that it must have."""
    layouts = {item.number: item for item in read_layouts() if item.service == "sshd"}
    for result, layout, newer in MADE:
        old = layouts[layout]
        files = {**old.files, old.path: newer % old.content}
        yield result, (old, replace(old, number=f"{layout}, made: {result}", files=files))


def replay(place: Path, pair: tuple[Item, Item], dialect: Dialect, kind: Kind) -> Replayed:
    """Replay one pair in an image at ``place``."""
    old, new = pair
    name = f"{old.repository or 'layout'} {old.number}->{new.number} {old.service}"
    root = make_image(place)
    version = "1.5.2" if dialect.has_line_limit else "1.7.0"
    status = f"Package: libpam0g\nVersion: {version}\n"
    write(root, LIBRARY, b"\0/etc/pam.d/%s\0/usr/lib/pam.d/%s\0")
    own = f"/etc/pam.d/{old.service}"
    if kind is Kind.DPKG:
        status += f"Conffiles:\n {own} {hashlib.md5(old.content).hexdigest()}\n"  # noqa: S324
    write(root, "/var/lib/dpkg/status", status.encode())
    vendor = f"/usr/lib/pam.d/{old.service}" if kind is Kind.COPY else own
    _lay_out(root, old, vendor)
    try:
        setup = plan_setup(root, [old.service])
        apply(root, setup)
    except InvalidData as error:
        return Replayed(name, old.service, NO_SAFE_CHANGE, error.problem)
    if not setup.edited:
        return Replayed(name, old.service, NO_CHANGE)
    waiting = vendor if kind is Kind.COPY else f"{own}{kind.value}"
    for path, content in new.files.items():
        if path not in {new.path, own, vendor}:
            write(root, path, content)
    write(root, waiting, new.content)
    found = plan_rebases(root, (), Options())
    if not found:
        return Replayed(name, old.service, SAME_RULES)
    ((_, _, outcome),) = found
    if isinstance(outcome, Refused):
        return Replayed(name, old.service, REFUSED, outcome.reason)
    return _rebased(root, name, old.service, own, outcome, setup_of(found))


def _rebased(
    root: Root, name: str, service: str, own: str, planned: Plan, setup: object
) -> Replayed:
    before = root.read(own)
    apply(root, setup)  # type: ignore[arg-type]
    harm = _harm(root, own, planned.content)
    after = _files(root)
    revert(root)
    left = root.read(own)
    if b"pam_gnome_keyring" in (left or b"") and b"pam_gnome_keyring" not in planned.content:
        harm = (*harm, "revert left a line of ours")
    if before is None:
        harm = (*harm, "there was no file")
    return Replayed(name, service, REBASED, "", {**after, own: planned.content}, after, harm)


def _harm(root: Root, own: str, without: bytes) -> tuple[str, ...]:
    """Return what the judge says of our lines: from the file with them to the one without, too."""
    found = judge_content(root, own, without).findings
    return tuple(str(one) for _, one in found if one.kind.name in HARM)


def _lay_out(root: Root, item: Item, vendor: str) -> None:
    root.path("/etc/pam.d/sshd").unlink()
    for path, content in item.files.items():
        write(root, path, content)
    root.path(item.path).unlink()
    write(root, vendor, item.content)


def _files(root: Root) -> Files:
    found = {}
    for directory in ("/etc/pam.d", "/usr/lib/pam.d"):
        for name in root.names(directory):
            found[f"{directory}/{name}"] = root.read(f"{directory}/{name}") or b""
    return found
