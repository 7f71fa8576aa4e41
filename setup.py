"""The metadata is in setup.cfg; the login hooks and units of scripts/profile go along as data.

A wheel carries a software bill of materials (PEP 770), which is made from the metadata alone.

Whoever builds the same tree twice gets the same bytes: no time, owner, mode or order of the machine
that builds gets into an archive.
"""

import gzip
import io
import json
import os
import re
import tarfile
import uuid
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.egg_info import egg_info
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
# Files that an administrator copies. No package installs them where a program reads them.
EXAMPLES = ("monitoring",)
# What a distribution needs to build, test and document a package.
SOURCES = (".ci", "docs", "pam.d", "scripts", "tests")


class EggInfoWithSbom(egg_info):
    """Write the software bill of materials beside the other metadata.

    ``bdist_wheel`` and ``dist_info`` copy all of this directory into the wheel's, so that the file
    arrives in ``*.dist-info/sboms`` (PEP 770) with each version of setuptools. python-sbom and
    cyclonedx-python-lib are not used: the distributions that build this have neither.
    """

    def run(self) -> None:
        """Write it first: setuptools then lists it among the sources."""
        directory = Path(self.egg_info, "sboms")
        directory.mkdir(parents=True, exist_ok=True)
        metadata = self.distribution.metadata
        bill = bill_of_materials(
            {
                "name": metadata.get_name(),
                "version": metadata.get_version(),
                "description": metadata.get_description(),
                "licenses": [{"license": {"id": metadata.get_license()}}],
            },
            [str(requirement) for requirement in self.distribution.install_requires],
        )
        Path(directory, f"{metadata.get_name()}.cdx.json").write_text(bill, encoding="utf-8")
        super().run()


def bill_of_materials(product: "dict[str, object]", requirements: "list[str]") -> str:
    """Return a bill in CycloneDX 1.7 (cyclonedx.org/docs/1.7/json), as JSON text.

    ``product`` holds the fields of the product's own component, and ``requirements`` the packages
    that it needs, each as ``NAME>=VERSION``. They are external: the wheel does not contain them.
    Raises ValueError if a requirement has another form.
    """
    externals = []
    for requirement in sorted(requirements):
        found = re.fullmatch(r"([\w.-]+)>=([\d.]+)", requirement.replace(" ", ""))
        if not found:
            raise ValueError(f"{requirement}: not of the form NAME>=VERSION")
        name, version = found.groups()
        purl = f"pkg:pypi/{name.lower()}"
        versions = {"versionRange": f"vers:pypi/>={version}", "isExternal": True}
        externals.append(
            {"type": "library", "bom-ref": purl, "name": name, "purl": purl, **versions}
        )
    ref = f"pkg:pypi/{product['name']}@{product['version']}"
    names = [external["bom-ref"] for external in externals]
    contents = {
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "component": {"type": "application", "bom-ref": ref, "purl": ref, **product},
        },
        "components": externals,
        "dependencies": [{"ref": ref, "dependsOn": names}],
        "compositions": [
            # What these packages need in turn is decided where the wheel is installed.
            {"aggregate": "complete", "dependencies": [ref]},
            {"aggregate": "unknown", "dependencies": names},
        ],
    }
    # A number of its own for each content, and the same one for the same content.
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(contents, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.7", "serialNumber": f"urn:uuid:{serial}"}
    return json.dumps({**head, "version": 1, **contents}, indent=2) + "\n"


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
    """Return the man pages, completions and examples by their directory below the prefix."""
    pages = sorted(Path("docs/man").iterdir())
    sections = sorted({page.suffix for page in pages})
    found = [(f"share/man/man{s[1:]}", [str(p) for p in pages if p.suffix == s]) for s in sections]
    for shell, directory in COMPLETIONS.items():
        files = sorted(map(str, Path("scripts/completions", shell).iterdir()))
        found.append((f"share/{directory}", files))
    for directory in EXAMPLES:
        files = sorted(map(str, Path("scripts", directory).iterdir()))
        found.append((f"share/doc/creds-session/examples/{directory}", files))
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
    cmdclass={"egg_info": EggInfoWithSbom, "sdist": ReproducibleSdist},
)
