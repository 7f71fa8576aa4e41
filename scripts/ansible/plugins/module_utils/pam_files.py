"""Read the PAM files of a machine, and try a revert on a copy of them."""

from __future__ import annotations

import base64
import contextlib
import difflib
import hashlib
import os
import stat

from ansible.module_utils.basic import AnsibleModule

VENDORS = ("usr/lib/pam.d", "usr/etc/pam.d", "usr/share/pam/pam.d", "usr/share/pam.d")
PAM = ("etc/pam.d", "etc/pam.conf", *VENDORS)
CHANGED_BY_REVERT = ("etc/pam.d", "etc/systemd", "var/lib/creds-session")
LARGEST = 64 * 1024  # bytes; creds-setup-pam refuses a larger PAM file
MOST = 20000


def is_inside(root: str, path: str) -> bool:
    """Return whether a path below a root leads to a place below it, whatever links say."""
    top = os.path.realpath(root)
    place = os.path.realpath(os.path.join(root, path.lstrip("/")))
    return os.path.commonpath([top, place]) == top


def pam_files(root: str, *, with_content: bool) -> list:
    """Return what the PAM files are: path, mode, owner, group, digest, and the content if asked."""
    found = []
    for place in PAM:
        if not is_inside(root, place):
            continue
        top = os.path.join(root, place)
        paths = [top] if os.path.isfile(top) else _entries(top)
        found += [_described(path, root, with_content) for path in paths[: MOST - len(found)]]
    return [one for one in found if one]


def _entries(directory: str) -> list:
    try:
        return sorted(os.path.join(directory, name) for name in os.listdir(directory))
    except OSError:
        return []


def _described(path: str, root: str, with_content: bool) -> dict:
    """Return the description of one file, or an empty one if it is not a readable file."""
    if not is_inside(root, os.path.relpath(path, root)):
        return {}
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return {}
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            return {}
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(LARGEST)
    finally:
        os.close(descriptor)
    described = {
        "path": "/" + os.path.relpath(path, root),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    if with_content:
        described["content"] = base64.b64encode(content).decode("ascii")
    return described


def copy_for_revert(module: AnsibleModule, root: str) -> str:
    """Copy what a revert reads and changes into a temporary directory; return that directory.

    ``cp`` keeps owners, modes, links and access control lists.
    """
    copy = os.path.join(module.tmpdir, "copy")
    os.makedirs(copy, mode=0o700)
    there = [
        name
        for name in CHANGED_BY_REVERT
        if os.path.lexists(os.path.join(root, name)) and is_inside(root, name)
    ]
    if there:
        module.run_command(["cp", "-a", "--parents", "--", *there, copy], cwd=root, check_rc=True)
    return copy


def contents(root: str, paths: list) -> dict:
    """Return the bytes of each path below a root. A file that does not exist has no bytes."""
    found = {}
    for path in paths:
        found[path] = b""
        if is_inside(root, path):
            with contextlib.suppress(OSError), open(os.path.join(root, path[1:]), "rb") as file:
                found[path] = file.read()
    return found


def unified(before: dict, after: dict) -> str:
    """Return the unified diff of several files."""
    lines = []
    for path, old in before.items():
        lines += difflib.unified_diff(
            _lines(old), _lines(after.get(path, b"")), fromfile=path, tofile=path
        )
    return "".join(lines)


def _lines(content: bytes) -> list:
    text = content.decode("utf-8", "backslashreplace")
    return [line if line.endswith("\n") else line + "\n" for line in text.splitlines(True)]
