"""Change what an image brings in /usr, and leave /etc to the administrator of the machine.

libpam reads /usr/lib/pam.d/SERVICE if /etc/pam.d/SERVICE does not exist. In an image whose /usr is
replaced as a whole at each update, the change then belongs to the image.
"""

from __future__ import annotations

from typing import Final

from creds_session.errors import InvalidData, Unavailable, UsageError
from creds_session.facts.machine import InitFacts
from creds_session.pam.keyring_rules.plan import Plan
from creds_session.probe.libpam_directories import libpam_directories
from creds_session.system.files.root import Root
from creds_session.system.processes.proc import name_of

DIRECTORY: Final = "/usr/lib/pam.d"


def require_image(root: Root) -> None:
    """Return if this is an image whose libpam reads DIRECTORY.

    A container that is being built counts as an image: its process 1 is no init.

    Raises:
        UsageError: This is a running machine.
        Unavailable: The image has no libpam, or its libpam does not say which directories it reads.
        InvalidData: Its libpam does not know the directory.
    """
    if root.is_running_system and InitFacts(init=name_of(1)).has_logins:
        raise UsageError(
            "--vendor changes the files of an image in /usr, and this machine is running",
            hint="name the image with --root DIR; on this machine, leave --vendor out",
        )
    found = libpam_directories(root)
    if found is None:
        raise Unavailable(
            "libpam.so.0 was not found, or does not say which directories it reads, so it is not"
            f" known whether libpam reads {DIRECTORY}",
            hint="install libpam in the image first, or leave --vendor out",
        )
    if DIRECTORY not in found.directories:
        raise InvalidData(
            f"{found.library}: this libpam does not read {DIRECTORY}",
            hint="leave --vendor out; then the file in /etc/pam.d is changed",
        )


def in_vendor_directory(planned: Plan) -> Plan:
    """Return the same plan, with its result in DIRECTORY.

    Raises InvalidData if a file in /etc/pam.d would hide the result.
    """
    if not planned.edits:
        return planned
    target = f"{DIRECTORY}/{planned.service}"
    if planned.path.startswith("/etc/"):
        raise InvalidData(
            f"{planned.path}: libpam reads this file and never {target}",
            hint=f"move the file in the image to {target} and run the command again, or leave"
            " --vendor out",
        )
    return planned._replace(target=target)
