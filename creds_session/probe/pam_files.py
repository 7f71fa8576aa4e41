"""Read the PAM service files of a machine or an image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from creds_session.errors import CredsSessionError
from creds_session.facts.snapshot import PamFacts
from creds_session.pam.syntax.kinds import Dialect
from creds_session.probe.installation import probe_dialect
from creds_session.system.files.root import Root


def probe_pam(root: Root, service: str, dialect: Dialect | None = None) -> PamFacts:
    """Read every PAM service file of this system: a verdict may need any of them.

    ``dialect`` is the libpam of this system, if it is known already.
    """
    dialect = dialect or probe_dialect(root)
    files: dict[str, bytes] = {}
    reasons: list[str] = []
    for directory in dialect.directories:
        with _noted(reasons):
            for name in root.names(directory):
                with _noted(reasons):
                    content = root.read(f"{directory}/{name}")
                    if content is not None:
                        files[f"{directory}/{name}"] = content
    return PamFacts(service, files, dialect, "; ".join(reasons))


@contextmanager
def _noted(reasons: list[str]) -> Iterator[None]:
    try:
        yield
    except CredsSessionError as error:
        reasons.append(error.problem)
    except OSError as error:
        reasons.append(str(error))
