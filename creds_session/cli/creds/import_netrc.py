"""``creds import-netrc``: the passwords of a .netrc, kept in the keyring."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from typing import NamedTuple

from creds_session.cli.output import complain
from creds_session.credentials.delivery.netrc import NetrcEntry, parse_netrc
from creds_session.errors import NoSuchCredential
from creds_session.secret import Secret
from creds_session.text import printable


class Credential(NamedTuple):
    """An entry that has all that is needed, and its line."""

    line: int
    machine: str
    login: str
    password: Secret


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.add_argument("file", metavar="FILE", nargs="?", help="(~/.netrc, or NETRC's)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be stored")
    parser.add_argument("--replace", action="store_true", help="replace what is kept already")
    parser.add_argument("--allow-empty", action="store_true", help="store empty passwords, too")


def execute(arguments: argparse.Namespace) -> int:
    """Store every entry that has a machine, a login and a password; say which. Never a secret.

    Returns 1 if a password was left out that an option would store: an empty one
    (``--allow-empty``), or one for which another is stored already (``--replace``).
    """
    from creds_session.system.files.private_file import read_private
    from creds_session.system.processes.core_dumps import forbid_core_dumps

    forbid_core_dumps()
    usual = os.environ.get("NETRC") or os.path.expanduser("~/.netrc")
    name = arguments.file or usual
    entries = _usable(parse_netrc(read_private(name), name), name)
    left_out = [(one, why) for one in entries if (why := _store(one, arguments))]
    for one, why in left_out:
        complain("creds", f"{name}:{one.line}: left out: {why}")
    if entries and not left_out and not arguments.dry_run:
        complain("creds", f"{name} still has the passwords; where nothing reads it, remove it")
    return 1 if left_out else 0


def _store(entry: Credential, arguments: argparse.Namespace) -> str:
    """Store an entry and print so; return why it was left out, or an empty string."""
    from creds_session import credentials

    try:
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
    """Return the entries that can be stored; the first of two is the one that ftp takes."""
    found: dict[tuple[str, str], Credential] = {}
    for entry in entries:
        line, machine, login, password = entry
        if machine is None or login is None or password is None:
            why = _lacking(entry)
        elif (machine, login) in found:
            why = "the same machine and login again: the first one counts"
        else:
            found[machine, login] = Credential(line, machine, login, password)
            continue
        complain("creds", f"{name}:{line}: left out: {why}")
    return list(found.values())


def _lacking(entry: NetrcEntry) -> str:
    if entry.machine is None:
        return "default is for no machine in particular"
    return "it has no login" if entry.login is None else "it has no password"
