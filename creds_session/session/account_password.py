"""Ask PAM whether a password is the password of the user's account.

A keyring that is created with a mistyped password cannot be unlocked by the next login. A password
that PAM accepts is not mistyped. PAM is asked with the service pam.d/creds-session, which
scripts/install installs. It has no rule for pam_gnome_keyring, which would create the keyring.
"""

from __future__ import annotations

from pathlib import Path

from creds_session.errors import Unavailable, WrongPassword
from creds_session.secret import Secret
from creds_session.system.libpam.conversation import conversation

SERVICE = "creds-session"
# If the service file does not exist, then PAM uses the service ``other``.
PLACES = (Path("/etc/pam.d"), Path("/usr/lib/pam.d"))
PAIR = 2
TWICE = "give the password twice: type it twice at the terminal, or give two equal lines"


def require_own(user: str, password: Secret) -> None:
    """Return if PAM confirms that this is the password of the account.

    Raises: WrongPassword if PAM refuses it, and Unavailable if PAM cannot be asked.
    """
    lines = password.reveal().count(b"\n") + 1
    if lines > 1:
        problem = (
            "the two lines differ"
            if lines == PAIR
            else "the password has several lines, and the password of an account has only one"
        )
        raise WrongPassword(f"{problem}; no keyring was created", hint=TWICE)
    if not any((place / SERVICE).is_file() for place in PLACES):
        raise Unavailable(
            f"PAM cannot be asked whether this is the password of {user}: {PLACES[0] / SERVICE}"
            " does not exist",
            hint=TWICE,
        )
    with conversation(SERVICE, user, {}) as answer:
        outcome = answer(password)
    if not outcome.knows_password:
        raise WrongPassword(
            f"PAM refused this as the password of {user} ({outcome.reason}); no keyring was"
            " created",
            hint=f"to create a keyring with another password, {TWICE}",
        )
