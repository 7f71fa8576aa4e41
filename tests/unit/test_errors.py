from __future__ import annotations

import pytest

from creds_session import errors
from creds_session.cli.password_source import Declined
from creds_session.session.unlock.routes import NoKeyringYet
from creds_session.system.bus.connection import CallFailed

CODES = {
    errors.CredsSessionError: 1,
    errors.WrongPassword: 1,
    errors.NoSuchCredential: 1,
    Declined: 1,
    errors.Ambiguous: 65,
    errors.UsageError: 64,
    errors.InvalidData: 65,
    errors.NoSuchFile: 66,
    errors.Unavailable: 69,
    errors.NoService: 69,
    errors.NoBus: 69,
    errors.TimedOut: 69,
    CallFailed: 69,
    errors.ProviderHung: 69,
    errors.NoBus: 69,
    errors.OtherProvider: 69,
    errors.CannotWrite: 73,
    errors.Busy: 75,
    errors.NotPermitted: 77,
    errors.CollectionLocked: 77,
    errors.PromptImpossible: 77,
    NoKeyringYet: 77,
}


@pytest.mark.parametrize(("error", "code"), CODES.items())
def test_error_has_the_exit_code_of_the_contract(
    error: type[errors.CredsSessionError], code: int
) -> None:
    assert error.exit_code == code


def test_every_error_is_in_the_table() -> None:
    defined = {value for value in vars(errors).values() if isinstance(value, type)}
    assert defined <= set(CODES)


def test_an_error_has_a_problem_and_a_hint_and_prints_both() -> None:
    error = errors.Busy("held", hint="wait")
    assert (error.problem, error.hint, str(error)) == ("held", "wait", "held; wait")
    assert errors.Busy("held").hint == ""
    assert CallFailed("a.b.C", "").problem == "a.b.C"
