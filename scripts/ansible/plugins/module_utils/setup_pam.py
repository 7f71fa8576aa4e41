"""Find creds-setup-pam on the target, or unpack the copy that the collection carries."""

from __future__ import annotations

import base64
import io
import os
import shutil
import sys
import tempfile
import zipfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.creds_session.keyring.plugins.module_utils import bundle
from ansible_collections.creds_session.keyring.plugins.module_utils.command import SBIN
from ansible_collections.creds_session.keyring.plugins.module_utils.root_only import weak_part

NAME = "creds-setup-pam"
PREFIX = "/opt/creds-session"
SCRIPT = """\
#!{python} -IB
import sys

sys.path.insert(0, {directory!r})
from creds_session.cli.setup_pam.main import main

sys.exit(main())
"""
OPTIONS = {
    "executable": {"type": "path"},
    "root": {"type": "path", "default": "/"},
    "services": {"type": "list", "elements": "str", "default": []},
    "only_add": {"type": "bool", "default": False},
    "skip_root": {"type": "bool", "default": False},
    "strict": {"type": "bool", "default": False},
}
"""The options that the modules about PAM share."""


def kept_directory() -> str:
    """Return where the copy of this version is kept, which a timer can run later."""
    return os.path.join(PREFIX, f"ansible-{bundle.VERSION}-{bundle.DIGEST[:12]}")


def command_of(module: AnsibleModule, *, keep: bool) -> list:
    """Return the words that start creds-setup-pam on this machine.

    The installed program is used if there is one. Otherwise the copy is unpacked: with ``keep`` to
    a directory of root that stays, because the timer of a change runs it again; without ``keep`` to
    the module's temporary directory.
    """
    named = module.params["executable"]
    if named:
        return [named]
    installed = module.get_bin_path(NAME, opt_dirs=SBIN)
    if installed:
        return [installed]
    if not keep or os.geteuid() != 0:
        return _unpacked(os.path.join(module.tmpdir, "program"))
    kept = kept_directory()
    weak = weak_part(kept)
    if weak:
        module.fail_json(
            msg=f"{weak} can be changed by others than root, so {NAME} is not kept there;"
            f" install {NAME}, or correct the owner and the mode; nothing was changed",
            changed=False,
            meaning="a directory can be changed by others than root",
        )
    return _unpacked(kept)


def remove_kept() -> None:
    """Remove the copy that was kept, after the change was reverted."""
    shutil.rmtree(kept_directory(), ignore_errors=True)


def _unpacked(directory: str) -> list:
    """Unpack the copy, unless it is there already, and return the words that start it."""
    script = os.path.join(directory, NAME)
    if not os.path.isdir(directory):
        above = os.path.dirname(directory)
        os.makedirs(above, mode=0o755, exist_ok=True)
        # Renamed when it is whole, so that a run that is killed leaves no half of it.
        unfinished = tempfile.mkdtemp(prefix=".ansible-", dir=above)
        _write(unfinished, directory)
        try:
            os.rename(unfinished, directory)
        except OSError:  # another run was faster
            shutil.rmtree(unfinished, ignore_errors=True)
            if not os.path.isfile(script):
                raise
    return [sys.executable, "-IB", script]


def _write(place: str, directory: str) -> None:
    """Write the package and the program; only their owner can change them."""
    packed = base64.b64decode(bundle.BUNDLE)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(place)
    script = os.path.join(place, NAME)
    with open(script, "w", encoding="utf-8") as file:
        file.write(SCRIPT.format(python=sys.executable, directory=directory))
    for above, directories, files in os.walk(place):
        for name in directories:
            os.chmod(os.path.join(above, name), 0o755)
        for name in files:
            os.chmod(os.path.join(above, name), 0o644)
    os.chmod(place, 0o755)
    os.chmod(script, 0o755)


def words(module: AnsibleModule, program: list, action: str, *options: str) -> list:
    """Return the whole command line of one action of creds-setup-pam."""
    line = [*program, "--json"]
    if module.params.get("root", "/") != "/":
        line += ["--root", module.params["root"]]
    for service in module.params["services"]:
        line += ["--service", service]
    if action in ("check", "diff", "apply"):
        given = {"only_add", "skip_root", "strict"} & set(module.params)
        options += tuple(
            f"--{name.replace('_', '-')}" for name in sorted(given) if module.params[name]
        )
    return [*line, action, *options]
