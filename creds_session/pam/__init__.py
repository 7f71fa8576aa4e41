"""Read PAM service files, say what libpam does with them, and plan a change that is proved safe.

This package is pure: text goes in, values come out. It opens no file and needs no libpam.
docs/reference/pam.md has examples.

``parse``        read a service file without loss; never raises
``lint``         list what libpam would refuse in a file, or read in another way than meant
``resolve_all``  return what libpam runs for each management group of a service
``dispatch``     return what one call returns, and how libpam comes to that
``verdicts``     return what pam_gnome_keyring gets from a service
``plan``         return the smallest edit that is proved safe
``refute``       return a counterexample to the safety of an edit, or None
``judge_change`` return what a change by anybody means: who is refused or let in now

A name is loaded when it is used, so that each command loads only what it needs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from creds_session.pam.changes.judge import judge_change
    from creds_session.pam.keyring_rules.candidates import Edit
    from creds_session.pam.keyring_rules.counterexample import Breach, Counterexample
    from creds_session.pam.keyring_rules.edit_search import Options
    from creds_session.pam.keyring_rules.group_verdict import GroupVerdict
    from creds_session.pam.keyring_rules.plan import NoSafeEdit, Plan, plan
    from creds_session.pam.keyring_rules.proof import refute
    from creds_session.pam.keyring_rules.refusals import Refusal
    from creds_session.pam.keyring_rules.verdict import verdicts
    from creds_session.pam.keyring_rules.verdict import verdicts as judge
    from creds_session.pam.modules.returns import usual_return
    from creds_session.pam.stack.dispatch import Verdict, dispatch
    from creds_session.pam.stack.handlers import Handler, Stack, Stacks
    from creds_session.pam.stack.resolve import resolve, resolve_all
    from creds_session.pam.syntax.controls import SimpleControl, ValueActionControl
    from creds_session.pam.syntax.diagnostic import Diagnostic
    from creds_session.pam.syntax.lint import lint
    from creds_session.pam.syntax.nodes import (
        AtInclude,
        Blank,
        Comment,
        Malformed,
        Rule,
        ServiceFile,
    )
    from creds_session.pam.syntax.parser import parse
    from creds_session.pam.syntax.terms import (
        Action,
        Call,
        Dialect,
        Jump,
        ManagementGroup,
        Pass,
        ReturnValue,
    )

__all__ = [
    "Action",
    "AtInclude",
    "Blank",
    "Breach",
    "Call",
    "Comment",
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
    "Pass",
    "Plan",
    "Refusal",
    "ReturnValue",
    "Rule",
    "ServiceFile",
    "SimpleControl",
    "Stack",
    "Stacks",
    "ValueActionControl",
    "Verdict",
    "dispatch",
    "judge",
    "judge_change",
    "lint",
    "parse",
    "plan",
    "refute",
    "resolve",
    "resolve_all",
    "usual_return",
    "verdicts",
]

_PLACES = {
    "syntax.terms": (
        *("Action", "Call", "Dialect", "Jump", "ManagementGroup", "Pass", "ReturnValue"),
    ),
    "syntax.controls": ("SimpleControl", "ValueActionControl"),
    "syntax.nodes": ("AtInclude", "Blank", "Comment", "Malformed", "Rule", "ServiceFile"),
    "syntax.parser": ("parse",),
    "syntax.diagnostic": ("Diagnostic",),
    "syntax.lint": ("lint",),
    "stack.handlers": ("Handler", "Stack", "Stacks"),
    "stack.resolve": ("resolve", "resolve_all"),
    "stack.dispatch": ("Verdict", "dispatch"),
    "modules.returns": ("usual_return",),
    "changes.judge": ("judge_change",),
    "keyring_rules.counterexample": ("Breach", "Counterexample"),
    "keyring_rules.candidates": ("Edit",),
    "keyring_rules.edit_search": ("Options",),
    "keyring_rules.proof": ("refute",),
    "keyring_rules.refusals": ("Refusal",),
    "keyring_rules.group_verdict": ("GroupVerdict",),
    "keyring_rules.verdict": ("verdicts",),
    "keyring_rules.plan": ("NoSafeEdit", "Plan", "plan"),
}
_MODULE_OF = {name: place for place, names in _PLACES.items() for name in names}
_OLD_NAMES = {"judge": "verdicts"}
"""A name that was documented earlier, and the present name."""


def __dir__() -> list[str]:
    """Return the names of the public interface, loaded or not."""
    return sorted(__all__)


def __getattr__(name: str) -> object:
    """Load a name of the public interface from its module (PEP 562)."""
    now = _OLD_NAMES.get(name, name)
    if now not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULE_OF[now]}"), now)
