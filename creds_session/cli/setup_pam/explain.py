"""``creds-setup-pam explain``: a service's rules, and the ways through them."""

from __future__ import annotations

import argparse
import os
import sys

from creds_session.cli.output import print_json
from creds_session.cli.setup_pam.arguments import one_service
from creds_session.cli.setup_pam.simulate import load
from creds_session.errors import UsageError
from creds_session.setup_pam.explain.explanation import Explanation, explanation
from creds_session.system.files.root import Root


def run(root: Root, arguments: argparse.Namespace) -> int:
    """Explain one service; 0 whatever the ways lead to."""
    form = arguments.format or ("json" if arguments.json else "text")
    if arguments.json and form != "json":
        raise UsageError(f"--json or --format {form}, not both")
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
        _print_text(shown, is_ascii=arguments.ascii)


def _print_text(shown: Explanation, *, is_ascii: bool) -> None:
    """Print text as the terminal, or whatever takes it, can show it."""
    from creds_session.setup_pam.explain.as_text import Style, explanation_lines

    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    is_plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    style = Style(is_ascii or not is_utf8, sys.stdout.isatty() and not is_plain)
    print("\n".join(explanation_lines(shown, style)))
