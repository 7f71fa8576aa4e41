"""Read the corpora of service files, each with the files that it includes.

Our own, of every layout, stands in tests/data/pam-corpus: a folder is a small root. One of real
files may stand in the directory that CREDS_PAM_CORPUS names: files NUMBER-SERVICE and
index.tsv (n, service, repo, path, distro_guess). There, an include is taken from the same
repository where the corpus has it, else from ``oracle_references``.
"""

from __future__ import annotations

import csv
import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from creds_session.pam.syntax.nodes import AtInclude, Rule
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect
from tests.oracle.oracle_references import OTHER, REFERENCES

VARIABLE = "CREDS_PAM_CORPUS"
OURS = Path(__file__).parents[1] / "data" / "pam-corpus"
DIRECTORY = "/etc/pam.d/"
VENDOR = "/usr/lib/pam.d/"
ARCH_NAMES = {"system-login", "system-local-login", "system-remote-login", "system-services"}


@dataclass(frozen=True)
class Item:
    """One service of the corpus: its file and what that includes, by path in a root."""

    number: str
    service: str
    repository: str
    origin: str
    guess: str
    family: str
    files: dict[str, bytes] = field(hash=False)
    unknown: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where the service's file stands: the vendor's counts where there is no other."""
        own = DIRECTORY + self.service
        return own if own in self.files else VENDOR + self.service

    @property
    def content(self) -> bytes:
        """The service's file."""
        return self.files[self.path]

    @property
    def dialect(self) -> Dialect:
        """The newest libpam of the distribution: Debian's, or as upstream has it."""
        return Dialect.DEBIAN_1_7 if self.family == "debian" else Dialect.UPSTREAM_1_7


class Row:
    """One line of the index, with the file."""

    def __init__(self, corpus: Path, columns: dict[str, str]) -> None:
        self.number = columns["n"]
        self.service = columns["service"]
        self.repository = columns["repo"]
        self.origin = columns["path"]
        self.guess = columns["distro_guess"]
        self.content = (corpus / f"{self.number}-{self.service}").read_bytes()
        self.includes = tuple(includes(self.content))

    def distance(self, other: Row) -> tuple[int, int]:
        """Return how far away another file of the repository is: folders first, then age."""
        mine, its = posixpath.dirname(self.origin), posixpath.dirname(other.origin)
        common = len(posixpath.commonprefix([mine + "/", its + "/"]))
        return -common, abs(int(self.number) - int(other.number))


def corpus_directory() -> Path | None:
    """Return the corpus, if there is one."""
    name = os.environ.get(VARIABLE)
    return Path(name) if name else None


def all_items() -> list[Item]:
    """Read our own corpus, and the one of real files if it exists."""
    corpus = corpus_directory()
    return read_layouts() + (read_corpus(corpus) if corpus else [])


def read_layouts(corpus: Path = OURS) -> list[Item]:
    """Read all services of our own corpus: the files that no other of the folder includes."""
    return [
        item for folder in sorted(corpus.iterdir()) if folder.is_dir() for item in _services(folder)
    ]


def _services(folder: Path) -> Iterator[Item]:
    files = {
        "/" + path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    included = {path: [name for name, _ in includes(data)] for path, data in files.items()}
    parts = {name for names in included.values() for name in names} | {"other"}
    missing = {
        name for names in included.values() for name in names if DIRECTORY + name not in files
    }
    files.setdefault(DIRECTORY + "other", OTHER)
    for path in included:
        service = posixpath.basename(path)
        if service in parts:
            continue
        is_debian = any(is_debian for _, is_debian in includes(files[path]))
        yield Item(
            folder.name,
            service,
            "",
            path.lstrip("/"),
            "",
            "debian" if is_debian else "",
            files,
            tuple(sorted(missing)),
        )


def read_corpus(corpus: Path) -> list[Item]:
    """Read all services of the corpus."""
    with (corpus / "index.tsv").open(encoding="utf-8", newline="") as index:
        lines = csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE)
        rows = [Row(corpus, columns) for columns in lines]
    repositories: dict[str, list[Row]] = {}
    for row in rows:
        repositories.setdefault(row.repository, []).append(row)
    return [_item(row, repositories[row.repository]) for row in rows]


def includes(content: bytes) -> Iterator[tuple[str, bool]]:
    """Yield the name of each include, and whether it is Debian's @include."""
    for node in parse(content, Dialect.DEBIAN_1_7).lines:
        if isinstance(node, AtInclude):
            yield node.module_path.decode("utf-8", "surrogateescape"), True
        elif isinstance(node, Rule) and node.control.is_include:
            yield node.module_path.decode("utf-8", "surrogateescape"), False


def _item(row: Row, repository: list[Row]) -> Item:
    family = _family(row)
    files = {DIRECTORY + row.service: row.content}
    todo = [name for name, _ in row.includes]
    unknown = []
    others = [other for other in repository if other is not row and other.service == "other"]
    nearest = min(others, key=row.distance, default=None)
    if nearest is not None and all(_known(name, row, repository) for name, _ in nearest.includes):
        files.setdefault(DIRECTORY + "other", nearest.content)
        todo += [name for name, _ in nearest.includes]
    files.setdefault(DIRECTORY + "other", OTHER)
    while todo:
        name = todo.pop()
        path = posixpath.join(DIRECTORY, name)
        if path in files:
            continue
        content = _known(posixpath.basename(name), row, repository)
        if content is None:
            unknown.append(name)
            continue
        files[path] = content
        todo += [inner for inner, _ in includes(content)]
    return Item(
        row.number,
        row.service,
        row.repository,
        row.origin,
        row.guess,
        family,
        files,
        tuple(sorted(unknown)),
    )


def _known(name: str, row: Row, repository: list[Row]) -> bytes | None:
    """Find an include: the nearest of the repository's, else the reference."""
    found = [other for other in repository if other.service == name and other is not row]
    if found:
        return min(found, key=row.distance).content
    return REFERENCES[_family(row)].get(name)


def _family(row: Row) -> str:
    """Return whose includes a file's names are; empty if it has none."""
    names = {posixpath.basename(name) for name, _ in row.includes}
    if any(is_debian for _, is_debian in row.includes):
        return "debian"
    for family, is_one in (
        ("slackware", row.origin.startswith("source/")),
        ("yocto", "meta/recipes" in row.origin),
        ("gentoo", "gentoo" in row.repository.lower()),
        ("arch", bool(names & ARCH_NAMES)),
        ("alpine", any(name.startswith("base-") for name in names)),
        ("suse", any(name.startswith("common-") for name in names)),
        ("redhat", bool(names)),
    ):
        if is_one:
            return family
    return ""
