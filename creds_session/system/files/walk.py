"""Follow a path below an open directory as the kernel would follow it if that were ``/``.

The text of a path does not say where it leads a moment later, if another process changes the tree.
So each component is looked up in the descriptor of the directory before it
(openat(2) with O_PATH and O_NOFOLLOW), the text of each symbolic link is followed in the same way,
and ``..`` goes back to the descriptor from which the walk came, never to whatever the kernel takes
for the parent by then. Neither a link nor a renamed directory leads out of the tree. O_PATH does
not open what is found, so that a FIFO is not waited for and a device does nothing (open(2)).

openat2(2) with RESOLVE_IN_ROOT does much of this in one call, but Python has no function for it,
Linux before 5.6 does not have it, and it cannot say whose link it followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from creds_session.errors import InvalidData
from creds_session.records import NamedTuple
from creds_session.system.files.regular_file import CannotBeOpened

MAX_LINKS = 40  # the kernel's own limit (path_resolution(7))
LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
SELF = "."

Trust = Callable[[str, os.stat_result, os.stat_result], None]
"""Raise if a link may not be followed: its path, its status, and that of its directory."""


class Place(NamedTuple):
    """Where a path leads: a name in an open directory, which is ``.`` for that directory itself.

    ``path`` is its path below the top, without links. ``missing`` are the names of the
    path that do not exist, one below the other in ``directory``, from the first one on.
    """

    directory: int
    name: str
    path: str
    missing: tuple[str, ...] = ()


def _follow_all(_path: str, _link: os.stat_result, _directory: os.stat_result) -> None:
    """Follow every link."""


@contextmanager
def walk(top: int, path: str, *, last: bool = True, trust: Trust = _follow_all) -> Iterator[Place]:
    """Yield the place where a path leads below ``top``; its descriptor is closed afterwards.

    ``last``: a link as the last component is followed too. Raises CannotBeOpened for a loop of
    links; InvalidData for a NUL byte; NotADirectoryError if a component on the way is something
    else; OSError.
    """
    steps = _Walk(top, path, trust)
    try:
        yield steps.follow(last=last)
    finally:
        steps.close()


class _Walk:
    """The open directories from the top to the current one, with their names."""

    def __init__(self, top: int, path: str, trust: Trust) -> None:
        if "\0" in path:
            raise InvalidData(f"{path!r}: a path has no NUL byte")
        self.asked, self.trust = path, trust
        self.todo = _components(path)
        self.links = 0
        self.open, self.names = [os.open(SELF, LOOK | os.O_DIRECTORY, dir_fd=top)], [""]

    def close(self) -> None:
        """Close all of them."""
        for descriptor in self.open:
            os.close(descriptor)

    def follow(self, *, last: bool) -> Place:
        """Follow the components until none is left, or one does not exist."""
        while self.todo:
            name = self.todo.pop(0)
            if name == "..":
                self._go_up()
                continue
            if not self.todo and not last:
                return self._place(name)
            try:
                descriptor = os.open(name, LOOK, dir_fd=self.open[-1])
            except FileNotFoundError:
                return self._absent(name)
            if not self._enter(name, descriptor):
                return self._place(name)
        return self._place(SELF)

    def _enter(self, name: str, descriptor: int) -> bool:
        """Enter a directory or follow a link; return whether the walk goes on from there."""
        try:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                self.open.append(descriptor)
                self.names.append(name)
                descriptor = -1
            elif stat.S_ISLNK(status.st_mode):
                self._follow_link(name, descriptor, status)
            elif self.todo:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            else:
                return False
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        return True

    def _follow_link(self, name: str, descriptor: int, status: os.stat_result) -> None:
        """Put the text of a link before what is left of the path."""
        self.links += 1
        if self.links > MAX_LINKS:
            raise CannotBeOpened(f"{self.asked}: too many symbolic links")
        self.trust(self._text(name), status, os.fstat(self.open[-1]))
        target = os.readlink("", dir_fd=descriptor)  # readlinkat(2): the link that is held
        if target.startswith("/"):
            while len(self.open) > 1:
                self._go_up()
        self.todo = _components(target) + self.todo

    def _go_up(self) -> None:
        """Go back to the directory above; above the top there is only the top."""
        if len(self.open) > 1:
            os.close(self.open.pop())
            self.names.pop()

    def _place(self, name: str) -> Place:
        return Place(self.open[-1], name, self._text(name))

    def _absent(self, name: str) -> Place:
        """Return the place of what does not exist. Nothing is above a name that does not exist."""
        rest = [name, *self.todo]
        if ".." in rest:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        text = "/".join([*self.names, *rest])
        return Place(self.open[-1], rest[-1], text, tuple(rest))

    def _text(self, name: str) -> str:
        names = self.names if name == SELF else [*self.names, name]
        return "/".join(names) or "/"


def _components(path: str) -> list[str]:
    """Split a path, without empty components and ``.``, which do not change the directory."""
    return [name for name in path.split("/") if name not in {"", SELF}]
