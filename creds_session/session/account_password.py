"""Whether a password is the account's own, asked of PAM by a service that does nothing else.

A keyring that is made with a mistyped password is lost at the next login; what PAM has accepted
is no typing error. The service is pam.d/creds-session, which scripts/install puts in place: it
has no rule of pam_gnome_keyring, which would make the keyring itself.
"""

from __future__ import annotations

from pathlib import Path

from creds_session.errors import Unavailable, WrongPassword
from creds_session.secret import Secret
from creds_session.system.libpam.conversation import conversation

SERVICE = "creds-session"
PLACES = (Path("/etc/pam.d"), Path("/usr/lib/pam.d"))  # without a file PAM would ask ``other``
PAIR = 2
TWICE = "give it twice: typed at the terminal, or as two lines"


def require_own(user: str, password: Secret) -> None:
    """Return if PAM says that this is the account's password.

    Raises WrongPassword where it says no, Unavailable where it cannot be asked.
    """
    lines = password.reveal().count(b"\n") + 1
    if lines > 1:
        told = (
            "the two lines differ" if lines == PAIR else "no account's password has several lines"
        )
        raise WrongPassword(f"{told}; no keyring was created", hint=TWICE)
    if not any((place / SERVICE).is_file() for place in PLACES):
        raise Unavailable(
            f"PAM cannot be asked whether this is the password of {user}: there is no"
            f" {PLACES[0] / SERVICE}",
            hint=TWICE,
        )
    with conversation(SERVICE, user, {}) as asked:
        outcome = asked(password)
    if not outcome.knows_password:
        raise WrongPassword(
            f"PAM does not take this for the password of {user} ({outcome.reason}); no keyring"
            " was created",
            hint=f"for a keyring with another password, {TWICE}",
        )
