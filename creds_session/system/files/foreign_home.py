"""Find out whether root runs with the home or the runtime directory of another user.

``sudo -E``, ``env_keep += "HOME"`` in sudoers and ``docker exec -u 0`` have that effect. The other
user controls the files there, and root must neither read nor change them.
"""

from __future__ import annotations

import os
import pwd

from creds_session.records import NamedTuple
from creds_session.system.files.ownership import weakness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

KEYRINGRC, LOGIN = "python_keyring/keyringrc.cfg", "keyrings/login.keyring"
FILES = {
    "HOME": (f".config/{KEYRINGRC}", f".local/share/{LOGIN}"),
    "XDG_CONFIG_HOME": (KEYRINGRC,),
    "XDG_DATA_HOME": (KEYRINGRC, LOGIN),  # keyring/util/platform_.py:_config_root_Linux
}
"""The variables that name a place, and the files that are looked for below it."""
UID_MIN = 1000  # of a person (login.defs(5))


class ForeignPlace(NamedTuple):
    """A variable of root, the place that it names, and the user who controls that place.

    ``user`` is empty if it is not known who that is.
    """

    variable: str
    place: str
    user: str


def foreign_place(environ: Mapping[str, str]) -> ForeignPlace | None:
    """Return a place that root's environment names and another user controls, or None.

    Each link and each directory on the way counts, since their owners can lead the path elsewhere.
    Returns None for every other user: they may use any place with their own rights.
    """
    if os.getuid() != 0:
        return None
    place = environ.get("XDG_RUNTIME_DIR")
    if place:
        weak = weakness(place)
        # One that does not exist yet may be made in /tmp, where containers have it.
        if weak is not None and (weak.uid > 0 or os.path.lexists(place)):
            return ForeignPlace("XDG_RUNTIME_DIR", place, _name_of(weak.uid, environ))
    for variable, files in FILES.items():
        place = environ.get(variable)
        if not place or (variable == "HOME" and _is_home_of_root(place)):
            continue
        for file in files:
            weak = weakness(os.path.join(place, file))
            if weak is not None:
                return ForeignPlace(variable, place, _name_of(weak.uid, environ))
    return None


def _is_home_of_root(place: str) -> bool:
    return os.path.realpath(place) == os.path.realpath(pwd.getpwuid(0).pw_dir)


def _name_of(uid: int, environ: Mapping[str, str]) -> str:
    """Return the name of the person with this user id, or of the caller of sudo, or nothing."""
    if uid >= UID_MIN:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            pass  # no account has this id
    return environ.get("SUDO_USER", "")
