"""How arguments are read: errors exit with 64, and the help keeps its examples' lines.

No error repeats a word that was typed and not understood. It may be a password, and standard
error often ends in the log of cron or of CI.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from creds_session.errors import UsageError
from creds_session.text import printable
from creds_session.version import __version__

COLUMNS = 80  # where nothing tells
LONGEST = 86400.0  # seconds
OPTION = re.compile(r"--[a-z]+(-[a-z]+)*(=.*)?|-[a-zA-Z]", re.DOTALL)  # as ours are written
PASSWORD_OPTION = re.compile(r"--?p(ass.*|w.*)?", re.DOTALL)
ALIKE = 0.8  # of 1: how alike two names are that may be the same one, mistyped (difflib)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Made for every argument, to look at its name: argparse's own loads shutil for the width."""

    def __init__(self, prog: str, **named: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(prog, **{"width": _width() - 2, **named})


def _width() -> int:
    """Return how many columns standard output has (shutil.get_terminal_size)."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named):
        return int(named)
    try:
        return os.get_terminal_size(1).columns or COLUMNS
    except OSError:
        return COLUMNS


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors exit with 64 and repeat no word that is not understood.

    ``without_password`` is set for a command that takes a password, but never as an argument: it
    says in which state such an argument leaves everything ("nothing was stored").

    ``add_parser`` gives this class more keywords in each Python version (``color`` since 3.14):
    they are passed on.
    """

    without_password: str | None = None
    _typed: Sequence[str] = ()

    def __init__(
        self,
        prog: str,
        description: str,
        epilog: str,
        **named: Any,  # noqa: ANN401 - argparse's own
    ) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=_Formatter,
            allow_abbrev=False,
            **named,
        )
        self.add_argument("--version", action="version", version=f"%(prog)s {__version__}")

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Return what the words say; exit, or raise UsageError, if one is not understood."""
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            self._refuse(rest)
        return found

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Return what the words say, and those that are not understood."""
        self._typed = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(self._typed, namespace)

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, which repeats nothing that was typed; exit with 64.

        argparse's own messages quote the values of options. Such a message is cut off where the
        option was named.
        """
        if self.without_password and any(map(_is_with_password, self._typed)):
            raise self._password_as_argument(self.without_password)
        if self._repeats(message):
            where, _, _ = message.partition(": ")
            where = "an argument" if self._repeats(where) else where
            message = f"{where}: not understood, and not repeated here: it may be a password"
        self._exit(message)

    def _exit(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(UsageError.exit_code, f"{self.prog}: {printable(message)}\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401
        """Raise ArgumentError, without the value, if it is none of the choices."""
        if action.choices is not None and value not in action.choices:
            choices = ", ".join(map(str, action.choices))
            raise argparse.ArgumentError(action, f"invalid choice; choose from {choices}")

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:  # noqa: ANN401
        """Return the value of an argument; exit if it is none.

        The types that are used here raise ArgumentTypeError, in words that they choose: these may
        have the number of a descriptor in them. Python's own words would quote the value.
        """
        kind = self._registry_get("type", action.type, action.type)
        try:
            return kind(arg_string)
        except argparse.ArgumentTypeError as error:
            self._exit(str(argparse.ArgumentError(action, str(error))))
        except (TypeError, ValueError):
            self._exit(str(argparse.ArgumentError(action, "not a value that it can have")))

    def _refuse(self, rest: Sequence[str]) -> NoReturn:
        """Refuse the words that were not understood."""
        if self.without_password and not all(map(_is_option, rest)):
            raise self._password_as_argument(self.without_password)
        near = next(self._near(rest), None)
        meant = f"; did you mean {near}?" if near else ""
        self._exit(f"unrecognized arguments, not repeated here: one may be a password{meant}")

    def _password_as_argument(self, without_password: str) -> UsageError:
        return UsageError(
            f"{self.prog} takes no password as an argument, because other users can read the"
            f" arguments of a program; {without_password}",
            hint="If it was a password, it is now in your shell's history: delete the line there,"
            " and change the password.\n"
            f"Type the command again without it: {self.prog} asks for the password at the"
            " terminal; --password-stdin reads it from standard input.",
        )

    def _near(self, words: Iterable[str]) -> Iterator[str]:
        """Yield the options of ours that may be meant by words that are none."""
        from difflib import get_close_matches  # seldom

        for word in filter(_is_option, words):
            name = word.partition("=")[0]
            yield from get_close_matches(name, self._option_string_actions, 1, ALIKE)

    def _repeats(self, message: str) -> bool:
        """Return whether the message has a word in it that was typed and is no name of ours."""
        names = self._option_string_actions
        pieces = {piece for word in self._typed for piece in _pieces(word) if piece not in names}
        forms = {form for piece in pieces for form in (piece, repr(piece)[1:-1])}
        return any(re.search(rf"(?<![\w-]){re.escape(form)}(?![\w-])", message) for form in forms)


def _is_option(word: str) -> bool:
    """Return whether a word looks like an option, mistyped maybe, and not like a password."""
    return bool(OPTION.fullmatch(word)) and not PASSWORD_OPTION.fullmatch(word)


def _is_with_password(word: str) -> bool:
    """Return whether a word is the option that takes a password elsewhere, and gives one."""
    return word.startswith("--password-stdin=")


def _pieces(word: str) -> set[str]:
    """Return a word, and what of it argparse takes for the value of an option."""
    value = word.partition("=")[2] if word.startswith("-") else ""
    attached = word[2:] if word.startswith("-") and not word.startswith("--") else ""
    return {piece for piece in (word, value, attached) if piece}


def seconds(text: str) -> float:
    """Return a time limit given on the command line, in seconds. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and 0 < value <= LONGEST):
        raise argparse.ArgumentTypeError(
            f"invalid number of seconds: it is more than 0 and at most {LONGEST:g}"
        )
    return value
