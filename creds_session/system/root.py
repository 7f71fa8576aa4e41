"""Every path goes through a Root, so that ``--root DIR`` cannot be forgotten."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import NamedTuple

from creds_session.errors import InvalidData, NotPermitted
from creds_session.system.regular_file import open_regular

MAX_LINKS = 40  # the kernel's own limit (path_resolution(7))


class Root(NamedTuple):
    """A directory that is taken for ``/``: a running system, an image or a mounted system."""

    directory: Path = Path("/")

    @property
    def is_running_system(self) -> bool:
        """Tell whether this is the system that runs this process."""
        return os.path.realpath(self.directory) == "/"

    def path(self, path: str) -> Path:
        """Return where ``path`` lies on this system, its links not followed."""
        return self.directory / path.lstrip("/")

    def place(self, path: str) -> Path:
        """Return where ``path`` itself lies: links in its folders followed, its own not."""
        folder, name = posixpath.split(posixpath.normpath(path))
        return self.path(posixpath.join(self.resolve(folder), name))

    def resolve(self, path: str) -> str:
        """Follow every link of an absolute path as the root's own kernel would.

        Returns a path inside the root: neither an absolute link nor ``..`` leads out of it.
        Raises InvalidData for a loop.
        """
        if "\0" in path:
            raise InvalidData(f"{path!r}: a path has no NUL byte")
        top = str(self.directory).rstrip("/")
        done, todo, links = "/", path.split("/"), 0
        while todo:
            name = todo.pop(0)
            if name in {"", "."}:
                continue
            if name == "..":
                done = posixpath.dirname(done)
                continue
            here = posixpath.join(done, name)
            try:
                target = os.readlink(f"{top}{here}")  # noqa: PTH115 - the text, not a Path
            except OSError:
                done = here
                continue
            links += 1
            if links > MAX_LINKS:
                raise InvalidData(f"{path}: too many symbolic links")
            if target.startswith("/"):
                done = "/"
            todo = target.split("/") + todo
        return done

    def read(self, path: str, limit: int = 1 << 20) -> bytes | None:
        """Return the content of a regular file, or None where there is none.

        Raises InvalidData for a file larger than ``limit`` bytes or one that is no file.
        """
        place = self.path(self.resolve(path))
        try:
            descriptor = open_regular(place, path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:
            raise NotPermitted(f"{path}: cannot be read: {error.strerror}") from error
        except (OSError, ValueError) as error:
            raise InvalidData(f"{path}: cannot be read: {error}") from error
        with open(descriptor, "rb") as file:  # noqa: PTH123 - it takes a descriptor
            content = file.read(limit + 1)
        if len(content) > limit:
            raise InvalidData(f"{path}: larger than {limit} bytes")
        return content

    def exists(self, path: str) -> bool:
        """Tell whether something is there, links followed inside the root."""
        return os.path.exists(self.path(self.resolve(path)))  # noqa: PTH110 - denied is not there

    def names(self, path: str) -> list[str]:
        """Return the names in a folder, sorted; none where there is no folder.

        Raises NotPermitted.
        """
        try:
            return sorted(os.listdir(self.path(self.resolve(path))))  # noqa: PTH208 - names alone
        except (FileNotFoundError, NotADirectoryError):
            return []
        except PermissionError as error:
            raise NotPermitted(f"{path}: cannot be read: {error.strerror}") from error
