"""Read the PAM service files of a machine or an image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from creds_session.errors import CredsSessionError
from creds_session.facts.snapshot import PamFacts, VendorFile
from creds_session.pam.syntax.kinds import Dialect
from creds_session.probe.installation import probe_dialect
from creds_session.probe.libpam_directories import directories_of_services
from creds_session.probe.newer_names import can_be_newer
from creds_session.system.files.root import Root


def probe_pam(root: Root, service: str, dialect: Dialect | None = None) -> PamFacts:
    """Read every PAM service file of this system: a verdict may need any of them.

    ``dialect`` is the libpam of this system, if it is known already.
    """
    dialect = dialect or probe_dialect(root)
    files: dict[str, bytes] = {}
    reasons: list[str] = []
    listed: dict[str, list[str]] = {}
    directories: tuple[str, ...] | None = None
    with _noted(reasons):
        directories = directories_of_services(root)
    places = dialect.directories if directories is None else directories
    for directory in places:
        with _noted(reasons):
            listed[directory] = root.names(directory)
            for name in listed[directory]:
                with _noted(reasons):
                    content = root.read(f"{directory}/{name}")
                    if content is not None:
                        files[f"{directory}/{name}"] = content
    newer: tuple[VendorFile, ...] | None = ()
    if len(listed) < len(places):
        newer = None
    elif can_be_newer(listed.values()):
        from creds_session.pam.keyring_rules.pam_files import PamFiles
        from creds_session.probe.vendor_files import probe_vendor_files

        newer = probe_vendor_files(root, PamFiles(files.get, dialect, root.names, directories))
    return PamFacts(service, files, dialect, "; ".join(reasons), directories, newer)


@contextmanager
def _noted(reasons: list[str]) -> Iterator[None]:
    try:
        yield
    except CredsSessionError as error:
        reasons.append(error.problem)
    except OSError as error:
        reasons.append(str(error))
