"""Write and read the manifest of a checkpoint: a JSON file that lists the files of a change.

The copies of the files lie beside it. Anybody may have written the manifest of an image, so each
field is checked when it is read, and one that is not as it must be is an InvalidData.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from typing import Any

from creds_session.errors import InvalidData
from creds_session.records import NamedTuple
from creds_session.system.files.replace import Attributes, digest

SCHEMA = 1

Copy = Callable[[int, str, object], bytes]
"""Return the saved copy of a file, given its index, its path and its digest; raise InvalidData."""


class SavedEdit(NamedTuple):
    """Neighbouring whole lines that were replaced; ``old`` is empty if lines were inserted.

    ``line`` is the number of the first one in the new file. The last newline is not included.
    """

    line: int
    old: bytes
    new: bytes


class SavedFile(NamedTuple):
    """One file of a change: ``before`` and ``attributes`` are None if there was no file.

    ``vendor`` is the vendor's file of that name when the change was made, or None if that is not
    known. ``keeps_vendor``: the change also brought the vendor's newer lines, and ``edits`` are our
    lines alone. Then ``revert`` removes our lines, and leaves the others.
    """

    path: str
    before: bytes | None
    after: bytes
    attributes: Attributes | None
    edits: tuple[SavedEdit, ...] = ()
    vendor: bytes | None = None
    keeps_vendor: bool = False


class Manifest(NamedTuple):
    """One change: its files, the directories that it made, and its state.

    ``written`` are the paths that this change may have written: each path is recorded before the
    file is written, so that the same content from another program is never taken for ours.
    ``timer`` is the systemd unit that reverts this change unless it is confirmed, or empty.
    """

    files: tuple[SavedFile, ...]
    made_directories: tuple[str, ...]
    state: str
    written: tuple[str, ...] = ()
    timer: str = ""


def state_of(content: bytes) -> str:
    """Return the state that a manifest is in, or nothing if it cannot be read."""
    try:
        return str(json.loads(content)["state"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def dump(manifest: Manifest) -> bytes:
    """Return a manifest as it is written to the disk."""
    values = {
        "schema": SCHEMA,
        "state": manifest.state,
        "files": [_values(file) for file in manifest.files],
        "made_directories": manifest.made_directories,
        "written": manifest.written,
        "timer": manifest.timer,
    }
    return json.dumps(values, indent=1).encode()


def load(content: bytes, copy: Copy, place: object) -> Manifest:
    """Read a manifest. Raises InvalidData, which names ``place``."""
    try:
        values = json.loads(content)
        if values["schema"] != SCHEMA:
            raise InvalidData(f"{place}: written by a newer creds-setup-pam")
        files = tuple(_file(index, file, copy) for index, file in enumerate(values["files"]))
        made = _paths(values["made_directories"])
        written = _paths(values.get("written", [file.path for file in files]))
        timer = str(values.get("timer", ""))
        return Manifest(files, made, str(values["state"]), written, timer)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidData(f"{place}: not a manifest that can be read: {error}") from error


def _values(file: SavedFile) -> dict[str, object]:
    return {
        "path": file.path,
        "existed": file.before is not None,
        "digest_before": None if file.before is None else digest(file.before),
        "after": _text(file.after),
        "attributes": None if file.attributes is None else _attribute_values(file.attributes),
        "edits": [
            {"line": edit.line, "old": _text(edit.old), "new": _text(edit.new)}
            for edit in file.edits
        ],
        "vendor": None if file.vendor is None else _text(file.vendor),
        "keeps_vendor": file.keeps_vendor,
    }


def _attribute_values(attributes: Attributes) -> dict[str, object]:
    extended = [[name, base64.b64encode(value).decode()] for name, value in attributes.extended]
    return {
        "mode": attributes.mode,
        "uid": attributes.uid,
        "gid": attributes.gid,
        "extended": extended,
    }


def _file(index: int, values: dict[str, Any], copy: Copy) -> SavedFile:
    path = _path(values["path"])
    if not isinstance(values["existed"], bool):
        raise TypeError("it does not say whether there was a file")
    before = copy(index, path, values["digest_before"]) if values["existed"] else None
    kept = values["attributes"]
    edits = tuple(
        SavedEdit(_number(edit["line"]), _bytes(edit["old"]), _bytes(edit["new"]))
        for edit in values["edits"]
    )
    attributes = None if kept is None else _attributes(kept)
    vendor = None if values.get("vendor") is None else _bytes(values["vendor"])
    keeps_vendor = values.get("keeps_vendor", False) is True
    after = _bytes(values["after"])
    return SavedFile(path, before, after, attributes, edits, vendor, keeps_vendor)


def _attributes(values: dict[str, Any]) -> Attributes:
    extended = tuple((str(name), base64.b64decode(value)) for name, value in values["extended"])
    mode, uid, gid = (_number(values[name]) for name in ("mode", "uid", "gid"))
    return Attributes(mode, uid, gid, extended)


def _paths(values: list[Any]) -> tuple[str, ...]:
    return tuple(_path(value) for value in values)


def _path(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise ValueError("a path in it is not absolute")
    os.fsencode(value)  # raises ValueError for what the kernel cannot be given
    return value


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("a field is not a number")
    return value


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _bytes(value: object) -> bytes:
    if not isinstance(value, str):
        raise TypeError("a field is not text")
    return value.encode("utf-8", "surrogateescape")
