#!/usr/bin/python
# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Say whether a login with a password unlocks the keyring, and change nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pam_info
short_description: Say whether PAM lets a login with a password unlock the keyring
version_added: 1.0.0
description:
  - Runs C(creds-setup-pam check), which judges the PAM files of a service. It changes nothing, and it also leaves what an
    interrupted run left behind.
  - If C(creds-setup-pam) is not installed on the target, the module carries it.
author:
  - the creds-session authors (@creds-session)
extends_documentation_fragment:
  - creds_session.keyring.info
  - creds_session.keyring.setup_pam
  - creds_session.keyring.setup_pam.rules
options:
  services:
    description: The PAM services to judge. Without it, these are C(sshd), and C(passwd) if it exists.
    type: list
    elements: str
    default: []
  with_files:
    description: Also return every PAM file with its mode, owner and content, so that they can be compared later.
    type: bool
    default: false
  root:
    description: Look at the system in this directory instead of the target itself.
    type: path
    default: /
seealso:
  - module: creds_session.keyring.pam
"""

EXAMPLES = r"""
- name: Judge the PAM files
  creds_session.keyring.pam_info:
  become: true
  register: judged

- name: Show what is missing
  ansible.builtin.debug:
    msg: "{{ judged.services | map(attribute='groups') | flatten | map(attribute='problem') | select }}"
"""

RETURN = r"""
judged:
  description: Whether the PAM files could be judged. If not, RV(problem) says why.
  returned: always
  type: bool
  sample: true
problem:
  description: Why nothing could be judged; empty otherwise.
  returned: always
  type: str
  sample: ""
change_needed:
  description: Whether M(creds_session.keyring.pam) would change a file.
  returned: if RV(judged) is true
  type: bool
  sample: false
healthy:
  description: Whether every management group has its rule, and no wrong password is let in.
  returned: if RV(judged) is true
  type: bool
  sample: true
first_login_works:
  description: Whether a new user's first login can create a keyring that is served.
  returned: if RV(judged) is true
  type: bool
  sample: true
services:
  description: The verdict on each service and management group.
  returned: if RV(judged) is true
  type: list
  elements: dict
sshd:
  description: The settings of sshd that matter.
  returned: if RV(judged) is true
  type: dict
selinux:
  description: What SELinux refuses to a login. It is null if SELinux is not enforcing.
  returned: if RV(judged) is true
  type: dict
unfinished_run:
  description: Whether an earlier run has not finished its change. It is still working, or was ended.
  returned: if RV(judged) is true
  type: bool
  sample: false
waits_for_confirmation:
  description: Until when a change waits for confirmation, and who made it. It is null if no change waits.
  returned: if RV(judged) is true
  type: dict
files:
  description: The PAM files, each with path, mode, uid, gid, sha256, and its content in base64.
  returned: O(with_files=true)
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.creds_session.keyring.plugins.module_utils import pam_files, setup_pam
from ansible_collections.creds_session.keyring.plugins.module_utils.command import run, text_of

USAGE = 64


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "with_files": {"type": "bool", "default": False},
            **setup_pam.OPTIONS,
        },
        supports_check_mode=True,
    )
    program = setup_pam.command_of(module, keep=False)
    seen = run(module, setup_pam.words(module, program, "check"))
    if seen.code == USAGE:
        module.fail_json(msg=text_of(seen, setup_pam.NAME), rc=seen.code)
    values = {name: value for name, value in seen.values.items() if name != "schema"}
    if values:
        values["healthy"] = seen.code == 0
    if module.params["with_files"]:
        values["files"] = pam_files.pam_files(module.params["root"], with_content=True)
    problem = "" if seen.values else text_of(seen, setup_pam.NAME)
    module.exit_json(changed=False, judged=bool(seen.values), problem=problem, **values)


if __name__ == "__main__":
    main()
