"""Rules that let somebody in by a condition or by the answer of a program, and not by a secret.

Sources: pam_exec(8): without ``expose_authtok`` the program does not get the password; pam_rhosts,
pam_wheel with ``trust``, pam_listfile with ``sense=allow``, pam_succeed_if, pam_usertype and
pam_sepermit look at the user, the group, the host or SELinux.
"""

from __future__ import annotations

from typing import Final

from creds_session.pam.changes.modules import Machine, attacker_returns, possible
from creds_session.pam.modules.facts import Admission
from creds_session.pam.modules.returns import admission, module_name
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import Pass, ReturnValue

SUCCESS: Final = int(ReturnValue.SUCCESS)
_WITHOUT_SECRET: Final = frozenset({"pam_listfile.so", "pam_rhosts.so", "pam_usertype.so"})


def is_conditional(handler: Handler) -> bool:
    """Return whether a success of the module says that a condition is true, and proves no one."""
    name = module_name(handler)
    if name == "pam_exec.so":
        return "expose_authtok" not in handler.arguments
    return name in _WITHOUT_SECRET or admission(handler) is Admission.CONDITION


def conditional_returns(handler: Handler, pass_: Pass, machine: Machine) -> frozenset[int]:
    """Return what a module may return to a person without a secret if conditions may be true."""
    values = attacker_returns(handler, pass_, machine)
    if pass_ is not Pass.AUTHENTICATE or not is_conditional(handler):
        return values
    return values | (possible(handler, pass_, machine) & {SUCCESS})


def condition(handler: Handler) -> str:
    """Return the rule as a person knows it: the module and its arguments."""
    return " ".join((handler.module_path, *handler.arguments))
