"""What of a run is on the disk already, and what a power cut would still take away."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.unit.traces import Call

CREATING = ("O_EXCL", "O_TMPFILE")  # without these the file may have been there already


class Disk:
    """The files and folders below ``directory`` that were changed and not synced since.

    fsync(2): the content of a file is durable after an fsync of the file, and its name after an
    fsync of the folder. ``renamed_unsynced`` has each file that got a name while its content was
    not durable; after a power cut such a file can be empty.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.unsynced: set[str] = set()
        self.renamed_unsynced: list[str] = []
        self.renamed: list[str] = []
        self._perhaps_new: set[str] = set()

    def see(self, calls: Iterable[Call]) -> None:
        """Follow these calls."""
        for call in calls:
            if all(Path(path).is_relative_to(self._directory) for path in call.paths):
                self._see(call)

    def below(self, folder: Path) -> set[str]:
        """Return what is not synced in this folder, and the folder itself if it is not."""
        return {path for path in self.unsynced if Path(path).is_relative_to(folder)}

    def _see(self, call: Call) -> None:
        if call.name in {"fsync", "fdatasync"}:
            self.unsynced.discard(call.paths[0])
        elif call.name in {"write", "pwrite64", "ftruncate", "fchmod", "fchown", "fsetxattr"}:
            self.unsynced.update(call.paths)
            self.unsynced.update(
                str(Path(path).parent) for path in call.paths if path in self._perhaps_new
            )
        elif call.name.startswith("rename"):
            self._rename(*call.paths)
        elif call.name == "rmdir" or "AT_REMOVEDIR" in call.arguments:
            # An empty folder that is there again after a power cut does no harm.
            self._forget(call.paths[0])
        elif call.name in {"unlink", "unlinkat"}:
            self._forget(call.paths[0])
            self.unsynced.add(str(Path(call.paths[0]).parent))
        elif call.name.startswith(("mkdir", "link")) or any(
            word in call.arguments for word in CREATING
        ):
            self.unsynced.add(str(Path(call.paths[-1]).parent))
        elif "O_CREAT" in call.arguments:
            self._perhaps_new.add(call.paths[-1])

    def _rename(self, old: str, new: str) -> None:
        if old in self.unsynced:
            self.renamed_unsynced.append(new)
        self.renamed.append(new)
        self._forget(old)
        self.unsynced.update(str(Path(path).parent) for path in (old, new))

    def _forget(self, path: str) -> None:
        """Take a name away: nothing that was below it has to be synced any more."""
        self.unsynced = {one for one in self.unsynced if not Path(one).is_relative_to(path)}
