"""Say which file libpam uses for a service and for each include, and which files that one hides.

Source: libpam/pam_handlers.c:_pam_open_config_file: the first file that exists counts alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from creds_session.pam.stack.handlers import Branch, Stacks
from creds_session.pam.stack.include import Read
from creds_session.pam.stack.resolve import OTHER
from creds_session.pam.syntax.nodes import Blank, Comment
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect, ManagementGroup


class Hidden(NamedTuple):
    """A file that libpam does not read, and whether its rules are those of the file that it uses.

    The rules are compared as they are written, without comments and blank lines.
    """

    path: str
    is_same: bool


class FileUse(NamedTuple):
    """The file that libpam uses for one name: a service, ``other`` or an include.

    ``used`` is None if no file exists. ``included_at`` is the place of the first rule that includes
    the file, or empty.
    """

    name: str
    used: str | None
    hides: tuple[Hidden, ...]
    included_at: str = ""


def files_used(
    stacks: Stacks, read: Read, dialect: Dialect, directories: tuple[str, ...]
) -> tuple[FileUse, ...]:
    """Return the files of a service in the order in which libpam first reads them."""
    service = stacks.auth.service
    found = {name: _use(name, "", read, dialect, directories) for name in (service, OTHER)}
    other = found.pop(OTHER)
    for group in ManagementGroup:
        for name, place in _includes(stacks.of(group).tree):
            if name not in found:
                # Debian's libpam looks for the included files in /etc/pam.d alone.
                own = ("/etc/pam.d",) if dialect.is_debian else directories
                use = _use(name, place, read, dialect, own)
                also = tuple(d for d in directories if d not in own)
                found[name] = use._replace(hides=(*use.hides, *_others(use, also, read, dialect)))
    return (*found.values(), *([other] if OTHER not in found else []))


def _includes(tree: tuple[Branch, ...]) -> Iterator[tuple[str, str]]:
    """Yield the name that each include has in its rule, and its place."""
    for branch in tree:
        path = getattr(branch.node, "module_path", None)
        if path is not None and (branch.included or branch.reason):
            yield path.decode("utf-8", "surrogateescape"), branch.origin.place
        yield from _includes(branch.children)


def _use(
    name: str, place: str, read: Read, dialect: Dialect, directories: tuple[str, ...]
) -> FileUse:
    paths = [name] if name.startswith("/") else [f"{d}/{name}" for d in directories]
    used = next((path for path in paths if read(path) is not None), None)
    use = FileUse(name, used, (), place)
    if used is None:
        return use
    later = tuple(d for d in directories if f"{d}/{name}" in paths[paths.index(used) + 1 :])
    return use._replace(hides=tuple(_others(use, later, read, dialect)))


def _others(
    use: FileUse, directories: tuple[str, ...], read: Read, dialect: Dialect
) -> Iterator[Hidden]:
    """Yield the files of the same name in other directories."""
    if use.name.startswith("/"):
        return
    content = read(use.used) if use.used is not None else None
    for path in (f"{directory}/{use.name}" for directory in directories):
        hidden = read(path)
        if hidden is not None:
            is_same = content is not None and rule_texts(content, dialect) == rule_texts(
                hidden, dialect
            )
            yield Hidden(path, is_same)


def rule_texts(content: bytes, dialect: Dialect) -> list[bytes]:
    """Return the rules as they are written, without comments and with single blanks."""
    nodes = parse(content, dialect).lines
    rules = (node for node in nodes if not isinstance(node, (Comment, Blank)))
    return [b" ".join(node.source.partition(b"#")[0].split()) for node in rules]
