"""Ask libpam, in a child process, whether it accepts a user's password."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from creds_session.errors import Unavailable
from creds_session.pam.syntax.terms import ReturnValue
from creds_session.records import NamedTuple
from creds_session.secret import Secret
from creds_session.system.libpam.mount_namespace import private_child

TIMEOUT = 60.0  # seconds; pam_unix alone waits two seconds after a wrong password


class Outcome(NamedTuple):
    """What PAM returned: the code, PAM's text for the code, and all messages and prompts.

    ``knows_password`` is True if the auth stack succeeded, so that the account stack was called.
    """

    code: int
    reason: str
    said: tuple[str, ...] = ()
    knows_password: bool = False

    @property
    def lets_in(self) -> bool:
        """Return whether PAM accepted the password and the account."""
        return self.code == ReturnValue.SUCCESS

    def __str__(self) -> str:
        remarks = [line for line in self.said if not is_prompt(line)]
        return "; ".join([self.reason, *remarks])


def is_prompt(line: str) -> bool:
    """Return whether a line that PAM printed asks for input."""
    return line.rstrip().endswith(":")


@contextmanager
def conversation(
    service: str, user: str, files: Mapping[str, bytes]
) -> Iterator[Callable[[Secret], Outcome]]:
    """Prepare one conversation in a child process that sees these contents of files.

    Yields a function that takes the password and returns the outcome. Raises Unavailable if
    libpam crashes, or if it gives no answer in time.
    """

    def converse(password: bytes) -> bytes:
        return json.dumps(_converse(service, user, password)).encode()

    with private_child(files, converse) as child:

        def answer(password: Secret) -> Outcome:
            try:
                code, reason, said, knows = json.loads(child.ask(password, TIMEOUT))
            except ValueError:
                raise Unavailable("could not try: the child process gave no answer") from None
            said = tuple("".join(filter(str.isprintable, line)) for line in said)
            return Outcome(code, reason, said, knows)

        yield answer


def _converse(service: str, user: str, password: bytes) -> tuple[int, str, list[str], bool]:
    """Hold the conversation. This runs in the child, because libpam can crash.

    python-pam sets PAM_TTY from DISPLAY; for sshd it is set to what sshd itself sets
    (auth-pam.c:sshpam_init). python-pam does not say which stack refused, so the call of the
    account stack is recorded.
    """
    import pam  # type: ignore[import-untyped]  # it loads libpam

    if service == "sshd":
        os.environ["DISPLAY"] = "ssh"
    authenticator, account_calls = pam.PamAuthenticator(), []
    account_management = authenticator.pam_acct_mgmt

    def recorded(*arguments: object) -> int:
        account_calls.append(True)
        return int(account_management(*arguments))

    authenticator.pam_acct_mgmt = recorded
    authenticator.authenticate(os.fsencode(user), password, service, resetcreds=False)
    said = list(authenticator.messages)
    return authenticator.code, str(authenticator.reason), said, bool(account_calls)
