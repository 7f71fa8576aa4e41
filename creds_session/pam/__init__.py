"""PAM service files and what libpam makes of them: pure, text in, values out.

``parse`` reads a file without loss; ``resolve`` finds what libpam runs for a management group;
``dispatch`` runs one call as libpam does; ``judge`` and ``plan`` say what pam_gnome_keyring gets
and the smallest edit that is proved safe. docs/reference/pam.md has examples.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from creds_session.pam.dispatch import Verdict, dispatch
    from creds_session.pam.handlers import Handler, Stack, Stacks
    from creds_session.pam.judge import GroupVerdict, judge
    from creds_session.pam.lint import Diagnostic, lint
    from creds_session.pam.modules import success_unless_builtin
    from creds_session.pam.nodes import AtInclude, Malformed, Rule, ServiceFile
    from creds_session.pam.parser import parse
    from creds_session.pam.plan import Edit, NoSafeEdit, Options, Plan, plan
    from creds_session.pam.proof import Counterexample, refute, refute_reach
    from creds_session.pam.stack import resolve, resolve_all
    from creds_session.pam.terms import Action, Call, Dialect, Jump, ManagementGroup, ReturnValue

__all__ = [
    "Action",
    "AtInclude",
    "Call",
    "Counterexample",
    "Diagnostic",
    "Dialect",
    "Edit",
    "GroupVerdict",
    "Handler",
    "Jump",
    "Malformed",
    "ManagementGroup",
    "NoSafeEdit",
    "Options",
    "Plan",
    "ReturnValue",
    "Rule",
    "ServiceFile",
    "Stack",
    "Stacks",
    "Verdict",
    "dispatch",
    "judge",
    "lint",
    "parse",
    "plan",
    "refute",
    "refute_reach",
    "resolve",
    "resolve_all",
    "success_unless_builtin",
]

_HOMES = {
    "dispatch": ("Verdict", "dispatch"),
    "handlers": ("Handler", "Stack", "Stacks"),
    "judge": ("GroupVerdict", "judge"),
    "lint": ("Diagnostic", "lint"),
    "modules": ("success_unless_builtin",),
    "nodes": ("AtInclude", "Malformed", "Rule", "ServiceFile"),
    "parser": ("parse",),
    "plan": ("Edit", "NoSafeEdit", "Options", "Plan", "plan"),
    "proof": ("Counterexample", "refute", "refute_reach"),
    "stack": ("resolve", "resolve_all"),
    "terms": ("Action", "Call", "Dialect", "Jump", "ManagementGroup", "ReturnValue"),
}


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for: the commands need only some of them."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
