"""The root file systems whose libpam is asked: this machine's, and that of Debian 13."""

from __future__ import annotations

import os

import pytest

from tests.machine.support import rootfs

OTHER_RELEASE = "trixie"


def _roots() -> list[str]:
    """Return the root file systems to ask, by path or by release.

    CREDS_ORACLE_ROOTS names others, with colons between them. Only root can make that of a
    release, on first use.
    """
    named = os.environ.get("CREDS_ORACLE_ROOTS")
    if named is not None:
        return ["/", *(root for root in named.split(":") if root)]
    return ["/", OTHER_RELEASE] if os.geteuid() == 0 else ["/"]


@pytest.fixture(scope="module", params=_roots())
def root(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    return str(rootfs.root_file_system(name)) if name == OTHER_RELEASE else name
