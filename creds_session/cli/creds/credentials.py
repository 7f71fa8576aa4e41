"""``creds put``, ``get``, ``delete``, ``list`` and ``backends``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from creds_session.cli.output import complain, print_json
from creds_session.errors import InvalidData, NoSuchFile, UsageError
from creds_session.system.processes.core_dumps import forbid_core_dumps
from creds_session.text import printable

if TYPE_CHECKING:
    import argparse  # `creds get` does without

    from creds_session import credentials


KEYS = {
    "--username-key": "username_key",
    "--username-key-env": "username_key_env",
    "--username-key-file": "username_key_file",
}
PLAIN = {
    "command": "get",
    **dict.fromkeys(KEYS.values()),
    "no_newline": False,
    "format": "plain",
    "encrypted": False,
    "prompt": False,
    "timeout": None,
    "verbose": False,
}
ASKING = 120.0  # seconds for a person at the keyring's own prompt
KEY_FILE = 4096  # bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what one of these commands takes."""
    command: str = parser.get_default("command")
    from creds_session.cli.parser import seconds

    if command == "backends":
        parser.add_argument("--json", action="store_true", help="the result as one JSON object")
        return
    if command == "list":
        parser.add_argument("service", metavar="SERVICE", nargs="?", help="of this service alone")
        parser.add_argument("--format", choices=("plain", "json", "null"), default="plain")
    else:
        add_names(parser)
    if command == "put":
        from creds_session.cli.password_source import (  # not `get`
            ALLOW_EMPTY,
            add_sources,
        )

        add_sources(parser)
        parser.add_argument(
            ALLOW_EMPTY,
            action="store_true",
            help="store an empty password; otherwise it is refused",
        )
    if command == "get":
        end = parser.add_mutually_exclusive_group()
        end.add_argument("--no-newline", action="store_true", help="print the password alone")
        formats = ("plain", "json", "null")
        end.add_argument("--format", choices=formats, default="plain", help="(plain)")
    if command in {"get", "put"}:
        parser.add_argument("--encrypted", action="store_true", help="encrypt it on the bus too")
    parser.add_argument(
        "--prompt", action="store_true", help="let a locked keyring ask, by display"
    )
    parser.add_argument(
        "--timeout", type=seconds, metavar="S", help="seconds (10; list: 60; with --prompt: 120)"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="say which way was gone, and why"
    )


def add_names(parser: argparse.ArgumentParser) -> None:
    """Let a command name a credential: the user by value, or by the key that holds the name."""
    parser.add_argument("service", metavar="SERVICE")
    parser.add_argument("user", metavar="USER", nargs="?")
    key = parser.add_mutually_exclusive_group()
    key.add_argument("--username-key", metavar="KEY", help="the key that holds the user name")
    key.add_argument(
        "--username-key-env", metavar="VAR", help="an environment variable with that key"
    )
    key.add_argument("--username-key-file", metavar="FILE", help="a file with that key alone")


def plain_get(words: Sequence[str]) -> argparse.Namespace | None:
    """Read a ``get`` that is right without argparse, which takes a tenth of its time.

    None for anything else: to be read, or refused, by the parser.
    """
    found: dict[str, object] = {}
    names: list[str] = []
    rest, follows = iter(words[1:]), False
    for word in rest:
        is_name = not word.startswith("-")
        if is_name and (follows or not names):
            names.append(word)
        elif word == "--no-newline":
            found["no_newline"] = True
        elif word in KEYS and not found.keys() & set(KEYS.values()):
            value = next(rest, "-")
            if value.startswith("-"):
                return None
            found[KEYS[word]] = value
        else:
            return None
        follows = is_name
    if words[:1] != ["get"] or not 0 < len(names) <= len(("SERVICE", "USER")):
        return None
    service, user = [*names, None][:2]
    read = SimpleNamespace(**{**PLAIN, **found, "service": service, "user": user})
    return cast("argparse.Namespace", read)  # which has no more to it


def execute(arguments: argparse.Namespace) -> int:
    """Do one of these commands; return its exit code."""
    forbid_core_dumps()
    commands = {"put": _put, "get": _get, "delete": _delete, "list": _list, "backends": _backends}
    return commands[arguments.command](arguments)


def _put(arguments: argparse.Namespace) -> int:
    from creds_session import credentials  # a wrong argument waits for nothing
    from creds_session.cli.password_source import (  # not `get`
        is_asked_for,
        to_store,
    )

    key = username_key(arguments)
    _require_named(arguments, key)
    access = _access(arguments)
    who = ""
    if is_asked_for(arguments):
        name = credentials.require_storable(
            arguments.service, arguments.user, username_key=key, access=access
        )
        who = f"To be stored for user {printable(name)}.\n"
    password = to_store(arguments, f"{who}Password for {arguments.service}: ")
    credentials.put(arguments.service, arguments.user, password, username_key=key, access=access)
    return 0


def _require_named(arguments: argparse.Namespace, key: str | None) -> None:
    """Refuse an empty name, which is what a variable gives that was not set."""
    named = (("service", arguments.service), ("user name", arguments.user), ("key", key))
    for what, value in named:
        if value == "":
            raise UsageError(f"the {what} is empty; nothing was stored")


def _get(arguments: argparse.Namespace) -> int:
    from creds_session import credentials

    key = username_key(arguments)
    access = _access(arguments)
    found = credentials.get(arguments.service, arguments.user, username_key=key, access=access)
    _print_credential(found, arguments)
    return 0


def _print_credential(found: credentials.Credential, arguments: argparse.Namespace) -> None:
    password = found.password.reveal()
    if arguments.format == "json":
        try:
            text = password.decode()
        except UnicodeDecodeError:
            raise InvalidData("the password is not UTF-8, so it is no JSON") from None
        print_json({"service": found.service, "username": found.username, "password": text})
        return
    if arguments.format == "null":
        password = b"".join(
            part + b"\0" for part in (found.service.encode(), found.username.encode(), password)
        )
    elif not arguments.no_newline:
        password += b"\n"
    sys.stdout.buffer.write(password)
    sys.stdout.buffer.flush()


def _delete(arguments: argparse.Namespace) -> int:
    from creds_session import credentials

    key = username_key(arguments)
    access = _access(arguments)
    credentials.delete(arguments.service, arguments.user, username_key=key, access=access)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from creds_session import credentials

    names = credentials.list_credentials(arguments.service, access=_access(arguments))
    if arguments.format == "json":
        listed = [{"service": service, "username": username} for service, username in names]
        print_json({"credentials": listed})
    elif arguments.format == "null":
        fields = (field.encode() + b"\0" for pair in names for field in pair)
        sys.stdout.buffer.write(b"".join(fields))
        sys.stdout.buffer.flush()
    else:
        sys.stdout.writelines(f"{printable(one)}\t{printable(two)}\n" for one, two in names)
    return 0


def _backends(arguments: argparse.Namespace) -> int:
    from creds_session.credentials.backends import backends
    from creds_session.credentials.backends_report import as_json, lines

    choice = backends()
    if arguments.json:
        print_json(as_json(choice))
    else:
        print("\n".join(map(printable, lines(choice))))
    return 0


def _access(arguments: argparse.Namespace) -> credentials.Access:
    from creds_session.credentials.access import PATIENT, USUAL

    usual = PATIENT if arguments.command == "list" else USUAL
    timeout = arguments.timeout or (ASKING if arguments.prompt else usual.timeout)
    access = USUAL._replace(
        timeout=timeout, prompt=arguments.prompt, encrypted=getattr(arguments, "encrypted", False)
    )
    if arguments.verbose:
        return access._replace(tell=lambda told: complain("creds", told))
    return access


def username_key(arguments: argparse.Namespace) -> str | None:
    """Return the key that holds the user name, or None where the user is named."""
    if arguments.username_key_env is not None:
        variable: str = arguments.username_key_env
        state = "is empty" if variable in os.environ else "is not set"
        return _given(os.environ.get(variable), f"the environment variable {variable} {state}")
    if arguments.username_key_file is not None:
        file: str = arguments.username_key_file
        return _given(_first_line(file), f"{file} is empty")
    key: str | None = arguments.username_key
    if key is None and arguments.user is None:
        raise UsageError("name the user, or the key that holds the user name (--username-key)")
    return key


def _given(key: str | None, otherwise: str) -> str:
    if not key:
        raise UsageError(otherwise)
    return key


def _first_line(path: str) -> str:
    from creds_session.system.files.root import Root

    content = Root().read(os.path.abspath(path), limit=KEY_FILE)  # as it is written
    if content is None:
        raise NoSuchFile(f"{path}: there is no such file")
    try:
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise InvalidData(f"{path}: not UTF-8") from None
