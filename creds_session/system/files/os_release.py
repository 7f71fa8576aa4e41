"""Read the file that names the distribution."""

from __future__ import annotations

from creds_session.system.files.root import Root


def read_os_release(root: Root) -> str:
    """Return the first of the two files that os-release(5) names, or an empty string."""
    content = root.read("/etc/os-release") or root.read("/usr/lib/os-release") or b""
    return content.decode(errors="replace")
