"""What was there before a change, kept until it is taken back: a manifest and whole copies.

One folder a change under the state directory. A manifest is durable before the first byte of
the change is written, and says ``in progress`` until the change was verified: a folder that still
says so, while nobody holds the lock, was left by a run that died.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from creds_session.errors import InvalidData
from creds_session.system.files import Attributes, digest, make_directory, remove_tree
from creds_session.system.files import replace as replace_file

MANIFEST = "manifest.json"
IN_PROGRESS = "in progress"
FINAL = "final"
PRIVATE = Attributes(0o600, os.getuid(), os.getgid(), ())


class SavedEdit(NamedTuple):
    """Neighbouring whole lines that became others; ``old`` is empty where lines were inserted.

    ``line`` is where they stand in the new file; newlines between them are kept, the last is not.
    """

    line: int
    old: bytes
    new: bytes


class SavedFile(NamedTuple):
    """One file of a change: ``before`` and ``attributes`` are None where there was no file."""

    path: str
    before: bytes | None
    after: bytes
    attributes: Attributes | None
    edits: tuple[SavedEdit, ...] = ()


class Checkpoint(NamedTuple):
    """One change: its files, the folders it made, and whether it was verified.

    ``written`` are the paths that may hold something of ours: before a file is written it is
    recorded here, so that what others wrote alike is never taken for ours.
    """

    folder: Path
    files: tuple[SavedFile, ...]
    made_directories: tuple[str, ...]
    state: str = IN_PROGRESS
    written: tuple[str, ...] = ()

    def finalized(self) -> Checkpoint:
        """Return it as verified, and make that durable."""
        return _durable(self._replace(state=FINAL))

    def with_written(self, *paths: str) -> Checkpoint:
        """Return it with these files as those that may be written, and make that durable."""
        return _durable(self._replace(written=paths))

    def discard(self) -> None:
        """Forget it: what it saved is in place again."""
        remove_tree(self.folder, first=MANIFEST)


def save(
    directory: Path, files: tuple[SavedFile, ...], made_directories: tuple[str, ...]
) -> Checkpoint:
    """Make a checkpoint durable before its change begins."""
    make_directory(directory, 0o700)
    numbers = [int(folder.name) for folder in _folders(directory)]
    folder = directory / f"{max(numbers, default=0) + 1:06d}"
    make_directory(folder, 0o700)
    for index, file in enumerate(files):
        if file.before is not None:
            replace_file(folder / str(index), file.before, PRIVATE)
    return _durable(Checkpoint(folder, files, made_directories))


def load_all(directory: Path, *, state: str | None = None) -> Iterator[Checkpoint]:
    """Yield every checkpoint, the newest first, each read when its turn comes.

    So a damaged older one keeps nobody from taking back a newer. ``state`` yields only those in
    it, and reads no copies of the others. One without a manifest changed nothing yet.
    """
    folders = sorted(_folders(directory), key=lambda one: int(one.name), reverse=True)
    for folder in folders:
        if (folder / MANIFEST).exists() and state in {None, _state(folder)}:
            yield _load(folder)


def _state(folder: Path) -> str:
    try:
        return str(json.loads((folder / MANIFEST).read_bytes())["state"])
    except (ValueError, KeyError, TypeError):
        return ""


def sweep(directory: Path) -> None:
    """Remove what runs that died left before they changed anything; hold the lock for it."""
    for folder in _folders(directory):
        if not (folder / MANIFEST).exists():
            remove_tree(folder, first=MANIFEST)


def _folders(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return [folder for folder in directory.iterdir() if folder.name.isdecimal()]


def _durable(checkpoint: Checkpoint) -> Checkpoint:
    files = [
        {
            "path": file.path,
            "existed": file.before is not None,
            "digest_before": None if file.before is None else digest(file.before),
            "after": _text(file.after),
            "attributes": None if file.attributes is None else _attributes(file.attributes),
            "edits": [
                {"line": edit.line, "old": _text(edit.old), "new": _text(edit.new)}
                for edit in file.edits
            ],
        }
        for file in checkpoint.files
    ]
    manifest = {
        "schema": 1,
        "state": checkpoint.state,
        "files": files,
        "made_directories": checkpoint.made_directories,
        "written": checkpoint.written,
    }
    content = json.dumps(manifest, indent=1).encode()
    replace_file(checkpoint.folder / MANIFEST, content, PRIVATE)
    return checkpoint


def _load(folder: Path) -> Checkpoint:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        if manifest["schema"] != 1:
            raise InvalidData(f"{path}: written by a newer creds-setup-pam")
        files = tuple(_saved(folder, index, file) for index, file in enumerate(manifest["files"]))
        made = tuple(manifest["made_directories"])
        written = manifest.get("written", [file.path for file in files])
        return Checkpoint(folder, files, made, manifest["state"], tuple(written))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InvalidData(f"{path}: not a manifest that can be read: {error}") from error


def _saved(folder: Path, index: int, file: dict[str, Any]) -> SavedFile:
    before = (folder / str(index)).read_bytes() if file["existed"] else None
    if before is not None and digest(before) != file["digest_before"]:
        raise InvalidData(f"{folder / str(index)}: the saved copy of {file['path']} is damaged")
    kept = file["attributes"]
    attributes = None
    if kept is not None:
        extended = tuple((name, base64.b64decode(value)) for name, value in kept["extended"])
        attributes = Attributes(kept["mode"], kept["uid"], kept["gid"], extended)
    edits = tuple(
        SavedEdit(edit["line"], _bytes(edit["old"]), _bytes(edit["new"])) for edit in file["edits"]
    )
    return SavedFile(file["path"], before, _bytes(file["after"]), attributes, edits)


def _attributes(attributes: Attributes) -> dict[str, object]:
    extended = [[name, base64.b64encode(value).decode()] for name, value in attributes.extended]
    return {
        "mode": attributes.mode,
        "uid": attributes.uid,
        "gid": attributes.gid,
        "extended": extended,
    }


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")
