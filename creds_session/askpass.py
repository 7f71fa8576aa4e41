"""What an askpass program answers: the password or the user name, and nothing else.

ssh asks it whether a host's key is right, and git for a user name, in the same way as for a
password (readpass.c; git's prompt.c). A password must not be the answer to those.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping

from creds_session.credentials import Credential, get
from creds_session.errors import InvalidData, NotPermitted, UsageError
from creds_session.prompt_places import is_question, place_of
from creds_session.secret import Secret
from creds_session.system.askpass_socket import Asker, ask, end_if_named

PASSWORD = rb"(?i)password|passphrase|passcode"
USERNAME = re.compile(rb"(?i)^(username|user name|login)\b")
SOCKET = "CREDS_ASKPASS_SOCKET"
SERVICE = "CREDS_ASKPASS_SERVICE"
USER = "CREDS_ASKPASS_USER"
KEY = "CREDS_ASKPASS_USERNAME_KEY"
PATTERN = "CREDS_ASKPASS_PROMPT"
KIND = "SSH_ASKPASS_PROMPT"  # of ssh: "confirm" or "none" where nothing secret is asked for


class Answers:
    """A credential for who asks; nobody is given the same answer twice to the same prompt.

    Who asks again was refused: to go on would lock the account. ssh is ended then, for without
    an answer it tries an empty password, twice (readpass.c:read_passphrase); others give up.

    Only the host that asks first is answered, unless ``anywhere``: a server may have chosen another
    one. ``others`` are the prompts that were not answered for that reason.
    """

    def __init__(
        self, credential: Credential, pattern: re.Pattern[bytes], *, anywhere: bool = False
    ) -> None:
        self._credential, self._pattern, self._anywhere = credential, pattern, anywhere
        self._given: set[tuple[Asker, bytes]] = set()
        self._place: frozenset[bytes] | None = None
        self._lock = threading.Lock()
        self.was_refused = False
        self.others: list[bytes] = []

    def __call__(self, asker: Asker, prompt: bytes) -> Secret | None:
        """Return the answer, or None."""
        found = answer_of(self._credential, prompt, self._pattern)
        if found is None:
            return None
        with self._lock:
            is_repeated = (asker, prompt) in self._given
            is_meant = self._is_meant(prompt)
            if not is_repeated and is_meant:
                self._given.add((asker, prompt))
                return found
            if is_repeated:
                self.was_refused = True
            else:
                self.others.append(prompt)
        end_if_named(asker, "ssh")
        return None

    def _is_meant(self, prompt: bytes) -> bool:
        """Return whether this prompt is for the same host as the first that was answered."""
        place = place_of(prompt)
        self._place = self._place or place
        return self._anywhere or place == self._place


def answer_of(credential: Credential, prompt: bytes, pattern: re.Pattern[bytes]) -> Secret | None:
    """Return what a prompt asks for, if it is the user name or the password.

    A question whether to trust a host is never answered, whatever the pattern is.
    """
    if is_question(prompt):
        return None
    if USERNAME.search(prompt):
        return Secret(os.fsencode(credential.username))
    return credential.password if pattern.search(prompt) else None


def require_one_line(credential: Credential) -> None:
    """Raise InvalidData where a program would read less than the whole: it reads a line."""
    if b"\n" in credential.password.reveal() or "\n" in credential.username:
        raise InvalidData("the password or the name has several lines: askpass can give but one")


def answer(prompt: bytes, environ: Mapping[str, str]) -> Secret:
    """Return the answer to a prompt, of whoever the environment names.

    Raises NotPermitted where it is not to be answered, UsageError, and as ``get`` does.
    """
    if environ.get(KIND) in {"confirm", "none"}:
        raise NotPermitted("not answered, for it asks for no password")
    found = _found(prompt, environ)
    if found is None:
        raise NotPermitted("not answered, for it asks for no password, or was answered already")
    return found


def _found(prompt: bytes, environ: Mapping[str, str]) -> Secret | None:
    if environ.get(SOCKET):
        return ask(environ[SOCKET], prompt)
    service, user, key = environ.get(SERVICE), environ.get(USER), environ.get(KEY)
    if not service or not (user or key):
        raise UsageError(f"set {SERVICE}, and {USER} or {KEY}", hint="docs/how-to/git-and-ssh.md")
    pattern = compiled(environ.get(PATTERN) or os.fsdecode(PASSWORD), PATTERN)
    credential = get(service, user or None, username_key=None if user else key)
    require_one_line(credential)
    return answer_of(credential, prompt, pattern)


def compiled(pattern: str, name: str) -> re.Pattern[bytes]:
    """Return a pattern that a person gave as the option or the variable of this name.

    Raises UsageError. It says where the error is and does not repeat the pattern, into which a
    person may have written the password.
    """
    try:
        return re.compile(os.fsencode(pattern), re.MULTILINE)
    except re.error as error:
        place = "" if error.pos is None else f": the error is at character {error.pos + 1}"
        raise UsageError(f"{name}: not a regular expression{place}") from None
