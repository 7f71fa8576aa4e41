# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Document what the modules that need an installed creds-session share."""

from __future__ import annotations


class ModuleDocFragment:
    """What a module needs on the target, and the options of ``creds``."""

    DOCUMENTATION = r"""
requirements:
  - creds-session on the target; the role P(creds_session.keyring.server#role) installs it
options:
  executable:
    description: The path of C(creds). Without it, the module searches for it.
    type: path
"""

    TIMEOUT = r"""
options:
  timeout:
    description: Give up after this many seconds without an answer from the session bus.
    type: float
"""
