"""``creds import-netrc``: store the passwords of a .netrc file."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from typing import NamedTuple

from creds_session.cli.creds.credentials import STANDARD_INPUT, waiting
from creds_session.cli.output import complain
from creds_session.credentials.delivery.netrc import NetrcEntry, parse_netrc
from creds_session.errors import NoSuchCredential
from creds_session.secret import Secret
from creds_session.text import printable


class Credential(NamedTuple):
    """An entry that can be stored, and the line where it begins."""

    line: int
    machine: str
    login: str
    password: Secret


DESCRIPTION = """\
Store the passwords of a .netrc file: machine becomes the service, and login becomes the user name.
The file itself is not changed. Each entry is printed with what was done.
"""
EXAMPLES = """\
examples:
  creds import-netrc --dry-run   print what would be stored, and store nothing
  creds import-netrc             store the passwords of ~/.netrc
  gpg -d netrc.gpg | creds import-netrc -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="Read FILE, or standard input if FILE is -. Without FILE it is the file that the"
        " variable NETRC names, or ~/.netrc.",
    )
    parser.add_argument(
        *("-n", "--dry-run"),
        action="store_true",
        help="Store nothing. Print what would be stored.",
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="Replace a password that is stored already and is another one.",
    )
    parser.add_argument("--allow-empty", action="store_true", help="Store empty passwords as well.")


def execute(arguments: argparse.Namespace) -> int:
    """Store every entry that has a machine, a login and a password; print each without it.

    Returns 1 if a password was left out that an option would store: an empty one
    (``--allow-empty``), or one for which another is stored already (``--replace``).
    """
    from creds_session.system.processes.core_dumps import forbid_core_dumps

    forbid_core_dumps()
    name, content = _read(arguments.file)
    entries = _usable(parse_netrc(content, name), name)
    left_out = [(entry, why) for entry in entries if (why := _store(entry, arguments))]
    for entry, why in left_out:
        complain("creds", f"{name}:{entry.line}: left out: {why}")
    is_file = arguments.file != STANDARD_INPUT
    if entries and is_file and not left_out and not arguments.dry_run:
        complain("creds", f"{name} still contains the passwords; if no program reads it, remove it")
    return 1 if left_out else 0


def _read(file: str | None) -> tuple[str, bytes]:
    """Return the name of the input for messages, and its content."""
    if file == STANDARD_INPUT:
        from creds_session.system.terminal.standard_input import read_standard_input

        return "standard input", read_standard_input()
    from creds_session.system.files.private_file import read_private

    name = file or os.environ.get("NETRC") or os.path.expanduser("~/.netrc")
    return name, read_private(name)


def _store(entry: Credential, arguments: argparse.Namespace) -> str:
    """Store an entry and print it; return why it was left out, or an empty string."""
    from creds_session import credentials
    from creds_session.credentials.access import USUAL

    try:
        with waiting(USUAL):
            kept = credentials.get(entry.machine, entry.login).password
    except NoSuchCredential:
        kept = None
    if kept != entry.password and not entry.password and not arguments.allow_empty:
        return "its password is empty, which --allow-empty would store"
    if kept not in {None, entry.password} and not arguments.replace:
        return "another password is stored, which --replace would replace"
    word = "kept already"
    if kept != entry.password:
        word = "would store" if arguments.dry_run else "stored"
        if not arguments.dry_run:
            credentials.put(entry.machine, entry.login, entry.password)
    print(f"{word}\t{printable(entry.machine)}\t{printable(entry.login)}", flush=True)
    return ""


def _usable(entries: Iterable[NetrcEntry], name: str) -> list[Credential]:
    """Return the entries that can be stored. Of two for one login the first counts, as for ftp."""
    usable: dict[tuple[str, str], Credential] = {}
    for entry in entries:
        line, machine, login, password = entry
        if machine is None or login is None or password is None:
            why = _lacking(entry)
        elif (machine, login) in usable:
            why = "the same machine and login again: the first one counts"
        else:
            usable[machine, login] = Credential(line, machine, login, password)
            continue
        complain("creds", f"{name}:{line}: left out: {why}")
    return list(usable.values())


def _lacking(entry: NetrcEntry) -> str:
    if entry.machine is None:
        return "the entry default belongs to no machine"
    return "it has no login" if entry.login is None else "it has no password"
