"""``creds put``: checks whether it can store a password, asks for it, and stores it."""

from __future__ import annotations

from creds_session.cli import password_source
from creds_session.cli.creds.credentials import STANDARD_INPUT, access_of, username_key, waiting
from creds_session.cli.output import complain
from creds_session.errors import Ambiguous, NoSuchCredential, UsageError
from creds_session.system.processes.core_dumps import forbid_core_dumps
from creds_session.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from creds_session import credentials


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    from creds_session.cli.creds import credential_arguments

    credential_arguments.add_arguments(parser, "put")
    password_source.add_sources(parser)
    parser.add_argument(
        password_source.ALLOW_EMPTY,
        action="store_true",
        help="Store the password even if it is empty. Otherwise an empty password is refused.",
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="Replace an existing password without a question.",
    )
    password_source.add_quiet(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Store a password; return the exit code, which is 1 if the person wants to keep the old one.

    A person is asked only after it is known that the password can be stored.
    """
    forbid_core_dumps()
    from creds_session import credentials  # a wrong argument does not wait for it

    _require_one_reader(arguments)
    key = username_key(arguments)
    _require_named(arguments, key)
    access = access_of(arguments)
    user = ""
    if password_source.is_asked_for(arguments):
        with waiting(access):
            name = credentials.require_storable(
                arguments.service, arguments.user, username_key=key, access=access
            )
        if not (arguments.replace or _may_replace(arguments.service, name, access)):
            complain("creds", "the stored password was kept; nothing was changed")
            return 1
        user = f"To be stored for user {printable(name)}.\n"
    password = password_source.to_store(arguments, f"{user}Password for {arguments.service}: ")
    with waiting(access):
        credentials.put(
            arguments.service, arguments.user, password, username_key=key, access=access
        )
    return 0


def _may_replace(service: str, user: str, access: credentials.Access) -> bool:
    """Return whether a password may be stored: there is none, or the person agrees.

    Without a terminal nobody can be asked, so the password is stored.
    """
    from creds_session import credentials
    from creds_session.system.terminal.password_prompt import confirm, is_interactive

    if not is_interactive():
        return True
    try:
        with waiting(access):
            credentials.get(service, user, access=access)
    except NoSuchCredential:
        return True
    except Ambiguous:
        pass  # two passwords are stored: one of them would be replaced
    stored = f"A password for user {printable(user)} of {printable(service)} is stored already."
    return confirm(f"{stored}\nReplace it? [y/N] ")


def _require_one_reader(arguments: argparse.Namespace) -> None:
    """Refuse to read the lookup key and the password from the same standard input."""
    if arguments.username_key_file != STANDARD_INPUT:
        return
    if arguments.password_stdin or not password_source.is_elsewhere(arguments):
        raise UsageError(
            "the lookup key and the password cannot both come from standard input;"
            " nothing was stored",
            hint="give the password with --password-fd, or the key with --username-key",
        )


def _require_named(arguments: argparse.Namespace, key: str | None) -> None:
    """Refuse an empty name, which a variable gives that was not set."""
    names = (("service", arguments.service), ("user name", arguments.user), ("lookup key", key))
    for what, value in names:
        if value == "":
            raise UsageError(f"the {what} is empty; nothing was stored")
