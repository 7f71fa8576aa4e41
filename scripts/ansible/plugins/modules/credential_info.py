#!/usr/bin/python
# MIT License (see LICENSE or https://opensource.org/license/mit)
"""List the credentials in the keyring of a user, or read one of them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credential_info
short_description: List the credentials in the keyring of a user
version_added: 1.0.0
description:
  - Lists the services and the user names that are stored in the keyring of the user that the task runs as.
  - With O(reveal), one password is returned. The result of such a task is always hidden from the output and from the
    logs, as if O(ignore:no_log) were set; a registered variable contains it.
  - The module changes nothing, and it unlocks nothing.
author:
  - the creds-session authors (@creds-session)
extends_documentation_fragment:
  - creds_session.keyring.info
  - creds_session.keyring.creds
  - creds_session.keyring.creds.timeout
options:
  service:
    description: List only the credentials of this service.
    type: str
  username:
    description: List only the credentials of this user name.
    type: str
  reveal:
    description: Also return the password. This requires O(service) and O(username).
    type: bool
    default: false
seealso:
  - module: creds_session.keyring.credential
"""

EXAMPLES = r"""
- name: List what is stored for alice
  creds_session.keyring.credential_info:
  become: true
  become_user: alice
  register: listed

- name: Read one password; the output of this task is hidden
  creds_session.keyring.credential_info:
    service: github
    username: alice
    reveal: true
  become: true
  become_user: alice
  register: github
"""

RETURN = r"""
state:
  description: The state of the keyring, as C(creds status) prints it.
  returned: always
  type: str
  sample: unlocked
readable:
  description: Whether the credentials could be read. If the keyring is locked, it is not unlocked.
  returned: always
  type: bool
  sample: true
message:
  description: The state of the keyring in words.
  returned: always
  type: str
credentials:
  description: The credentials, each with service and username. The list is empty if RV(readable) is false.
  returned: always
  type: list
  elements: dict
  sample:
    - service: github
      username: alice
password:
  description: The password. It is null if there is no such credential or if the keyring cannot be read.
  returned: O(reveal=true)
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


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "service": {"type": "str"},
            "username": {"type": "str"},
            "reveal": {"type": "bool", "default": False},
            "timeout": {"type": "float"},
            "executable": {"type": "path"},
        },
        required_if=[("reveal", True, ["service", "username"])],
        supports_check_mode=True,
    )
    creds = Creds(module)
    state = creds.state()
    is_readable = state.get("default") == UNLOCKED
    result = {
        "changed": False,
        "state": state.get("state", "no-bus"),
        "message": state.get("message", "creds status printed nothing"),
        "readable": is_readable,
        "credentials": listed(module, creds) if is_readable else [],
    }
    if module.params["reveal"]:
        result["password"] = revealed(module, creds) if is_readable else None
    module.exit_json(**result)


def listed(module: AnsibleModule, creds: Creds) -> list:
    """Return the credentials that the options name."""
    service, username = module.params["service"], module.params["username"]
    found = creds.on("list", *([service] if service else []), options=("--format", "json"))
    if found.code != 0:
        fail(module, found, PROGRAM)
    return [
        credential
        for credential in found.values["credentials"]
        if username is None or credential["username"] == username
    ]


def revealed(module: AnsibleModule, creds: Creds) -> str | None:
    """Return the password, or None if there is no such credential."""
    names = module.params["service"], module.params["username"]
    found = creds.on("get", *names, options=("--no-newline",))
    if found.code == NO_SUCH:
        return None
    if found.code != 0:
        fail(module, found, PROGRAM)
    return found.output.decode("utf-8", "surrogateescape")


if __name__ == "__main__":
    main()
