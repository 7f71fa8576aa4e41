"""Hold one real conversation with libpam, with a candidate file that is not installed yet.

Two child processes see different content of the service's file: one sees the candidate, the other
one the present file. The second is asked only if the first refuses, to distinguish a wrong password
from a candidate that locks people out:

    with the candidate   with the present file    result
    lets in              not asked                the test has passed
    refuses              lets in                  the candidate locks people out
    refuses              refuses                  wrong password or refused account; or no test, if
                                                  the stack wants more than a password

No session is opened and no credential is set. A rule of pam_gnome_keyring in auth starts the
keyring daemon if it has ``auto_start`` (gkr-pam-module.c:pam_sm_authenticate), and that daemon
would continue after the trial, with the password. So both children see such rules without that
word, in every file: the trial starts and leaves nothing that belongs to the user.
"""

from __future__ import annotations

import pwd
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import NamedTuple

from creds_session.errors import CredsSessionError, Unavailable
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.policy import is_keyring
from creds_session.pam.stack.handlers import Stack
from creds_session.pam.syntax.terms import ManagementGroup, ReturnValue
from creds_session.secret import Secret
from creds_session.system.libpam.conversation import Outcome, conversation, is_prompt

Files = Mapping[str, bytes]
Ask = Callable[[], Secret]
Tell = Callable[[str], None]
START = "auto_start"
START_WORD = re.compile(
    rb"(?<![^ \t\[])\[?auto_start\]?(?![^ \t\]\\])"
)  # as one word, in any brackets
SECOND_FACTORS = frozenset(
    {
        "pam_2fa.so",
        "pam_duo.so",
        "pam_fprintd.so",
        "pam_google_authenticator.so",
        "pam_howdy.so",
        "pam_multiotp.so",
        "pam_oath.so",
        "pam_opie.so",
        "pam_otpw.so",
        "pam_p11.so",
        "pam_pkcs11.so",
        "pam_poldi.so",
        "pam_privacyidea.so",
        "pam_radius_auth.so",
        "pam_securid.so",
        "pam_ssh_agent_auth.so",
        "pam_u2f.so",
        "pam_yubico.so",
    }
)
"""Modules that want a code, a token, a finger or a key, which no trial can give."""


class TrialFailed(CredsSessionError):
    """PAM refused the user in a trial."""


class Candidate(NamedTuple):
    """The new content of a service's file; ``path`` is the file that libpam reads now."""

    service: str
    path: str
    content: bytes


def second_factors(stack: Stack) -> tuple[str, ...]:
    """Return the modules of an auth stack that want more than a password."""
    modules = (handler.module for handler in stack.handlers)
    return tuple(dict.fromkeys(name for name in modules if name in SECOND_FACTORS))


def warnings(service: str, user: str, wants: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a person must know before they are asked for the password."""
    here = f": {service} has {', '.join(wants)}" if wants else ""
    return (
        f"testing a login of {user} by {service} with the change; nothing is installed yet",
        "a wrong password counts twice for pam_faillock, because the present file is tried too",
        f"a second factor or a one-time code cannot be tried{here}",
    )


def attempt(candidate: Candidate, user: str, pam: PamFiles, ask: Ask, tell: Tell) -> None:
    """Return if PAM lets the user in; ``tell`` prints warnings first.

    ``pam`` are the files as they are, whose stack wants no more than the candidate's.
    """
    stack = pam.stack(candidate.service, ManagementGroup.AUTH)
    wants = second_factors(stack)
    for line in warnings(candidate.service, user, wants):
        tell(line)
    with_change = pam.overlaid(candidate.path, candidate.content)
    files = tuple(_without_start(candidate.service, source) for source in (with_change, pam))
    seen = {candidate.path: candidate.content, **files[0]}
    hold(candidate, user, ask, wants, seen, files[1])
    tell(f"PAM lets {user} in by {candidate.service} with the change")


def hold(
    candidate: Candidate,
    user: str,
    ask: Ask,
    wants: tuple[str, ...] = (),
    changed: Files | None = None,
    present: Files | None = None,
) -> None:
    """Return if PAM lets the user in with the candidate.

    ``ask`` returns the password; it is called when everything is ready. ``wants`` are the stack's
    second factors. ``changed`` and ``present`` are the contents of files that the two children see.

    Raises:
        TrialFailed: PAM refused the user.
        Unavailable: The test was not possible.
    """
    _require_known(user)
    files = {candidate.path: candidate.content} if changed is None else changed
    service = candidate.service
    with ExitStack() as children:
        with_candidate = children.enter_context(conversation(service, user, files))
        as_it_is = children.enter_context(conversation(service, user, present or {}))
        password = ask()
        if not password:
            raise Unavailable("could not try: no password was given")
        tried = with_candidate(password)
        if not tried.lets_in:
            _refuse(user, tried, as_it_is(password), wants)


def _without_start(service: str, pam: PamFiles) -> Files:
    """Return the auth files of a service that start the keyring daemon, without ``auto_start``."""
    files: dict[str, bytes] = {}
    for handler in pam.stack(service, ManagementGroup.AUTH).handlers:
        if is_keyring(handler) and START in handler.arguments:
            path = handler.origin.file
            content = files.get(path) or pam.read(path) or b""
            files[path] = _rule_without_start(content, handler.origin.line)
    return files


def _rule_without_start(content: bytes, line: int) -> bytes:
    """Replace the word by blanks in the rule that begins in this physical line."""
    lines = content.split(b"\n")
    for number in range(line - 1, len(lines)):
        lines[number] = START_WORD.sub(lambda found: b" " * len(found.group()), lines[number])
        if not lines[number].endswith(b"\\"):
            break
    return b"\n".join(lines)


def _refuse(user: str, tried: Outcome, present: Outcome, wants: tuple[str, ...]) -> None:
    """Raise the error that the two outcomes mean."""
    if present.lets_in:
        raise TrialFailed(
            f"the change would lock {user} out: PAM lets {user} in without it and refuses with it"
            f" ({tried}); nothing was changed",
            hint="please report this, with the output of the same command with `diff` in place of"
            " `apply --try USER`",
        )
    more = wants or tuple(line.strip() for line in present.said if _wants_more(line))
    if more and not present.knows_password:
        raise Unavailable(
            f"could not try: PAM refuses {user} with and without the change, and wants more than"
            f" a password ({', '.join(more)}); nothing was changed",
            hint="use `--confirm-within 10m` instead of `--try USER`, and log in to test it",
        )
    why = "the password is wrong, or the account is locked"
    if present.knows_password:
        why = "the password is right, but the account is refused"
    if present.code == ReturnValue.NEW_AUTHTOK_REQD:
        why = "the password has expired; change it first"
    raise TrialFailed(
        f"PAM refuses {user} without the change too: {why}; nothing was changed",
        hint=f"PAM says: {present}",
    )


def _wants_more(line: str) -> bool:
    """Return whether a line is a prompt for something else than a password.

    libpam prints English text in the C locale.
    """
    return is_prompt(line) and "password" not in line.lower()


def _require_known(user: str) -> None:
    try:
        pwd.getpwnam(user)
    except KeyError:
        raise Unavailable(f"could not try: there is no user {user!r}") from None
