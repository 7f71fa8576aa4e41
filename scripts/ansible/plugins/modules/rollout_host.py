#!/usr/bin/python
# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Document the action rollout_host, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_host
short_description: Change PAM on one host, and confirm the change by a login
version_added: 1.0.0
description:
  - Makes the change of M(creds_session.keyring.pam) with a timer, logs in to the host from the controller with a new
    connection of ssh, by SSH key and by password, and confirms the change in that login.
  - If a login fails, nobody confirms the change, so the host reverts it by itself. All other hosts of the run are then
    left untouched.
  - The role P(creds_session.keyring.rollout#role) uses this action. The play must set C(serial), so that it begins with
    one host.
author:
  - the creds-session authors (@creds-session)
extends_documentation_fragment:
  - creds_session.keyring.setup_pam
  - creds_session.keyring.setup_pam.rules
attributes:
  check_mode:
    description: Says what would be done, and changes nothing on a host.
    support: full
  diff_mode:
    description: The change is shown by M(creds_session.keyring.pam).
    support: none
requirements:
  - pexpect on the controller
options:
  directory:
    description: The directory on the controller for the records, the snapshots and the reports.
    type: path
    required: true
  login_user:
    description: The user who logs in by password. If this is not V(root), the user must be allowed to use sudo.
    type: str
    required: true
  login_password:
    description: The password of O(login_user). Keep it in a vault.
    type: str
    required: true
  become_password:
    description: The password that sudo asks for. Without it, this is O(login_password).
    type: str
  key_login:
    description: Whether the user of the connection must also be able to log in by SSH key.
    type: bool
    default: true
  confirm_within:
    description: The time after which the host reverts the change unless a login confirms it.
    type: str
    default: 10m
  login_timeout:
    description: Give up a login after this many seconds.
    type: float
    default: 30
  revert_timeout:
    description: Wait at most this many seconds until a host has reverted the change.
    type: float
    default: 660
  on_refusal:
    description: Whether the rollout stops at a host whose PAM files admit no safe edit. Nothing is changed on that host.
    type: str
    choices: [stop, continue]
    default: stop
  services:
    description: The PAM services to change; see M(creds_session.keyring.pam).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Change one host
  creds_session.keyring.rollout_host:
    directory: ~/keyring-rollout
    login_user: deploy
    login_password: "{{ vault_deploy_password }}"
  become: true
"""

RETURN = r"""
outcome:
  description: What was done to the host.
  returned: always
  type: str
  sample: confirmed
"""
