"""Find a vendor's newer file that a file with our lines hides, or that waits beside it.

Which files have our lines is known from the checkpoints, which only root can read. They also keep
the vendor's file as it was when our lines were added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from creds_session.errors import CredsSessionError, InvalidData
from creds_session.facts.snapshot import VendorFile
from creds_session.pam.changes.vendor_update import has_same_rules, has_taken_over, lacking
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.policy import GUARD_MODULE
from creds_session.probe.newer_names import BESIDE
from creds_session.probe.package_files import is_as_packaged
from creds_session.system.files import checkpoints
from creds_session.system.files.manifest import SavedFile
from creds_session.system.files.reverse_edits import refuse_edited_lines, without_edits
from creds_session.system.files.root import Root
from creds_session.system.files.state import STATE, state_directory_if_there

ETC: Final = "/etc/pam.d/"


class Unreadable(NamedTuple):
    """A file that cannot be read, and why; the reason names the path, too."""

    path: str
    reason: str


class VendorCopy(NamedTuple):
    """A file in /etc/pam.d with our lines, and the vendor's file of the same name.

    ``own`` is the file without our lines, or None if somebody has edited our lines; ``problem``
    then says which. ``base`` is the vendor's file when our lines were added, or None if that is not
    known. ``skips_root``: our lines let root's login skip our rules. ``only_inserts``: our changes
    have only inserted lines. ``unreadable`` is one of the two files if it cannot be read. Then
    nobody knows whether the vendor's file is newer.
    """

    path: str
    content: bytes
    own: bytes | None
    base: bytes | None
    vendor_path: str
    vendor: bytes
    problem: str = ""
    skips_root: bool = False
    only_inserts: bool = False
    unreadable: Unreadable | None = None

    @property
    def service(self) -> str:
        """The name of the service."""
        return self.path[len(ETC) :]

    @property
    def is_unreadable(self) -> bool:
        """Whether our file itself cannot be read."""
        return self.unreadable is not None and self.unreadable.path == self.path

    @property
    def is_beside(self) -> bool:
        """Whether the vendor's file lies beside ours, and libpam never reads it."""
        return self.vendor_path.endswith(BESIDE)


Changes = Mapping[str, tuple[SavedFile, ...]]
"""The changes of each file in /etc/pam.d that are not reverted, the newest first."""


def newer_among(changes: Changes, files: PamFiles) -> tuple[VendorCopy, ...]:
    """Return each file with our lines whose vendor's file has other rules than it had then.

    It does not count if somebody has brought its changes to our file by hand, or has removed all
    our lines (``has_own_lines``). If the vendor's file of that time is not known, it counts if our
    file lacks a rule of it. It counts, too, if one of the two files cannot be read.
    """
    found = (_copy(path, saved, files) for path, saved in sorted(changes.items()))
    return tuple(copy for copy in found if copy is not None and _is_newer(copy, files))


def probe_vendor_files(root: Root, files: PamFiles) -> tuple[VendorFile, ...] | None:
    """Return the facts about each newer file, or None if this user cannot know them.

    ``can_be_newer`` says whether there can be any.
    """
    if not root.exists(STATE):
        return ()
    try:
        newer = newer_among(own_changes(root), files)
    except CredsSessionError:
        return None
    return tuple(vendor_file(copy, files) for copy in newer if not copy.unreadable)


def vendor_file(copy: VendorCopy, files: PamFiles) -> VendorFile:
    """Return the facts about one file: the rules that only one side has, as they are written."""
    if copy.unreadable:
        return VendorFile(copy.path, copy.vendor_path, (), ())
    own = copy.content if copy.own is None else copy.own
    sides = (own, copy.vendor), (copy.vendor, own)
    lacks, extra = (
        tuple(rule.decode(errors="backslashreplace") for rule in lacking(*side, files.dialect))
        for side in sides
    )
    return VendorFile(copy.path, copy.vendor_path, lacks, extra)


def vendor_to_record(
    root: Root, path: str, target: str, changes: Changes, files: PamFiles
) -> bytes | None:
    """Return the vendor's file to keep with a first change of ``target``, or None.

    ``path`` is the file that the change was planned for: the vendor's own file, if ``target`` will
    be a copy of it. A file in /etc is the vendor's if no other file of the vendor exists, and dpkg
    or rpm knows it as unchanged. A vendor's file that cannot be read is not recorded. ``changes``
    are those before this one; each has its own record, which stays valid.
    """
    if not target.startswith(ETC) or target in changes:
        return None
    content = files.read(path)
    if path != target or content is None:
        return content
    found = _vendor_path(target, files)
    if found:
        return content_or_reason(found, files)[0]
    return content if is_as_packaged(root, path, content) else None


def own_changes(root: Root) -> Changes:
    """Return the changes in the checkpoints. Raises NotPermitted, InvalidData."""
    found: dict[str, tuple[SavedFile, ...]] = {}
    with state_directory_if_there(root) as state:
        directory = None if state is None else state.trusted(checkpoints.CHECKPOINTS)
        if directory is None:
            return found
        with directory:
            for checkpoint in checkpoints.load_all(directory, state=checkpoints.FINAL):
                for file in checkpoint.manifest.files:
                    if file.path.startswith(ETC) and file.path in checkpoint.manifest.written:
                        found[file.path] = (*found.get(file.path, ()), file)
    return found


def has_own_lines(content: bytes, saved: tuple[SavedFile, ...]) -> bool:
    """Return whether a file still has a line of ours, as it was written or edited since.

    If somebody has removed all of them, they want none, and the file is theirs alone. If the
    vendor's file had every rule already, we have added no line, and the file is still a copy.
    """
    return _own(content, saved)[0] != content or not _has_added(saved)


def _has_added(saved: tuple[SavedFile, ...]) -> bool:
    """Return whether a change has added a line to the file as it is made now."""
    return any(file.edits for file in _of_this_file(saved))


def _own(content: bytes, saved: tuple[SavedFile, ...]) -> tuple[bytes | None, str]:
    """Return the file without our lines, or None and which of our lines somebody has edited."""
    try:
        return _without_own_lines(content, saved), ""
    except InvalidData as error:
        return None, error.problem


def _copy(path: str, saved: tuple[SavedFile, ...], files: PamFiles) -> VendorCopy | None:
    vendor_path = _vendor_path(path, files)
    content, unreadable = content_or_reason(path, files)
    if unreadable:
        return VendorCopy(path, b"", None, None, vendor_path, b"", unreadable=unreadable)
    if content is None or not vendor_path:
        return None
    own, problem = _own(content, saved)
    if own == content and _has_added(saved):
        return None
    base = next((file.vendor for file in saved if file.vendor is not None), None)
    edits = [edit for file in saved for edit in file.edits]
    vendor, unreadable = content_or_reason(vendor_path, files)
    return VendorCopy(
        path,
        content,
        own,
        base,
        vendor_path,
        vendor or b"",
        problem,
        skips_root=any(GUARD_MODULE.encode() in edit.new for edit in edits),
        only_inserts=bool(edits) and not any(edit.old for edit in edits),
        unreadable=unreadable,
    )


def _without_own_lines(content: bytes, saved: tuple[SavedFile, ...]) -> bytes:
    """Remove our lines of every change. Raises InvalidData if somebody has edited them."""
    for file in _of_this_file(saved):
        before = file.vendor or b"" if file.before is None else file.before
        if content == file.after and file.vendor is not None and file.before in {None, file.vendor}:
            return file.vendor
        left = without_edits(content, before, file.edits, file.path)
        refuse_edited_lines(content, left, before, file.edits, file.path)
        content = left
    return content


def _of_this_file(saved: tuple[SavedFile, ...]) -> Iterator[SavedFile]:
    """Yield the changes since the file was made from a file of the vendor, the newest first.

    Such a file has no line of the changes before that.
    """
    for file in saved:
        yield file
        if file.vendor is not None or file.before is None:
            return


def _vendor_path(path: str, files: PamFiles) -> str:
    """Return the path of the vendor's file of the same name, which may be unreadable, or ""."""
    name = path[len(ETC) :]
    others = (f"{place}/{name}" for place in files.places if f"{place}/" != ETC)
    paths = (*others, *(f"{path}{end}" for end in BESIDE))
    return next((other for other in paths if content_or_reason(other, files) != (None, None)), "")


def content_or_reason(path: str, files: PamFiles) -> tuple[bytes | None, Unreadable | None]:
    """Return the content of a file or None, and the file if it cannot be read."""
    try:
        return files.read(path), None
    except CredsSessionError as error:
        return None, Unreadable(path, error.problem)


def _is_newer(copy: VendorCopy, files: PamFiles) -> bool:
    if copy.unreadable:
        return True
    own = copy.content if copy.own is None else copy.own
    if copy.base is None:
        return bool(lacking(own, copy.vendor, files.dialect))
    if has_same_rules(copy.base, copy.vendor, files.dialect):
        return False
    return not has_taken_over(own, copy.base, copy.vendor, files.dialect)
