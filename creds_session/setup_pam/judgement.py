"""Read the PAM files before and after a change by anybody, and judge the change.

Each side is a directory that a person named: a whole system, a copy of /etc/pam.d, or a directory
with copies of /etc/pam.d and of vendor directories in their places. What a copy does not have is
taken from the system that ``--root`` names: its libpam, its modules and its vendor directories
(docs/decisions/0016-two-layouts-for-the-judge.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from creds_session.errors import InvalidData, NoSuchFile
from creds_session.pam.changes.modules import Exists
from creds_session.pam.changes.services import (
    Report,
    System,
    judge_services,
    services_to_judge,
)
from creds_session.pam.keyring_rules.pam_files import MOST_SERVICES, PamFiles
from creds_session.pam.stack.resolve import PAM_CONF
from creds_session.pam.syntax.nodes import AtInclude, Rule
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect, ManagementGroup
from creds_session.probe.installation import module_directories, probe_dialect
from creds_session.probe.libpam_directories import directories_of_services
from creds_session.setup_pam.service_files import (
    MAX_FILE,
    as_libpam_opens,
    pam_files,
    used_names,
)
from creds_session.system.files.root import Root

PAM_D: Final = "/etc/pam.d"
DEEPEST: Final = 3
"""The most directories between /usr and a directory of services, such as /usr/share/pam/pam.d."""


class Side(NamedTuple):
    """One side of a change: the directory, its layout, and the system for all that it lacks.

    ``copied`` are the directories of services outside of /etc that a copy has.
    """

    given: Root
    is_pam_d: bool
    machine: Root
    copied: tuple[str, ...] = ()

    def place(self, path: str) -> tuple[Root, str]:
        """Return the root that holds a path of this side, and the path there."""
        if not self.is_pam_d:
            is_copied = any(path == one or path.startswith(f"{one}/") for one in self.copied)
            return (self.given if path.startswith("/etc/") or is_copied else self.machine), path
        if path == PAM_D or path.startswith(f"{PAM_D}/"):
            return self.given, path[len(PAM_D) :] or "/"
        return self.machine, path


def open_side(path: str, machine: Root) -> Side:
    """Open a directory that a person named. Raises NoSuchFile, NotPermitted, InvalidData."""
    given = Root.at(path)
    if given.exists(PAM_D) or given.exists(PAM_CONF):
        known = pam_files(machine).places
        if first_of_a_system(given, known) is None:
            copied = tuple(place for place in known if given.exists(place))
            return Side(given, is_pam_d=False, machine=machine, copied=copied)
        return Side(given, is_pam_d=False, machine=given)
    inner = given.directory_at("/pam.d")
    if inner is not None:
        inner.close()
        raise NoSuchFile(
            f"{path}: has a directory pam.d in it, so it is not a copy of /etc/pam.d alone",
            hint=f"name {path}/pam.d, or move that directory away",
        )
    if not any(_has_rule(given, f"/{name}") for name in given.names("/")):
        raise NoSuchFile(
            f"{path}: has no PAM service file",
            hint="name a copy of /etc/pam.d, or a directory that has etc/pam.d in it",
        )
    return Side(given, is_pam_d=True, machine=machine)


def first_of_a_system(
    given: Root, known: Sequence[str], place: str = "/usr", depth: int = DEEPEST
) -> str | None:
    """Return the first path below /usr that is no directory of PAM services, nor above one.

    A whole system has such a path, and a copy has none. Directories that lie too deep count as
    something else. ``known`` are the directories that libpam reads. Raises NotPermitted.
    """
    for name in given.names(place):
        path = f"{place}/{name}"
        directory = given.directory_at(path)
        if directory is None:
            return path
        directory.close()
        if name == "pam.d" or path in known:
            continue
        other = first_of_a_system(given, known, path, depth - 1) if depth else path
        if other is not None:
            return other
    return None


def judge(before: Side, after: Side, services: Sequence[str] = ()) -> Report:
    """Return what a change means.

    Raises:
        NoSuchFile: A service that was named has a file on neither side.
        InvalidData: A file is too large or is not a regular file, there are too many services or
            rules, or the copy before the change has a link in place of a file.
        NotPermitted: A file cannot be read.
    """
    not_copied: dict[str, str] = {}
    was, now = _files(before, not_copied), _files(after, {})
    names = _names(was) | _names(now)
    known = _modules_of(was, names)  # this reads every file
    _require_copied(not_copied)
    for service in services:
        if service not in names:
            raise NoSuchFile(
                f"there is no PAM service {service!r}, neither before nor after",
                hint="without --service, all services are judged",
            )
    asked = tuple(dict.fromkeys(services)) or services_to_judge(was, now, used_names(names))
    systems = (
        System(was, _exists(before, known)),
        System(now, _exists(after, known)),
    )
    if before.machine is after.machine:
        systems = (systems[0], systems[1]._replace(exists=systems[0].exists))
    return judge_services(*systems, asked)


def _require_copied(outside: dict[str, str]) -> None:
    """Raise InvalidData if the copy before the change has a link in place of a file."""
    if outside:
        directories = sorted({PAM_D, *(path.rpartition("/")[0] for path in outside)})
        parents = "--parents " if len(directories) > 1 else ""
        raise InvalidData(
            f"{min(outside.values())}: the copy before the change has only a link to this file,"
            " so a change in it cannot be seen",
            hint="copy the files that links lead to before a change:"
            f" cp -aL {parents}{' '.join(directories)} COPY",
        )


def judge_content(root: Root, path: str, content: bytes) -> Report:
    """Return what is found about all services that read a file if the file gets new content.

    The report has no notes on rules, because they take longer than the findings.

    Raises InvalidData, NotPermitted; NotRegular if such a service would newly read what is not a
    regular file, whatever libpam reads from it.
    """
    side = Side(root, is_pam_d=False, machine=root)
    files = pam_files(root)
    was = as_libpam_opens(files)
    now = was.overlaid(path, content)
    names = used_names(sorted(_names(was)))
    asked = [name for name in names if any(path in _read_by(one, name) for one in (was, now))]
    for name in asked:
        for newly in sorted(_looked_for(now, name) - _looked_for(was, name)):
            files.read(newly)
    exists = _exists(side, _modules_of(was, names))
    systems = System(was, exists), System(now, exists)
    return judge_services(*systems, asked, with_notes=False)


def _read_by(files: PamFiles, service: str) -> set[str]:
    stacks = files.stacks(service)
    return {path for group in ManagementGroup for path in stacks.of(group).files}


def _looked_for(files: PamFiles, service: str) -> set[str]:
    """Return the files that a service reads, and those that it does not find."""
    stacks = files.stacks(service)
    found = (stacks.of(group) for group in ManagementGroup)
    return {path for stack in found for path in (*stack.files, *stack.missing)}


def _has_rule(root: Root, path: str) -> bool:
    """Return whether a file has a rule of PAM. Any other directory has files, too."""
    try:
        content = root.read(path, limit=MAX_FILE)
    except InvalidData:  # it is a directory, or it is too large
        return False
    nodes = parse(content or b"", Dialect.DEBIAN_1_7).lines
    return any(isinstance(node, (Rule, AtInclude)) for node in nodes)


def _files(side: Side, outside: dict[str, str]) -> PamFiles:
    """Return the PAM files of one side; each file is read once.

    ``outside`` gets each path whose file is not in the copy, and the path of that file.
    """
    known: dict[str, bytes | None] = {}

    def read(path: str) -> bytes | None:
        if path not in known:
            known[path] = _read(side, path, outside)
        return known[path]

    def names(directory: str) -> Iterable[str]:
        root, place = side.place(directory)
        return root.names(place)

    directories = directories_of_services(side.machine)
    return PamFiles(read, probe_dialect(side.machine), names, directories)


def _read(side: Side, path: str, outside: dict[str, str]) -> bytes | None:
    root, place = side.place(path)
    with_directory = root.directory_at(place)
    if with_directory is not None:
        with_directory.close()
        return b""  # fopen(3) opens a directory, and reads nothing
    content = root.read(place, limit=MAX_FILE)
    if content is None and root is not side.machine:
        # A link of a copy may lead out of it, such as authselect's to /etc/authselect.
        target = root.resolve(place)
        if target not in {None, place}:
            content = side.machine.read(str(target), limit=MAX_FILE)
            if content is not None:
                outside[path] = str(target)
    return content


def _names(files: PamFiles) -> set[str]:
    names = {name for where in files.places for name in files.names(where)}
    if len(names) > MOST_SERVICES:
        raise InvalidData(f"there are more than {MOST_SERVICES} PAM services")
    return names


def _modules_of(files: PamFiles, names: Iterable[str]) -> frozenset[str]:
    """Return every module that the files name."""
    found: set[str] = set()
    for directory in files.places:
        for name in names:
            content = files.read(f"{directory}/{name}") or b""
            found.update(_modules_in(content, files.dialect))
    return frozenset(found)


def _modules_in(content: bytes, dialect: Dialect) -> set[str]:
    rules = (node for node in parse(content, dialect).lines if isinstance(node, Rule))
    return {rule.module_path.decode("utf-8", "surrogateescape") for rule in rules}


def _exists(side: Side, before: frozenset[str]) -> Exists:
    """Return a function that says whether a module's file exists.

    If the directory is no whole system, a module that was named before is assumed to be as it was:
    the copy may come from another machine.
    """
    root = side.machine
    directories = _module_directories(root)
    is_whole = root is side.given

    def exists(path: str) -> bool | None:
        if not directories:
            return None
        plain = path.replace("/$ISA", "")
        places = [plain] if plain.startswith("/") else [f"{d}/{plain}" for d in directories]
        if any(root.exists(place) for place in places):
            return True
        return None if path in before and not is_whole else False

    return exists


def _module_directories(root: Root) -> tuple[str, ...]:
    """Return the directories of libpam's own modules; none if they are in another place."""
    known = module_directories(root)
    return tuple(place for place in known if root.exists(f"{place}/pam_unix.so"))
