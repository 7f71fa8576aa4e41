#!/usr/bin/python
# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Find out why no secret can be read in a session, and change nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: doctor_info
short_description: Find out why no secret can be read in a session
version_added: 1.0.0
description:
  - Runs C(creds-doctor) on the target and returns what it found. It changes nothing and starts nothing.
author:
  - the creds-session authors (@creds-session)
requirements:
  - creds-session on the target; the role P(creds_session.keyring.server#role) installs it
extends_documentation_fragment:
  - creds_session.keyring.info
options:
  user:
    description: Look at the session of this user. The session of another user requires root.
    type: str
  only:
    description: Run only these checks. C(creds-doctor --list) prints their ids.
    type: list
    elements: str
    default: []
  skip:
    description: Leave these checks out.
    type: list
    elements: str
    default: []
  timeout:
    description: Look for at most this many seconds. Without it, the doctor looks for 2.5 seconds.
    type: float
  executable:
    description: The path of C(creds-doctor). Without it, the module searches for it.
    type: path
"""

EXAMPLES = r"""
- name: Ask the doctor about alice's session
  creds_session.keyring.doctor_info:
    user: alice
    timeout: 10
  become: true
  register: doctor

- name: Stop if alice's programs find no secret
  ansible.builtin.assert:
    that: doctor.healthy
    fail_msg: "{{ doctor.verdict }}"
"""

RETURN = r"""
healthy:
  description: Whether a secret can be read and no finding is an error.
  returned: always
  type: bool
  sample: true
verdict:
  description: The same in one line.
  returned: always
  type: str
  sample: a secret can be read in this session
findings:
  description: What was found, errors first, each with id, severity, title, cause, evidence and remediation.
  returned: always
  type: list
  elements: dict
checks:
  description: Every check with its outcome.
  returned: always
  type: list
  elements: dict
daemons:
  description: The keyring daemons of the user.
  returned: always
  type: list
  elements: dict
login_log:
  description: What the log says about the last login.
  returned: always
  type: list
  elements: dict
version:
  description: The version of creds-session on the target.
  returned: always
  type: str
  sample: 1.0.0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.creds_session.keyring.plugins.module_utils.command import SBIN, fail, run

PROGRAM = "creds-doctor"
LOOKED = (0, 1)  # healthy, and not


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "user": {"type": "str"},
            "only": {"type": "list", "elements": "str", "default": []},
            "skip": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "float"},
            "executable": {"type": "path"},
        },
        supports_check_mode=True,
    )
    seen = run(module, command_of(module))
    if seen.code not in LOOKED or not seen.values:
        fail(module, seen, PROGRAM)
    values = {name: value for name, value in seen.values.items() if name != "schema"}
    findings = [finding for check in values["checks"] for finding in check["findings"]]
    module.exit_json(changed=False, findings=findings, **values)


def command_of(module: AnsibleModule) -> list:
    """Return the command line that the options ask for."""
    given = module.params
    program = given["executable"] or module.get_bin_path(PROGRAM, required=True, opt_dirs=SBIN)
    line = [program, "--json"]
    if given["user"]:
        line += ["--user", given["user"]]
    if given["timeout"]:
        line += ["--timeout", f"{given['timeout']:g}"]
    for option in ("only", "skip"):
        for check in given[option]:
            line += [f"--{option}", check]
    return line


if __name__ == "__main__":
    main()
