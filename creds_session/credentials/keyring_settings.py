"""Read the settings by which keyring chooses a backend, without loading keyring."""

from __future__ import annotations

import os
import sys

from creds_session.credentials.backend_choice import KeyringSettings
from creds_session.system.python_packages import packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# The directories of keyring's files (keyring/util/platform_.py). An old keyring stops with an error
# if its configuration file is in the second one, where it was in earlier versions.
ROOTS = (("XDG_CONFIG_HOME", "~/.config"), ("XDG_DATA_HOME", "~/.local/share"))
PROPERTY = "KEYRING_PROPERTY_"


def read_keyring_settings(environ: Mapping[str, str]) -> KeyringSettings:
    """Return the settings of this process, of its environment and of the user's files."""
    core = sys.modules.get("keyring.core")
    return KeyringSettings(
        packages=packages(),
        is_chosen=getattr(core, "_keyring_backend", None) is not None,
        variable=environ.get("PYTHON_KEYRING_BACKEND"),
        files=configuration_files(),
        properties={
            name.partition(PROPERTY)[2].lower(): value
            for name, value in environ.items()
            if PROPERTY in name
        },
        desktop=environ.get("XDG_CURRENT_DESKTOP", ""),
    )


def configuration_files() -> tuple[str, ...]:
    """Return the paths of keyring's configuration files that exist."""
    return tuple(filter(os.path.exists, map(_configuration, ROOTS)))


def _configuration(root: tuple[str, str]) -> str:
    variable, usual = root
    # pathlib takes longer to load than the rest of this module
    directory = os.environ.get(variable) or os.path.expanduser(usual)
    return f"{directory}/python_keyring/keyringrc.cfg"
