"""The formats of ``creds-doctor``: which one is printed, and where.

Each is imported when it is used: a shell prompt does not wait for the code of the HTML page.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from creds_session.cli.colour import add_colour, is_coloured
from creds_session.cli.output import complain, json_text
from creds_session.errors import CredsSessionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from creds_session.doctor.checks.diagnosis import Diagnosis

PRIVATE, PUBLIC = 0o600, 0o644
STANDARD_OUTPUT = "-"
UNKNOWN = 3  # of Nagios


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose a format, and the files that are written."""
    parser.add_argument(
        *("-v", "--verbose"),
        action="store_true",
        help="Print every check with what it saw, and what the log says about the last login.",
    )
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="text",
        help="Print text for a person (the default), one JSON object, one line for a shell prompt,"
        " the output of a Nagios plugin, or metrics for Prometheus.",
    )
    parser.add_argument(
        "--json",
        action="store_const",
        const="json",
        dest="format",
        help="Print one JSON object. This is the same as --format json.",
    )
    add_colour(parser)
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="Write to FILE instead of standard output (-). The file is replaced in one step, and"
        " everybody can read it.",
    )
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="Also write an HTML page to FILE, which only you can read. If FILE is -, the page is"
        " printed instead of the text.",
    )
    parser.add_argument(
        "--save",
        metavar="FILE",
        help="Write what was seen, without any secret, to FILE, which only you can read. If FILE is"
        " -, it is printed instead of the text.",
    )
    parser.add_argument(
        "--anonymous",
        action="store_true",
        help="With --save: leave out the names of the user and of the host.",
    )


def guarded(arguments: argparse.Namespace, command: Callable[[], int]) -> int:
    """Run the command. For Nagios an error is printed as the state UNKNOWN."""
    if arguments.format != "nagios":
        return command()
    try:
        return command()
    except CredsSessionError as error:
        problem = "; ".join([error.problem, *error.hint.splitlines()])
    except Exception as error:  # noqa: BLE001 - the boundary, as in boundary.run
        problem = f"a fault of this program: {type(error).__name__}"
    from creds_session.doctor.report.nagios import unknown

    print(unknown(problem))
    return UNKNOWN


def show(arguments: argparse.Namespace, diagnosis: Diagnosis) -> int:
    """Print the diagnosis in the format that was chosen; return the exit code."""
    if arguments.report:
        from creds_session.doctor.report.html import page

        write(arguments.report, page(diagnosis, _titles()), PRIVATE)
        if arguments.report != STANDARD_OUTPUT:
            complain("creds-doctor", f"the report is in {arguments.report}")
    text, code = FORMATS[arguments.format](arguments, diagnosis)
    if arguments.output:
        write(arguments.output, f"{text}\n", PUBLIC)
    elif STANDARD_OUTPUT not in {arguments.report, arguments.save}:  # they are printed instead
        print(text)
    return code


def _text(arguments: argparse.Namespace, diagnosis: Diagnosis) -> tuple[str, int]:
    from creds_session.doctor.report.terminal import coloured, plain

    titles = _titles() if arguments.verbose else None
    is_file = arguments.output not in {None, STANDARD_OUTPUT}
    is_unicode = sys.stdout.encoding.lower().startswith("utf") or is_file
    has_colour = not is_file and is_coloured(arguments.color, sys.stdout)
    if is_unicode and not is_file and (sys.stdout.isatty() or has_colour):
        import shutil  # a pipe has no width

        width = shutil.get_terminal_size().columns
        text = coloured(diagnosis, width, titles=titles, colour=has_colour)
    else:
        text = plain(diagnosis, titles=titles, ascii_only=not is_unicode)
    return text, _exit_code(diagnosis)


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

    text = plugin_output(diagnosis)
    return text, status(diagnosis).value


def _prometheus(_: argparse.Namespace, diagnosis: Diagnosis) -> tuple[str, int]:
    from creds_session.doctor.report.prometheus import exposition

    text = exposition(diagnosis).rstrip("\n")
    return text, _exit_code(diagnosis)


FORMATS = {
    "text": _text,
    "json": _json,
    "line": _line,
    "nagios": _nagios,
    "prometheus": _prometheus,
}


def _exit_code(diagnosis: Diagnosis) -> int:
    return 0 if diagnosis.is_healthy else 1


def write(given: str, text: str, mode: int = PRIVATE) -> None:
    """Write the file as a whole or not at all; ``-`` is standard output.

    Raises InvalidData if it is not a plain file, and CannotWrite.
    """
    if given == STANDARD_OUTPUT:
        sys.stdout.write(text)
        return
    from creds_session.system.files.replace import (  # most runs write no file
        Attributes,
        refuse_unless_plain,
        replace,
    )

    path = Path(given)
    with suppress(FileNotFoundError):
        refuse_unless_plain(path, given)
    replace(path, text.encode(), Attributes(mode, os.geteuid(), os.getegid(), ()))
