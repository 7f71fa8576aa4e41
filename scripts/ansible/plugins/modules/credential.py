#!/usr/bin/python
# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Store or delete a password in the keyring of a user."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credential
short_description: Store or delete a password in the keyring of a user
version_added: 1.0.0
description:
  - Stores a password in the keyring of the user that the task runs as, with C(creds). Programs that use the Secret
    Service can read it, for example python-keyring and git.
  - The password is stored byte for byte. It is sent through a pipe, so that it is never an argument or a variable of a
    process.
  - A user must have a session bus, for example because they are logged in or because they linger (C(loginctl
    enable-linger)).
author:
  - the creds-session authors (@creds-session)
extends_documentation_fragment:
  - creds_session.keyring.creds
  - creds_session.keyring.creds.timeout
attributes:
  check_mode:
    description:
      - Changes nothing and unlocks nothing. If the keyring is locked and O(keyring_password) is given, it cannot be known
        whether the password is stored already; the module then returns that something would change, with a warning.
    support: full
  diff_mode:
    description: Returns whether the credential is stored, and never a password.
    support: full
options:
  service:
    description: What the password is for, for example the name of a website.
    type: str
    required: true
  username:
    description: The user name at that service.
    type: str
    required: true
  password:
    description: The password. It is required to store one. It must be UTF-8 and may contain no NUL character.
    type: str
  state:
    description: Whether the credential shall be stored.
    type: str
    choices: [present, absent]
    default: present
  update_password:
    description: V(always) replaces another password that is stored already, and V(on_create) keeps it.
    type: str
    choices: [always, on_create]
    default: always
  allow_empty:
    description: Store an empty password. Without it, an empty password is refused, because it is usually a mistake.
    type: bool
    default: false
  keyring_password:
    description: Unlock the keyring with this password if it is locked. A keyring is never created.
    type: str
seealso:
  - module: creds_session.keyring.credential_info
"""

EXAMPLES = r"""
- name: Store a password for alice
  creds_session.keyring.credential:
    service: github
    username: alice
    password: "{{ vault_github_password }}"
  become: true
  become_user: alice

- name: Store a password, and unlock the keyring first if that is necessary
  creds_session.keyring.credential:
    service: forge
    username: robot
    password: "{{ vault_forge_password }}"
    keyring_password: "{{ vault_robot_keyring_password }}"
    update_password: on_create

- name: Delete a password
  creds_session.keyring.credential:
    service: github
    username: alice
    state: absent
"""

RETURN = r"""
unlocked:
  description: Whether the module unlocked the keyring.
  returned: always
  type: bool
  sample: false
stored:
  description: Whether the credential is stored afterwards. In check mode, whether it would be.
  returned: always
  type: bool
  sample: true
rc:
  description: The exit code of C(creds).
  returned: if it failed
  type: int
  sample: 77
meaning:
  description: What the exit code means.
  returned: if it failed
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.creds_session.keyring.plugins.module_utils.command import fail
from ansible_collections.creds_session.keyring.plugins.module_utils.session import (
    NO_SUCH,
    PROGRAM,
    UNLOCKED,
    Creds,
)

LOCKED = 77
UNKNOWN = (
    "the keyring is locked, and check mode does not unlock it, so that it is not known whether the"
    " credential is stored"
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "service": {"type": "str", "required": True},
            "username": {"type": "str", "required": True},
            "password": {"type": "str", "no_log": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "update_password": {
                "type": "str",
                "choices": ["always", "on_create"],
                "default": "always",
                "no_log": False,
            },
            "allow_empty": {"type": "bool", "default": False},
            "keyring_password": {"type": "str", "no_log": True},
            "timeout": {"type": "float"},
            "executable": {"type": "path"},
        },
        required_if=[("state", "present", ["password"])],
        supports_check_mode=True,
    )
    creds = Creds(module)
    unlocked = require_unlocked(module, creds)
    before = stored_password(module, creds)
    wanted = wanted_password(module, before)
    change = before != wanted
    if change and not module.check_mode:
        make(module, creds, wanted)
    diff = {"before": _shown(module, before), "after": _shown(module, wanted)}
    if change and before is not None and wanted is not None:
        diff["after"] = diff["after"].replace("stored", "stored, with another password")
    module.exit_json(changed=change, stored=wanted is not None, unlocked=unlocked, diff=diff)


def require_unlocked(module: AnsibleModule, creds: Creds) -> bool:
    """Unlock the keyring if it is locked; return whether that was necessary.

    Check mode reads only a keyring that is unlocked, because to read from one that has no password
    unlocks it.
    """
    state = creds.state()
    if not state or state["default"] == UNLOCKED:
        return False
    password = module.params["keyring_password"]
    if module.check_mode:
        if password is None and state["state"] not in ("no-password", "password-kept"):
            module.fail_json(msg=state["message"], rc=LOCKED, changed=False)
        module.warn(UNKNOWN)
        is_wanted = module.params["state"] == "present"
        module.exit_json(changed=True, stored=is_wanted, unlocked=False)
    if password is None or state["state"] != "locked":
        return False
    done = creds.run("unlock", "--password-stdin", "--quiet", password=password.encode())
    if done.code != 0:
        fail(module, done, PROGRAM, changed=False)
    return True


def stored_password(module: AnsibleModule, creds: Creds) -> bytes | None:
    """Return the password that is stored, or None if there is none."""
    found = creds.on("get", *_names(module), options=("--no-newline",))
    if found.code == NO_SUCH:
        return None
    if found.code != 0:
        fail(module, found, PROGRAM, changed=False)
    return found.output


def wanted_password(module: AnsibleModule, before: bytes | None) -> bytes | None:
    """Return what shall be stored afterwards, or None."""
    if module.params["state"] == "absent":
        return None
    if before is not None and module.params["update_password"] == "on_create":
        return before
    password = module.params["password"].encode("utf-8", "surrogateescape")
    if not password and not module.params["allow_empty"]:
        module.fail_json(msg="the password is empty; nothing was stored (see allow_empty)")
    return password


def make(module: AnsibleModule, creds: Creds, password: bytes | None) -> None:
    """Store or delete the credential, and read it back."""
    if password is None:
        done = creds.on("delete", *_names(module))
    else:
        options = ("--password-stdin", "--replace", "--quiet", "--allow-empty")
        done = creds.on("put", *_names(module), options=options, password=password)
    if done.code != 0:
        fail(module, done, PROGRAM, changed=False)
    if stored_password(module, creds) != password:
        module.fail_json(msg="what is stored is not what was to be stored", changed=True)


def _names(module: AnsibleModule) -> tuple:
    return module.params["service"], module.params["username"]


def _shown(module: AnsibleModule, password: bytes | None) -> str:
    """Return a line for the diff, which never contains a password."""
    state = "not stored" if password is None else "stored"
    return f"{' '.join(_names(module))}: {state}\n"


if __name__ == "__main__":
    main()
