"""The parsers of all commands of ``creds``, as one tree."""

from __future__ import annotations

import argparse

from creds_session.cli.creds import main as creds
from creds_session.cli.creds.overview import EXAMPLES


def command_parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command of ``creds``."""
    return {name: creds.command_parser(name) for name in creds.COMMANDS}


def creds_parser() -> argparse.ArgumentParser:
    """Return the parser of ``creds``, with the examples of its overview and its real commands.

    ``creds`` itself never makes them all: a command does not wait for the others.
    """
    parser = creds._parser()  # noqa: SLF001 - the parser of the program
    parser.epilog = EXAMPLES
    for action in parser._actions:  # noqa: SLF001 - argparse lists them nowhere else
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            action.choices = command_parsers()
            action._choices_actions = [  # noqa: SLF001 - what add_parser(help=…) makes
                action._ChoicesPseudoAction(name, (), command.summary)  # noqa: SLF001
                for name, command in creds.COMMANDS.items()
            ]
    return parser
