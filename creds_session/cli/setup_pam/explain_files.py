"""``creds-setup-pam explain --files``: show which file libpam uses for each name."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from creds_session.cli.output import complain, print_json
from creds_session.cli.setup_pam.arguments import PROGRAM, one_service
from creds_session.errors import InvalidData, NoSuchFile, UsageError
from creds_session.pam.stack.lookup import FileUse, Hidden, files_used
from creds_session.pam.stack.resolve import service_name
from creds_session.probe.libpam_directories import UNKNOWN, libpam_directories
from creds_session.setup_pam.service_files import as_libpam_opens, pam_files
from creds_session.system.files.root import Root
from creds_session.text import printable


def run(root: Root, arguments: argparse.Namespace) -> int:
    """Show the files of one service; return 65 if one of them is not a regular file, else 0."""
    if arguments.ascii or arguments.format not in {None, "text", "json"}:
        raise UsageError("--files prints text or JSON")
    service = one_service(arguments)
    irregular: dict[str, None] = {}
    files = as_libpam_opens(pam_files(root), irregular.setdefault, is_proof=False)
    found = libpam_directories(root)
    if found is None:
        complain(PROGRAM, UNKNOWN)
    directories = files.places
    stacks = files.stacks(service)
    uses = files_used(stacks, files.read, files.dialect, directories)
    library = found.library if found else None
    if uses[0].used is not None:
        if arguments.json or arguments.format == "json":
            print_json(_values(service_name(service), directories, library, uses))
        else:
            print("\n".join(_lines(directories, library, uses)))
    elif not irregular:
        raise NoSuchFile(
            f"there is no PAM service {service!r}: no file of that name in"
            f" {', '.join(directories)}",
            hint="--service NAME names another service",
        )
    for problem in irregular:
        complain(PROGRAM, printable(problem))
    return InvalidData.exit_code if irregular else 0


def _values(
    service: str, directories: tuple[str, ...], library: str | None, uses: tuple[FileUse, ...]
) -> dict[str, object]:
    return {
        "service": service,
        "directories": list(directories),
        "library": library,
        "files": [
            {
                "name": use.name,
                "used": use.used,
                "included_at": use.included_at or None,
                "hides": [{"path": one.path, "same_rules": one.is_same} for one in use.hides],
            }
            for use in uses
        ],
    }


def _lines(
    directories: tuple[str, ...], library: str | None, uses: tuple[FileUse, ...]
) -> Iterator[str]:
    source = f"read from {library}" if library else "assumed"
    yield printable(f"libpam looks in {', '.join(directories)} ({source})")
    width = max(len(printable(use.name)) for use in uses)
    for use in uses:
        place = f"  (included at {use.included_at})" if use.included_at else ""
        used = use.used or "no file exists"
        yield f"{printable(use.name):<{width}}  {printable(used + place)}"
        for hidden in use.hides:
            yield f"{'':<{width}}  {printable(_hidden(use, hidden))}"


def _hidden(use: FileUse, hidden: Hidden) -> str:
    if use.used is None:
        return f"  {hidden.path} exists, and libpam does not look there for an include"
    rules = "with the same rules" if hidden.is_same else "which has other rules"
    return f"  hides {hidden.path}, {rules}"
