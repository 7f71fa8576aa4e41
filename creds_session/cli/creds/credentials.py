"""``creds get``, ``delete`` and ``list``, and what ``put`` and ``run`` share with them."""

from __future__ import annotations

import os
import sys

from creds_session.cli.output import complain, print_json
from creds_session.cli.waiting import waiting_line
from creds_session.errors import InvalidData, NoSuchFile, UsageError
from creds_session.system.processes.core_dumps import forbid_core_dumps
from creds_session.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse  # `creds get` does without
    from collections.abc import Iterator

    from creds_session import credentials
    from creds_session.cli.waiting import Silence
    from creds_session.system.terminal.waiting_line import WaitingLine


ASKING = 120.0  # seconds for a person at the keyring's own prompt
KEY_FILE = 4096  # bytes
STANDARD_INPUT = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what one of these commands takes."""
    from creds_session.cli.creds import credential_arguments

    credential_arguments.add_arguments(parser, parser.get_default("command"))


def execute(arguments: argparse.Namespace) -> int:
    """Carry out one of these commands; return its exit code."""
    forbid_core_dumps()
    commands = {"get": _get, "delete": _delete, "list": _list}
    return commands[arguments.command](arguments)


def _get(arguments: argparse.Namespace) -> int:
    from creds_session import credentials

    key = username_key(arguments)
    access = access_of(arguments)
    with waiting(access):
        credential = credentials.get(
            arguments.service, arguments.user, username_key=key, access=access
        )
    _print_credential(credential, arguments)
    return 0


def _print_credential(credential: credentials.Credential, arguments: argparse.Namespace) -> None:
    password = credential.password.reveal()
    if arguments.format == "json":
        try:
            text = password.decode()
        except UnicodeDecodeError:
            raise InvalidData("the password is not UTF-8, so JSON cannot contain it") from None
        names = {"service": credential.service, "username": credential.username}
        print_json({**names, "password": text})
        return
    if arguments.format == "null":
        fields = (credential.service.encode(), credential.username.encode(), password)
        password = b"".join(field + b"\0" for field in fields)
    elif not arguments.no_newline:
        password += b"\n"
    sys.stdout.buffer.write(password)
    sys.stdout.buffer.flush()


def _delete(arguments: argparse.Namespace) -> int:
    from creds_session import credentials

    key = username_key(arguments)
    access = access_of(arguments)
    with waiting(access):
        deleted = credentials.delete(
            arguments.service, arguments.user, username_key=key, access=access
        )
    if not arguments.quiet:
        for line in _deleted_lines(arguments, deleted, key):
            complain("creds", line)
    return 0


def _deleted_lines(
    arguments: argparse.Namespace, deleted: credentials.Deleted, key: str | None
) -> Iterator[str]:
    """Yield what was deleted, and what was not.

    A user name that was looked up is not printed, because it may be a password.
    """
    service = printable(arguments.service)
    whose = f"user {printable(arguments.user)} of {service}" if arguments.user else service
    if deleted.password:
        yield f"deleted the password of {whose}"
    if deleted.user_name:
        also = "" if deleted.password else "; no password was stored for that user name"
        yield f"deleted the user name of {service} under lookup key {printable(key or '')}{also}"
    elif key is not None and arguments.user:
        yield (
            f"the lookup key {printable(key)} of {service} does not hold this user name; what is"
            " stored under it was not deleted"
        )


def _list(arguments: argparse.Namespace) -> int:
    from creds_session import credentials

    access = access_of(arguments)
    with waiting(access):
        names = credentials.list_credentials(arguments.service, access=access)
    if arguments.format == "json":
        listed = [{"service": service, "username": username} for service, username in names]
        print_json({"credentials": listed})
    elif arguments.format == "null":
        fields = (field.encode() + b"\0" for pair in names for field in pair)
        sys.stdout.buffer.write(b"".join(fields))
        sys.stdout.buffer.flush()
    else:
        sys.stdout.writelines(
            f"{printable(service)}\t{printable(username)}\n" for service, username in names
        )
    return 0


def access_of(arguments: argparse.Namespace) -> credentials.Access:
    """Return how the options want the keyring to be reached."""
    from creds_session.credentials.access import PATIENT, USUAL

    usual = PATIENT if arguments.command == "list" else USUAL
    timeout = arguments.timeout or (ASKING if arguments.prompt else usual.timeout)
    access = USUAL._replace(
        timeout=timeout, prompt=arguments.prompt, encrypted=getattr(arguments, "encrypted", False)
    )
    if arguments.verbose:
        return access._replace(tell=lambda message: complain("creds", message))
    return access


def waiting(access: credentials.Access) -> WaitingLine | Silence:
    """Say at a terminal after two seconds that the keyring has not answered yet."""
    provider = "the keyring, which may ask for its password" if access.prompt else "the keyring"
    return waiting_line(provider, access.timeout)


def username_key(arguments: argparse.Namespace) -> str | None:
    """Return the lookup key that holds the user name, or None if the user is named."""
    if arguments.username_key_env is not None:
        variable: str = arguments.username_key_env
        state = "is empty" if variable in os.environ else "is not set"
        return _given(os.environ.get(variable), f"the environment variable {variable} {state}")
    if arguments.username_key_file is not None:
        file: str = arguments.username_key_file
        name = "standard input" if file == STANDARD_INPUT else file
        return _given(_first_line(file, name), f"{name} is empty")
    key: str | None = arguments.username_key
    if key is None and arguments.user is None:
        raise UsageError(
            "name the user, or the lookup key that holds the user name (--username-key)"
        )
    return key


def _given(key: str | None, otherwise: str) -> str:
    if not key:
        raise UsageError(otherwise)
    return key


def _first_line(path: str, name: str) -> str:
    """Return the content of a file without the newline at its end."""
    if path == STANDARD_INPUT:
        from creds_session.system.terminal.standard_input import read_standard_input

        content: bytes | None = read_standard_input()
    else:
        from creds_session.system.files.root import Root

        content = Root().read(os.path.abspath(path), limit=KEY_FILE)
    if content is None:
        raise NoSuchFile(f"{name}: there is no such file")
    try:
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise InvalidData(f"{name}: not UTF-8") from None
