"""What a module may return in a frozen chain, and what it returned in the call before."""

from __future__ import annotations

import pytest

from creds_session.pam.keyring_rules.choices import SUCCESS, Choice, choices
from creds_session.pam.modules.returns import MISSING, possible_returns
from creds_session.pam.syntax.terms import Pass
from tests.oracle.oracle_services import stacks


@pytest.mark.parametrize("module", ["pam_sss.so", "pam_winbind.so"])
def test_module_unknown_may_be_the_answer_of_a_module_that_is_there(module: str) -> None:
    """SSSD's daemon answers so to one request, and otherwise to the next."""
    control = "[success=1 module_unknown=ok default=die]"
    (handler,) = stacks(f"auth {control} {module}\n").auth.handlers
    made = choices(handler, handler, Pass.SETCRED, possible_returns)
    assert Choice(SUCCESS, MISSING) in made
