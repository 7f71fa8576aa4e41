"""The service files of one machine or image, and the libpam that reads them, as one value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.names import MODULE
from creds_session.pam.keyring_rules.policy import GUARD_ACTIONS, GUARD_ARGUMENTS, GUARD_MODULE
from creds_session.pam.stack.handlers import Stack, Stacks
from creds_session.pam.stack.resolve import Read, resolve_all
from creds_session.pam.syntax.nodes import AtInclude, Malformed, Node, Rule
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect, ManagementGroup

MOST_SERVICES = 2_000
"""The most services of one machine; a large machine has about a hundred."""

Names = Callable[[str], Iterable[str]]
"""Returns the names of the files in a directory."""


def _no_names(_directory: str) -> tuple[str, ...]:
    return ()


class PamFiles(NamedTuple):
    """PAM's files of one machine or image.

    ``read`` returns the bytes of a path, or None if there is no such file. ``dialect`` is the
    libpam that reads them. ``names`` lists a directory; only ``services`` needs it. ``directories``
    are the directories of services, if they are known; otherwise they are those of the dialect.
    """

    read: Read
    dialect: Dialect = Dialect.DEBIAN_1_7
    names: Names = _no_names
    directories: tuple[str, ...] | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """The directories of services, in the order in which libpam looks."""
        return self.dialect.directories if self.directories is None else self.directories

    def stacks(self, service: str) -> Stacks:
        """Return what libpam runs for each group of a service."""
        return resolve_all(service, self.read, dialect=self.dialect, directories=self.places)

    def stack(self, service: str, group: ManagementGroup) -> Stack:
        """Return what libpam runs for one group of a service."""
        return self.stacks(service).of(group)

    def overlaid(self, path: str, content: bytes) -> PamFiles:
        """Return the same files, except that the file at ``path`` has this content."""
        read = self.read
        return self._replace(read=lambda asked: content if asked == path else read(asked))

    def without_our_rules(self) -> PamFiles:
        """Return the same files without any rule that this project writes."""
        read, dialect = self.read, self.dialect

        def read_without(path: str) -> bytes | None:
            content = read(path)
            if content is None or MODULE.encode() not in content:
                return content
            nodes = parse(content, dialect).lines
            return b"".join(node.source for node in _foreign_nodes(nodes))

        return self._replace(read=read_without)

    def services(self) -> frozenset[str]:
        """Return the names of all services that have a file.

        Raises:
            InvalidData: There are more than ``MOST_SERVICES``; each would be proved twice.
        """
        names = frozenset(name for directory in self.places for name in self.names(directory))
        if len(names) > MOST_SERVICES:
            raise InvalidData(f"there are more than {MOST_SERVICES} PAM services")
        return names


def _foreign_nodes(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield the nodes that this project did not write.

    A guard belongs to this project if the next rule of its group is a rule of pam_gnome_keyring.
    """
    for index, node in enumerate(nodes):
        if _is_keyring_rule(node):
            continue
        if isinstance(node, Rule) and _is_guard_rule(node):
            following = islice(nodes, index + 1, None)
            if _is_keyring_rule(next((n for n in following if _may_load(n, node.type)), None)):
                continue
        yield node


def _may_load(node: Node, group: ManagementGroup) -> bool:
    """Return whether a line may give a group a handler."""
    if isinstance(node, (Rule, Malformed)):
        return node.type in (group, None)
    return isinstance(node, AtInclude)


def _is_keyring_rule(node: Node | None) -> bool:
    return isinstance(node, Rule) and node.module_path.rpartition(b"/")[2] == MODULE.encode()


def _is_guard_rule(node: Rule) -> bool:
    return (
        node.module_path == GUARD_MODULE.encode()
        and node.module_arguments == tuple(argument.encode() for argument in GUARD_ARGUMENTS)
        and node.control.actions == GUARD_ACTIONS
    )
