# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Document the options that the modules about PAM share."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ``creds-setup-pam``."""

    DOCUMENTATION = r"""
options:
  executable:
    description: The path of C(creds-setup-pam) on the target. Without it, the module searches for it.
    type: path
"""

    RULES = r"""
options:
  only_add:
    description: Insert lines only; never modify existing ones.
    type: bool
    default: false
  skip_root:
    description: Skip the keyring rules for root, so that a hung keyring daemon cannot block root's login.
    type: bool
    default: false
  strict:
    description: Prove the change for every value that a module can return.
    type: bool
    default: false
"""
