"""Find creds-setup-pam on the target, or unpack the copy that the collection carries."""

from __future__ import annotations

import base64
import compileall
import json
import os
import shutil
import sys
import tempfile
import zlib

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


def command_of(module: AnsibleModule, *, keep: bool, use_kept: bool = True) -> list:
    """Return the words that start creds-setup-pam on this machine.

    The installed program is used if there is one. Otherwise it is the copy that the collection
    carries. With ``keep`` it is unpacked to a directory of root that stays, because the timer of a
    change runs it again. Without ``keep``, that copy is run if it exists, unless ``use_kept`` is
    false; otherwise a copy is written to the module's temporary directory.
    """
    named = module.params["executable"]
    if named:
        return [named]
    installed = module.get_bin_path(NAME, opt_dirs=SBIN)
    if installed:
        return [installed]
    kept = kept_directory()
    weak = weak_part(kept)
    if not keep or os.geteuid() != 0:
        if use_kept and not weak and os.path.isfile(os.path.join(kept, NAME)):
            return _start_of(kept)
        return _written(module.tmpdir)
    if weak:
        module.fail_json(
            msg=f"{weak} can be changed by others than root, so {NAME} is not kept there;"
            f" install {NAME}, or correct the owner and the mode; nothing was changed",
            changed=False,
            meaning="a directory can be changed by others than root",
        )
    _unpack(kept)
    return _start_of(kept)


def remove_kept() -> None:
    """Remove the copy that was kept, after the change was reverted."""
    shutil.rmtree(kept_directory(), ignore_errors=True)


def _start_of(directory: str) -> list:
    """Return the words that start the copy in a directory."""
    return [sys.executable, "-IB", os.path.join(directory, NAME)]


def _written(directory: str) -> list:
    """Write the copy as two files, the program and its modules; return the words that start it."""
    script = os.path.join(directory, NAME)
    with open(f"{script}.json", "wb") as file:
        file.write(_modules())
    with open(script, "w", encoding="utf-8") as file:
        file.write(bundle.PROGRAM)
    return _start_of(directory)


def _modules() -> bytes:
    """Return the JSON object of the paths and texts of all modules."""
    return zlib.decompress(base64.b64decode(bundle.MODULES))


def _unpack(directory: str) -> None:
    """Unpack the copy, unless it is there already."""
    if os.path.isdir(directory):
        return
    above = os.path.dirname(directory)
    if not os.path.isdir(above):
        os.makedirs(above, exist_ok=True)
        os.chmod(above, 0o755)  # whatever the umask is, other users may look at the copy
    # Renamed when it is whole, so that a run that is killed leaves no half of it.
    unfinished = tempfile.mkdtemp(prefix=".ansible-", dir=above)
    try:
        _fill(unfinished, directory)
        os.rename(unfinished, directory)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        is_there = os.path.isfile(os.path.join(directory, NAME))
        if not (isinstance(error, OSError) and is_there):  # if it is, another run was faster
            raise


def _fill(place: str, directory: str) -> None:
    """Write the package, compiled, and the program; only their owner can change them.

    ``directory`` is where they will be. Python would compile the modules again at each start,
    because ``-B`` forbids it to keep what it compiled.
    """
    for path, text in json.loads(_modules()).items():
        full = os.path.join(place, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
    sys.pycache_prefix = None  # PYTHONPYCACHEPREFIX, which the program ignores (-I)
    compileall.compile_dir(place, ddir=directory, quiet=2)
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
