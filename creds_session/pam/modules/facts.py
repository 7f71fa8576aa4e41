"""The row of a module in the tables ``linux_pam`` and ``others``, and the words in its cells."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

ANYTHING: Final = "anything"
"""Any return value."""

ABSENT: Final = ""
"""The module has no such function; libpam then counts module_unknown."""

MIXED: Final = "success ignore errors"
"""Success, ignore or any error except module_unknown; never new_authtok_reqd."""

YES_OR_NO: Final = "success errors"
"""Success or any error except module_unknown; never ignore or new_authtok_reqd."""

NEVER_IGNORE: Final = "success new_authtok_reqd errors"
"""Any return value except ignore and module_unknown."""


class Handling(enum.Enum):
    """What a module does with the password of the account."""

    JUDGES = "asks for the password or receives it, and checks it"
    CHANGES = "asks for a new password or receives it"
    READS = "receives the password, and does not check it"
    MAY_ASK = "may ask for another password or a code, not for the account's password"
    NOTHING = "has nothing to do with the password"


class Admission(enum.Enum):
    """What a success of a module in authenticate confirms about the person."""

    PASSWORD = "the password was right"  # noqa: S105 - what a success means
    OTHERWISE = "another proof was right: a key, a token, a code, a fingerprint, or being root"
    CONDITION = "a condition is true that is false for ordinary people"
    NOBODY = "nothing"


class ModuleFacts(NamedTuple):
    """What one module may return in each call, as words, and what it does with the password.

    ``chauthtok`` is for both of its passes; ``prelim`` replaces it for the first pass if that one
    is known to differ. ``options`` are triples of an argument, a call, and the words of the cell
    with that argument.
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
    """Return the row of a module that may return anything."""
    rest = (ANYTHING,) * 4
    return ModuleFacts(
        source, ANYTHING, setcred, *rest, None, handling=handling, admission=admission
    )


def judging(source: str, setcred: str = ANYTHING) -> ModuleFacts:
    """Return the row of a module that checks the password, and may return anything."""
    return any_of(source, Handling.JUDGES, Admission.PASSWORD, setcred)


def ignoring_if(source: str, *arguments: str) -> ModuleFacts:
    """Return the row of a module that checks the password, and returns ignore on request only.

    In authenticate and setcred, the module returns ignore only with one of the arguments. Upper and
    lower case are not distinguished in arguments of options that say ``ANYTHING``.
    """
    calls = ("authenticate", "setcred")
    never_ignore = f"{NEVER_IGNORE} module_unknown"  # the module passes on what its daemon answers
    return judging(source)._replace(
        authenticate=never_ignore,
        setcred=never_ignore,
        options=tuple((argument, call, ANYTHING) for argument in arguments for call in calls),
    )


def proving(source: str, setcred: str = ANYTHING) -> ModuleFacts:
    """Return the row of a module that accepts another proof than the password."""
    return any_of(source, Handling.MAY_ASK, Admission.OTHERWISE, setcred)
