"""The row of a module in the tables ``linux_pam`` and ``other_modules``, and its words."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

ANYTHING: Final = "anything"
"""Any return value."""

ABSENT: Final = ""
"""The module has no such function, which libpam answers with module_unknown."""

MIXED: Final = "success ignore errors"
"""Success, ignore or any error but module_unknown; never new_authtok_reqd."""

YES_OR_NO: Final = "success errors"
"""Success or any error but module_unknown; never ignore or new_authtok_reqd."""


NEVER_IGNORE: Final = "success new_authtok_reqd errors"
"""Any return value but ignore and module_unknown."""


class Handling(enum.Enum):
    """What a module does with the password of the account."""

    JUDGES = "asks for the password or is handed it, and says whether it is right"
    CHANGES = "asks for a new password or is handed it"
    READS = "is handed the password, and does not judge it"
    MAY_ASK = "may ask for a password or code of its own, which is not the account's"
    NOTHING = "has nothing to do with the password"


class Admission(enum.Enum):
    """What a success of a module in authenticate says of the person."""

    PASSWORD = "the password was right"  # noqa: S105 - what a success means
    OTHERWISE = "another proof was given: a key, a token, a code, a fingerprint, being root"
    CONDITION = "a condition holds that is false for ordinary people"
    NOBODY = "it says nothing of the person"


class ModuleFacts(NamedTuple):
    """What one module may return in each call, as words, and what it does with the password.

    ``password`` is both passes of chauthtok, ``prelim`` the first where that one is known to be
    otherwise. ``options`` replaces cells where an argument is given: by argument, then by call.
    """

    source: str
    authenticate: str = ABSENT
    setcred: str = ABSENT
    acct_mgmt: str = ABSENT
    open_session: str = ABSENT
    close_session: str = ABSENT
    chauthtok: str = ABSENT
    prelim: str | None = None
    handling: Handling = Handling.NOTHING
    admission: Admission = Admission.NOBODY
    options: tuple[tuple[str, str, str], ...] = ()


def any_of(
    source: str,
    handling: Handling = Handling.NOTHING,
    admission: Admission = Admission.NOBODY,
    setcred: str = ANYTHING,
) -> ModuleFacts:
    """Make the row of a module of whose returns nothing is taken for granted."""
    rest = (ANYTHING,) * 4
    return ModuleFacts(
        source, ANYTHING, setcred, *rest, None, handling=handling, admission=admission
    )


def judging(source: str, setcred: str = ANYTHING) -> ModuleFacts:
    """Make the row of a module that judges the password, and may return anything."""
    return any_of(source, Handling.JUDGES, Admission.PASSWORD, setcred)


def ignoring_if(source: str, *arguments: str) -> ModuleFacts:
    """Make the row of a module that judges the password, and ignores it only if told so.

    In authenticate and setcred the module returns ignore only with one of the arguments, in
    whatever case it is written: a cell of options that says ``ANYTHING`` is looked up so.
    """
    calls = ("authenticate", "setcred")
    never_ignore = f"{NEVER_IGNORE} module_unknown"  # what their daemon answers is handed on
    return judging(source)._replace(
        authenticate=never_ignore,
        setcred=never_ignore,
        options=tuple((argument, call, ANYTHING) for argument in arguments for call in calls),
    )


def proving(source: str, setcred: str = ANYTHING) -> ModuleFacts:
    """Make the row of a module that takes another proof than the password."""
    return any_of(source, Handling.MAY_ASK, Admission.OTHERWISE, setcred)
