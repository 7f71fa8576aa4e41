# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Document the attributes of a module that only looks."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of a module that never changes anything."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: The module never changes anything.
    support: full
  diff_mode:
    description: The module never changes anything.
    support: none
"""
