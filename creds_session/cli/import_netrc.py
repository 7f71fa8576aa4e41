"""``creds import-netrc``: the passwords of a .netrc, kept in the keyring."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable

from creds_session.cli.common import complain
from creds_session.netrc_file import Entry, parse
from creds_session.report.text import printable


def import_netrc(arguments: argparse.Namespace) -> int:
    """Store every entry that has a machine, a login and a password; say which. Never a secret."""
    from creds_session import credentials  # noqa: PLC0415
    from creds_session.system.hardening import forbid_core_dumps  # noqa: PLC0415
    from creds_session.system.private_file import read_private  # noqa: PLC0415

    forbid_core_dumps()
    usual = os.environ.get("NETRC") or os.path.expanduser("~/.netrc")  # noqa: PTH111
    name = arguments.file or usual
    entries = _usable(parse(read_private(name), name), name)
    for entry in entries:
        if entry.machine is None or entry.password is None:
            continue
        if not arguments.dry_run:
            credentials.put(entry.machine, entry.login, entry.password)
        word = "would store" if arguments.dry_run else "stored"
        print(f"{word}\t{printable(entry.machine)}\t{printable(entry.login or '')}", flush=True)
    if entries and not arguments.dry_run:
        complain("creds", f"{name} still has the passwords; where nothing reads it, remove it")
    return 0


def _usable(entries: Iterable[Entry], name: str) -> list[Entry]:
    """Return the entries that can be stored; the first of two is the one that ftp takes."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        why = _lacking(entry)
        if entry.machine is not None and entry.login is not None and not why:
            if (entry.machine, entry.login) not in found:
                found[entry.machine, entry.login] = entry
                continue
            why = "the same machine and login again: the first one counts"
        complain("creds", f"{name}:{entry.line}: left out: {why}")
    return list(found.values())


def _lacking(entry: Entry) -> str:
    if entry.machine is None:
        return "default is for no machine in particular"
    if entry.login is None:
        return "it has no login"
    return "it has no password" if entry.password is None else ""
