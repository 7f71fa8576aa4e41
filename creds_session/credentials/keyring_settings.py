"""What keyring would look at before it chooses a backend, looked at without keyring."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from creds_session.credentials.backend_choice import Surroundings
from creds_session.system.python_packages import packages

# keyring/util/platform_.py: where its files lie; the second, once the place of its configuration,
# makes an old keyring stop.
ROOTS = (("XDG_CONFIG_HOME", "~/.config"), ("XDG_DATA_HOME", "~/.local/share"))
PROPERTY = "KEYRING_PROPERTY_"


def surroundings(environ: Mapping[str, str]) -> Surroundings:
    """Look at this process."""
    core = sys.modules.get("keyring.core")
    return Surroundings(
        packages=packages(sys.path),
        is_chosen=getattr(core, "_keyring_backend", None) is not None,
        variable=environ.get("PYTHON_KEYRING_BACKEND"),
        files=configurations(),
        properties={
            name.partition(PROPERTY)[2].lower(): value
            for name, value in environ.items()
            if PROPERTY in name
        },
        desktop=environ.get("XDG_CURRENT_DESKTOP", ""),
    )


def configurations() -> tuple[str, ...]:
    """Return the configuration files of keyring's that there are."""
    return tuple(filter(os.path.exists, map(_configuration, ROOTS)))


def _configuration(root: tuple[str, str]) -> str:
    variable, usual = root
    folder = os.environ.get(variable) or os.path.expanduser(usual)  # pathlib costs
    return f"{folder}/python_keyring/keyringrc.cfg"
