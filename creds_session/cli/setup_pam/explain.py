"""``creds-setup-pam explain``: show the rules of a service, and what each does at a login."""

from __future__ import annotations

import argparse
import sys

from creds_session.cli.colour import is_coloured
from creds_session.cli.output import print_json
from creds_session.cli.setup_pam.arguments import one_service
from creds_session.cli.setup_pam.simulate import load
from creds_session.cli.wrapping import width
from creds_session.errors import UsageError
from creds_session.setup_pam.explain.explanation import Explanation, explanation
from creds_session.system.files.root import Root

STANDARD_OUTPUT = 1  # its descriptor


def run(root: Root, arguments: argparse.Namespace) -> int:
    """Explain one service; return 0, whatever the logins lead to."""
    if arguments.files:
        from creds_session.cli.setup_pam import explain_files

        return explain_files.run(root, arguments)
    form = arguments.format or ("json" if arguments.json else "text")
    if arguments.json and form != "json":
        raise UsageError(f"--json or --format {form}, not both")
    if arguments.ascii and form != "text":
        raise UsageError(f"--ascii goes with text, not with {form}")
    _print(explanation(load(root, one_service(arguments))), form, arguments)
    return 0


def _print(shown: Explanation, form: str, arguments: argparse.Namespace) -> None:
    """Print in one format; each is imported when it is asked for."""
    if form == "json":
        from creds_session.setup_pam.explain.as_json import explanation_values

        print_json(explanation_values(shown))
    elif form == "dot":
        from creds_session.setup_pam.explain.as_dot import explanation_dot

        print(explanation_dot(shown), end="")
    elif form == "svg":
        from creds_session.setup_pam.explain.as_svg import explanation_svg

        print(explanation_svg(shown), end="")
    else:
        _print_text(shown, arguments)


def _print_text(shown: Explanation, arguments: argparse.Namespace) -> None:
    """Print text as the terminal, or the program that reads it, can show it."""
    from creds_session.setup_pam.explain.as_text import Style, explanation_lines

    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    is_ascii = arguments.ascii or not is_utf8
    columns = width(STANDARD_OUTPUT) if sys.stdout.isatty() else 0
    style = Style(is_ascii, is_coloured(arguments.color, sys.stdout), columns)
    print("\n".join(explanation_lines(shown, style)))
