#!/usr/bin/python
# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Install or remove the login hook or the units of a user, or the unit that checks PAM."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hook
short_description: Install the login hook, or the units that lock and unlock the keyring or check PAM
version_added: 1.0.0
description:
  - Runs C(creds hook) as the user that the task runs as. The hook asks for the password of the keyring at a login that
    did not unlock it.
  - With O(unit), units of systemd are installed instead. Units of the user manager that root installs are for all users.
author:
  - the creds-session authors (@creds-session)
extends_documentation_fragment:
  - creds_session.keyring.creds
attributes:
  check_mode:
    description: Tries the hook in a copy of the user's startup files, and changes nothing.
    support: full
  diff_mode:
    description: Returns the changes of the startup files. For O(unit), only the paths are returned.
    support: partial
options:
  state:
    description: Whether the hook or the unit shall be installed.
    type: str
    choices: [present, absent]
    default: present
  shell:
    description: Use the hook for this shell. Without it, the login shell of the user is used.
    type: str
    choices: [sh, dash, ksh, ash, bash, zsh, fish]
  unit:
    description:
      - Use a unit instead of the hook.
      - V(lock) locks all keyrings at the last logout, and V(unlock) unlocks the login keyring with a systemd credential.
      - V(pam) is a unit of the system, which checks the change of PAM after each update. It requires root. The Debian and RPM
        packages have triggers instead, and do not need it.
      - If root installs a unit, only root may be able to replace the program that it runs. Otherwise the task fails, and names
        the file or the directory.
    type: str
    choices: [lock, unlock, pam]
"""

EXAMPLES = r"""
- name: Ask alice for the password of the keyring if a login did not unlock it
  creds_session.keyring.hook:
  become: true
  become_user: alice

- name: Lock all keyrings at the last logout, for all users
  creds_session.keyring.hook:
    unit: lock
  become: true

- name: Check the change of PAM after each update, if creds-session was installed with pip
  creds_session.keyring.hook:
    unit: pam
  become: true
"""

RETURN = r"""
changed_files:
  description: The files that changed. In check mode, the files that would change.
  returned: always
  type: list
  elements: str
  sample: [/home/alice/.config/creds-session/hook.sh, /home/alice/.bashrc]
"""

import os
import pwd
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.creds_session.keyring.plugins.module_utils import home_copy
from ansible_collections.creds_session.keyring.plugins.module_utils.command import fail
from ansible_collections.creds_session.keyring.plugins.module_utils.session import PROGRAM, Creds

CHANGED = re.compile(r"^(?:creds:)? *(?:changed|removed) (/.*)$", re.MULTILINE)
UNIT = re.compile(r"^# (creds-session-[a-z]+\.[a-z]+)$", re.MULTILINE)
EVERYBODY = "/etc/systemd/user"
SYSTEM = "/etc/systemd/system"


def main() -> None:
    """Run the module."""
    shells = ["sh", "dash", "ksh", "ash", "bash", "zsh", "fish"]
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "shell": {"type": "str", "choices": shells},
            "unit": {"type": "str", "choices": ["lock", "unlock", "pam"]},
            "executable": {"type": "path"},
        },
        mutually_exclusive=[("shell", "unit")],
        supports_check_mode=True,
    )
    creds = Creds(module)
    if module.params["unit"] and module.check_mode:
        would_change(module, creds)
    home = home_directory()
    before = home_copy.startup_files(home)
    if module.check_mode:
        copy = home_copy.write(os.path.join(module.tmpdir, "home"), before)
        paths = changed(module, creds, home_copy.environment(copy))
        after = home_copy.startup_files(copy)
        paths = [path.replace(copy, home, 1) for path in paths]
    else:
        paths = changed(module, creds, {})
        after = home_copy.startup_files(home)
    diff = {"prepared": home_copy.unified(home, before, after)}
    module.exit_json(changed=bool(paths), changed_files=paths, diff=diff)


def home_directory() -> str:
    """Return the home of the user that the task runs as, as ``creds hook`` finds it."""
    return os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir


def changed(module: AnsibleModule, creds: Creds, environment: dict) -> list:
    """Install or remove; return the files that changed."""
    action = "install" if module.params["state"] == "present" else "remove"
    kind = [
        word
        for option in ("shell", "unit")
        if module.params[option]
        for word in (f"--{option}", module.params[option])
    ]
    done = creds.run("hook", action, *kind, environment=environment)
    if done.code != 0:
        fail(module, done, PROGRAM)
    return CHANGED.findall(done.messages)


def directory_of(unit: str) -> str:
    """Return where ``creds hook`` puts a unit."""
    if os.getuid() == 0:
        return SYSTEM if unit == "pam" else EVERYBODY
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home_directory(), ".config")
    return os.path.join(config, "systemd/user")


def would_change(module: AnsibleModule, creds: Creds) -> None:
    """End the module with what would change: units that are missing, or that are there."""
    unit = module.params["unit"]
    if unit == "pam" and os.getuid() != 0:
        module.fail_json(
            msg="the unit pam is one of the system, and requires root; set become: true"
        )
    shown = creds.run("hook", "print", "--unit", unit)
    if shown.code != 0:
        fail(module, shown, PROGRAM)
    place = directory_of(unit)
    paths = [os.path.join(place, name) for name in UNIT.findall(shown.output.decode("utf-8"))]
    is_wanted = module.params["state"] == "present"
    paths = [path for path in paths if os.path.exists(path) != is_wanted]
    module.exit_json(changed=bool(paths), changed_files=paths)


if __name__ == "__main__":
    main()
