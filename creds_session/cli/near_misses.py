"""Say what was probably meant by words of a command line that are not understood.

The texts contain names of ours alone, and no word that was typed: it may be a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# A word that is written like our options, and one that may be meant as an option for a password.
OPTION = re.compile(r"--[a-z]+(-[a-z]+)*(=.*)?|-[a-zA-Z]", re.DOTALL)
PASSWORD_OPTION = re.compile(r"--?p(ass.*|w.*)?", re.DOTALL)
ALIKE = 0.8  # of 1: how alike a long name and a mistyped one are (difflib)
SHORTEST = 2  # characters: a shorter word, such as "--", begins many names
ALIKE_SHORT = 0.6  # the same for commands and values, which are short words


class Command(NamedTuple):
    """A command as a person types it, its options, and the usage of its other arguments."""

    prog: str
    options: Sequence[str]
    arguments: str = ""


def nearest(word: str, names: Iterable[str], alike: float = ALIKE_SHORT) -> str:
    """Return the only name that begins with the word, or the name most like it, or nothing."""
    from difflib import get_close_matches  # seldom

    known = list(names)
    longer = [name for name in known if name.startswith(word)]
    if len(longer) == 1 and len(word) > SHORTEST:
        return longer[0]
    return next(iter(get_close_matches(word, known, 1, alike)), "")


def is_option(word: str) -> bool:
    """Return whether a word looks like an option, mistyped maybe, and not like a password."""
    return bool(OPTION.fullmatch(word)) and not PASSWORD_OPTION.fullmatch(word)


def what_was_meant(
    words: Sequence[str], typed: Command, above: Command | None, others: Sequence[Command]
) -> str:
    """Return what to type in place of the words that were not understood.

    ``typed`` is the command that was typed, ``above`` the program that it is a command of, and
    ``others`` are the program's other commands.
    """
    names = [word.partition("=")[0] for word in words if is_option(word)]
    found = (_meant_by(name, typed, above, others) for name in names)
    if meant := next(filter(None, found), ""):
        return meant
    if any(word.startswith("-") for word in words):
        return f"{typed.prog} has no such option"
    if typed.arguments:
        return f"apart from options, {typed.prog} takes {typed.arguments}"
    return f"{typed.prog} takes only options"


def _meant_by(name: str, typed: Command, above: Command | None, others: Sequence[Command]) -> str:
    """Return what was meant by one word that looks like an option, or nothing."""
    if name in typed.options:
        return f"type {name} after the command: {typed.prog} {name}"
    if above is not None and name in above.options:
        return f"type {name} before the command"
    if near := nearest(name, typed.options, ALIKE):
        return f"did you mean {near}?"
    commands = [other.prog for other in others if other.prog.endswith(f" {name.lstrip('-')}")]
    if commands:
        return f"did you mean {commands[0]}?"
    owners = [other.prog for other in others if name in other.options]
    return f"{name} is an option of {', '.join(owners)}" if owners else ""
