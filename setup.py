"""The metadata is in setup.cfg; the login hooks and units of scripts/profile go along as data.

Whoever builds the same tree twice gets the same bytes: no time, owner, mode or order of the machine
that builds gets into an archive.
"""

import gzip
import io
import os
import tarfile
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.sdist import sdist

PROFILE = "creds_session.profile"
# The time of every file in an archive, in seconds since 1970, if the caller names none
# (reproducible-builds.org/specs/source-date-epoch). hatchling has the same one.
EPOCH = int(os.environ.setdefault("SOURCE_DATE_EPOCH", "1580601600"))
# Where each shell looks for completions, below share.
COMPLETIONS = {
    "bash": "bash-completion/completions",
    "zsh": "zsh/site-functions",
    "fish": "fish/vendor_completions.d",
}
# What a distribution needs to build, test and document a package.
SOURCES = (".ci", "docs", "pam.d", "scripts", "tests")


class ReproducibleSdist(sdist):
    """Make a source distribution that holds the whole tree, and that depends on it alone."""

    def make_distribution(self) -> None:
        """Add the sources that are no Python package, then make the archive."""
        self.filelist.append("CHANGELOG.md")
        for directory in SOURCES:
            for path in Path(directory).rglob("*"):
                if path.is_file() and path.suffix != ".pyc":
                    self.filelist.append(str(path))
        # The name that PEP 625 demands; setuptools itself uses it since version 69.3.
        name, version = self.distribution.get_name(), self.distribution.get_version()
        fullname = f"{name.replace('-', '_')}-{version}"
        self.distribution.get_fullname = lambda: fullname  # type: ignore[method-assign]
        super().make_distribution()

    def make_archive(
        self,
        base_name: str,
        format: str,  # noqa: A002 # setuptools calls it so
        root_dir: "str | None" = None,
        base_dir: "str | None" = None,
        owner: "str | None" = None,
        group: "str | None" = None,
    ) -> str:
        """Return the path of the archive of ``base_dir``."""
        if format != "gztar" or root_dir is not None or base_dir is None:
            return super().make_archive(base_name, format, root_dir, base_dir, owner, group)
        path = Path(f"{base_name}.tar.gz")
        unpacked = io.BytesIO()
        with tarfile.open(fileobj=unpacked, mode="w") as archive:
            archive.add(base_dir, filter=plain)
        with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, EPOCH) as packed:
            packed.write(unpacked.getvalue())
        return str(path)


def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return an entry of an archive without what differs by machine and by checkout."""
    entry.mtime = EPOCH
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def shared() -> "list[tuple[str, list[str]]]":
    """Return the man pages and completions by their directory below the prefix."""
    pages = sorted(Path("docs/man").iterdir())
    sections = sorted({page.suffix for page in pages})
    found = [(f"share/man/man{s[1:]}", [str(p) for p in pages if p.suffix == s]) for s in sections]
    for shell, directory in COMPLETIONS.items():
        files = sorted(map(str, Path("scripts/completions", shell).iterdir()))
        found.append((f"share/{directory}", files))
    return found


# The files that setuptools itself writes into a wheel have modes by the caller's umask.
os.umask(0o022)
setup(
    packages=[*find_packages(include=["creds_session", "creds_session.*"]), PROFILE],
    package_dir={PROFILE: "scripts/profile"},
    package_data={
        "creds_session": ["py.typed"],
        PROFILE: ["*.sh", "*.fish", "*.path", "*.service"],
    },
    data_files=shared(),
    cmdclass={"sdist": ReproducibleSdist},
)
