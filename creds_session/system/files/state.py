"""Open the state directory: the lock, the checkpoints, and the note of a pending change.

Its contents decide what ``revert`` writes and removes. So it is opened one component after the
other, from the root directory on, and none of them may be a symbolic link: in an image a link may
lead anywhere on this system. On the running system ``/var/lib`` may be a link of root. For the
reasons see docs/decisions/0014-the-state-directory-follows-no-link.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, overload

from creds_session.system.files.directory import Directory
from creds_session.system.files.ownership import weakness
from creds_session.system.files.root import Root

STATE = "/var/lib/creds-session"
LOCK = "lock"
MODE = 0o700
MODE_ABOVE = 0o755


@contextmanager
def state_directory(root: Root) -> Iterator[Directory]:
    """Open the state directory, made if it is missing.

    Raises InvalidData if a component is no directory, or if the state directory is not trusted;
    CannotWrite, NotPermitted.
    """
    with _open(root, make=True) as state:
        yield state


@contextmanager
def state_directory_if_there(root: Root) -> Iterator[Directory | None]:
    """Yield the state directory, or None if it does not exist. Raises as ``state_directory``."""
    state = _open(root, make=False)
    if state is None:
        yield None
        return
    with state:
        yield state


@overload
def _open(root: Root, *, make: Literal[True]) -> Directory: ...
@overload
def _open(root: Root, *, make: Literal[False]) -> Directory | None: ...
def _open(root: Root, *, make: bool) -> Directory | None:
    last = os.path.basename(STATE)
    here, names = _begin(root)
    owners = _owners(root, here)
    for name in names:
        with here:
            mode = MODE if name == last else MODE_ABOVE
            below = here.directory_or_make(name, mode) if make else here.directory(name)
        if below is None:
            return None
        here = below
    try:
        here.require_owner(owners)
    except BaseException:
        here.close()
        raise
    return here


def _begin(root: Root) -> tuple[Directory, list[str]]:
    """Open the directory to begin from; return it with the names that lead to the state directory.

    On the running system ``/var`` or ``/var/lib`` may be a symbolic link to another disk. It is
    followed if root alone decides where it leads.
    """
    above, last = os.path.split(STATE)
    if root.is_running_system:
        leads_to = os.path.realpath(above)
        if leads_to != above and weakness(above, with_content=True) is None:
            return Directory.open(Path(leads_to)), [last]
    return root.top(), STATE.strip("/").split("/")


def _owners(root: Root, top: Directory) -> set[int]:
    """Return the user ids that may own the state directory.

    On the running system that is the user who runs this: root. The owner of an image's root
    directory can change every file of it anyway, and may be another user: a user may have unpacked
    the image, or the user ids of a container are shifted.
    """
    return {os.geteuid()} if root.is_running_system else {os.geteuid(), top.owner}
