"""A tree of PAM files as one system has it, and how it becomes a directory for ``--root``."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

DIRECTORY = "/etc/pam.d/"
STATUS = "/var/lib/dpkg/status"
"""Where Debian's packages, libpam0g among them, are listed with their versions."""
PARTS = ("/usr/sbin/sshd", "/usr/bin/gnome-keyring-daemon")
OTHER = "".join(f"{group} required pam_deny.so\n" for group in ("auth", "account", "password"))
OTHER += "session required pam_deny.so\n"


class Tree(NamedTuple):
    """The files of a system, by path.

    ``name`` says where the tree comes from. ``kind`` is the class that results are counted by.
    ``links`` are the paths in /etc/pam.d that are symbolic links, and where they lead; ``files``
    holds their content under the path in /etc/pam.d all the same, as libpam reads it.
    """

    name: str
    kind: str
    files: dict[str, bytes]
    os_release: str
    module: str
    links: dict[str, str]
    tool: str

    def write(self, root: Path) -> None:
        """Write the tree below a directory, with the programs that are looked for."""
        content = {"/etc/os-release": self.os_release.encode(), self.module: b""}
        for path, data in {**dict.fromkeys(PARTS, b""), **content, **self.files}.items():
            place = root / self.links.get(path, path).lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        for path, target in self.links.items():
            place = root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)


def files_of(texts: dict[str, str], directory: str = DIRECTORY) -> dict[str, bytes]:
    """Return the content of service files by path; names become paths in one directory."""
    return {directory + name: text.encode() for name, text in texts.items()}
