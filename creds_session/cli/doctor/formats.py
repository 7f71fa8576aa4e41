"""The faces of ``creds-doctor``: which of them is asked for, and where it goes.

Each is imported when it is asked for: a prompt does not wait for the page of HTML.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from creds_session.cli.output import complain, json_text
from creds_session.errors import CredsSessionError

if TYPE_CHECKING:
    from creds_session.doctor.checks.diagnosis import Diagnosis

PRIVATE, PUBLIC = 0o600, 0o644
UNKNOWN = 3  # of Nagios


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose a face."""
    parser.add_argument("-v", "--verbose", action="store_true", help="show what each check saw")
    parser.add_argument(
        "--format",
        choices=tuple(FACES),
        default="text",
        help="text (the default), json, a line for a prompt, Nagios's plugin or Prometheus's text",
    )
    parser.add_argument(
        "--json", action="store_const", const="json", dest="format", help="one JSON object"
    )
    parser.add_argument(
        "--output", metavar="FILE", help="write it there, in one step and readable by everybody"
    )
    parser.add_argument(
        "--report", metavar="FILE", help="write a page of HTML too, readable by you alone"
    )


def guarded(arguments: argparse.Namespace, command: Callable[[], int]) -> int:
    """Run it; where Nagios listens, a failure of ours is told in its words."""
    if arguments.format != "nagios":
        return command()
    try:
        return command()
    except CredsSessionError as error:
        problem = "; ".join([error.problem, *error.hint.splitlines()])
    except Exception as error:  # noqa: BLE001 - the boundary, as in common.run
        problem = f"a fault of this program: {type(error).__name__}"
    from creds_session.doctor.report.nagios import unknown

    print(unknown(problem))
    return UNKNOWN


def show(arguments: argparse.Namespace, diagnosis: Diagnosis) -> int:
    """Tell the diagnosis as it was asked for; return the exit code."""
    if arguments.report:
        from creds_session.doctor.report.html import page

        write(arguments.report, page(diagnosis, _titles()), PRIVATE)
        complain("creds-doctor", f"the report is in {arguments.report}")
    told, code = FACES[arguments.format](arguments, diagnosis)
    if arguments.output:
        write(arguments.output, f"{told}\n", PUBLIC)
    else:
        print(told)
    return code


def _text(arguments: argparse.Namespace, diagnosis: Diagnosis) -> tuple[str, int]:
    from creds_session.doctor.report.terminal import coloured, plain

    titles = _titles() if arguments.verbose else None
    is_unicode = sys.stdout.encoding.lower().startswith("utf") or bool(arguments.output)
    if is_unicode and sys.stdout.isatty() and not arguments.output:
        can_colour = os.environ.get("TERM") not in {None, "", "dumb"}
        has_colour = can_colour and not os.environ.get("NO_COLOR")
        import shutil  # a pipe has no width

        width = shutil.get_terminal_size().columns
        told = coloured(diagnosis, width, titles=titles, colour=has_colour)
    else:
        told = plain(diagnosis, titles=titles, ascii_only=not is_unicode)
    return told, _exit_code(diagnosis)


def _titles() -> dict[str, str]:
    from creds_session.doctor.diagnosis import entries

    return {entry.id: entry.title for entry in entries()}


def _json(_: argparse.Namespace, diagnosis: Diagnosis) -> tuple[str, int]:
    from creds_session.doctor.report.as_json import values

    return json_text(values(diagnosis)), _exit_code(diagnosis)


def _line(_: argparse.Namespace, diagnosis: Diagnosis) -> tuple[str, int]:
    from creds_session.doctor.report.one_line import line

    return line(diagnosis), _exit_code(diagnosis)


def _nagios(_: argparse.Namespace, diagnosis: Diagnosis) -> tuple[str, int]:
    from creds_session.doctor.report.nagios import plugin_output, status

    told = plugin_output(diagnosis)
    return told, status(diagnosis).value


def _prometheus(_: argparse.Namespace, diagnosis: Diagnosis) -> tuple[str, int]:
    from creds_session.doctor.report.prometheus import exposition

    told = exposition(diagnosis).rstrip("\n")
    return told, _exit_code(diagnosis)


FACES = {
    "text": _text,
    "json": _json,
    "line": _line,
    "nagios": _nagios,
    "prometheus": _prometheus,
}


def _exit_code(diagnosis: Diagnosis) -> int:
    return 0 if diagnosis.is_healthy else 1


def write(given: str, text: str, mode: int = PRIVATE) -> None:
    """Put the file there, whole or not at all. Raises InvalidData for a link, and CannotWrite."""
    from creds_session.system.files.replace import (  # most runs write none
        Attributes,
        refuse_unless_plain,
        replace,
    )

    path = Path(given)
    with suppress(FileNotFoundError):
        refuse_unless_plain(path, given)
    replace(path, text.encode(), Attributes(mode, os.geteuid(), os.getegid(), ()))
