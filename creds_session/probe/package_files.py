"""Ask dpkg's list and rpm whether a file in /etc is as its package brought it."""

from __future__ import annotations

import hashlib
from typing import Final

from creds_session.facts.distribution import conffile_digest
from creds_session.probe.installation import LARGEST_LIST, PACKAGES
from creds_session.system.files.root import Root
from creds_session.system.processes.commands import run

QUERY: Final = ("rpm", "--query", "--queryformat", "[%{FILENAMES}\t%{FILEDIGESTS}\n]", "--file")
TIMEOUT: Final = 10.0  # seconds


def is_as_packaged(root: Root, path: str, content: bytes) -> bool:
    """Return whether a package brought this file with this content.

    False also if that is not known. In an image no program is run, so only dpkg's list counts.
    """
    status = root.read(PACKAGES, limit=LARGEST_LIST) or b""
    known = {conffile_digest(status, path)} - {""}
    if not known and root.is_running_system:
        printed = run([*QUERY, path], timeout=TIMEOUT).output.splitlines()
        lines = (line.partition("\t") for line in printed)
        known = {digest for name, _, digest in lines if name == path}
    # rpm has SHA-256 since version 4.6, and MD5 before (RPMTAG_FILEDIGESTALGO).
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return not known.isdisjoint({md5, hashlib.sha256(content).hexdigest()})
