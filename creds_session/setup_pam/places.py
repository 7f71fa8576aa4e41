"""Where a service's file is if the usual directories lack it, and what keeps it from a change."""

from __future__ import annotations

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.plan import Plan
from creds_session.pam.stack.resolve import Read
from creds_session.system.files.root import Root

VENDOR_DIRECTORIES = ("/usr/etc/pam.d", "/usr/share/pam.d", "/usr/local/etc/pam.d")
"""Where distributions had their files: openSUSE, Clear Linux, and what is built by hand."""


def why_not_written(root: Root, planned: Plan) -> str:
    """Return what keeps `apply` from writing the file of a plan, or nothing."""
    if planned.replaced is None:
        return ""
    try:
        with root.entry(planned.target) as found:
            if found is not None:
                found.refuse_unless_plain(planned.target)
    except InvalidData as error:
        return f"apply would refuse this change: {error.problem}; {error.hint}"
    return ""


def other_place(service: str, read: Read) -> str:
    """Return where a file of that name is all the same, or what could bring one."""
    for directory in VENDOR_DIRECTORIES if "/" not in service else ():
        path = f"{directory}/{service}"
        if read(path) is not None:
            return (
                f"{path} exists, and whether libpam reads that directory was decided when it was"
                f" built; if it does, copy the file to /etc/pam.d/{service}, which comes first"
            )
    return "the package of that program brings the file; --service NAME names another service"
