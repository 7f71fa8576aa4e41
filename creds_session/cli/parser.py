"""How arguments are read: errors exit with 64, and the help keeps the lines of its examples.

No error repeats a word that was typed and not understood. The word may be a password, and standard
error often ends in the log of cron or of CI.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

from creds_session.cli.near_misses import Command, is_option, nearest, what_was_meant
from creds_session.cli.output import complain
from creds_session.errors import UsageError
from creds_session.version import __version__

COLUMNS = 80  # if nothing says how wide the terminal is
LONGEST = 86400.0  # seconds


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Format help for the width of the terminal.

    argparse makes a formatter for every argument, to check its name, and its own formatter loads
    shutil for the width.
    """

    def __init__(self, prog: str, **named: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(prog, **{"width": _width() - 2, **named})

    def _format_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None,
    ) -> str:
        """Leave the options out if the terminal is too narrow, because argparse breaks no group."""
        text = super()._format_usage(usage, actions, groups, prefix)
        if usage is not None or all(len(line) <= self._width for line in text.splitlines()):
            return text
        words = [
            self._format_args(action, self._get_default_metavar_for_positional(action))
            for action in actions
            if not action.option_strings
        ]
        short = " ".join(["%(prog)s [OPTION...]", *words])
        return super()._format_usage(short, actions, groups, prefix)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Fill the paragraphs of a text; examples, lists and tables keep their lines."""
        return "\n\n".join(_filled(part, width, indent) for part in text.strip("\n").split("\n\n"))


def _filled(paragraph: str, width: int, indent: str) -> str:
    from textwrap import fill  # argparse has loaded it

    first, *_ = lines = paragraph.split("\n")
    if first.startswith(" ") or first.endswith(":"):
        return "\n".join(indent + line for line in lines)
    hanging = "  " if any(line.startswith(" ") for line in lines) else ""
    text = " ".join(paragraph.split())
    return fill(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _width() -> int:
    """Return how many columns standard output has (as shutil.get_terminal_size does)."""
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
    says in which state such an argument leaves everything ("nothing was stored"). ``also_called``
    maps words that people try as a command to the command that does it.

    ``add_parser`` gives this class more keywords in each Python version (``color`` since 3.14):
    they are passed on.
    """

    without_password: str | None = None
    also_called: Mapping[str, str] = MappingProxyType({})
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
            add_help=False,
            **named,
        )
        self.add_argument("-h", "--help", action="help", help="Print this help and exit.")
        self.add_argument(
            *("-V", "--version"),
            action="version",
            version=f"%(prog)s {__version__}",
            help="Print the version of creds-session and exit.",
        )

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Return what the words say; exit, or raise UsageError, if one is not understood."""
        arguments, rest = self.parse_known_args(args, namespace)
        if rest:
            self._refuse(rest)
        return arguments

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Return what the words say, and the words that are not understood."""
        self._typed = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(self._typed, namespace)

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, which repeats nothing that was typed; exit with 64.

        argparse's own messages quote the values of options. Such a message is cut off behind the
        name of the option.
        """
        self._require_no_password()
        if self._repeats(message):
            subject, _, _ = message.partition(": ")
            subject = "an argument" if self._repeats(subject) else subject
            message = f"{subject}: not understood, and not repeated here: it may be a password"
        self._exit(message)

    def _require_no_password(self) -> None:
        """Raise UsageError if a password was typed as the value of an option that has none."""
        if self.without_password and any(map(_is_with_password, self._typed)):
            raise self._password_as_argument(self.without_password)

    def _exit(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        complain(self.prog, message, f"for the options and examples: {self.prog} --help")
        self.exit(UsageError.exit_code)

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401
        """Exit, without repeating the value, if it is not one of the choices.

        The message has only names of ours, so it is shown whatever else was typed.
        """
        if action.choices is None or value in action.choices:
            return
        names = list(map(str, action.choices))
        near = self.also_called.get(value) or nearest(str(value), names)
        known = f"choose from {', '.join(names)}"
        what = f"did you mean {near}?" if near else known
        if near and action.option_strings:
            what += f" {known}"
        self._require_no_password()
        self._exit(str(argparse.ArgumentError(action, f"invalid choice; {what}")))

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:  # noqa: ANN401
        """Return the value of an argument; exit if the argument has no such value.

        The types that are used here raise ArgumentTypeError with a message of their own, which may
        contain the number of a descriptor. Python's own message would quote the value.
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
        if self.without_password and not all(map(is_option, rest)):
            raise self._password_as_argument(self.without_password)
        parsers = self._commands()
        typed = next((parsers[word] for word in self._typed if word in parsers), self)
        others = [parser for parser in parsers.values() if parser is not typed]
        meant = what_was_meant(
            rest,
            typed._described(),  # noqa: SLF001 - it is of this class, too
            None if typed is self else self._described(),
            [parser._described() for parser in others],  # noqa: SLF001 - the same
        )
        message = f"unrecognized arguments, not repeated here: one may be a password; {meant}"
        typed._exit(message)  # noqa: SLF001 - the same

    def _password_as_argument(self, without_password: str) -> UsageError:
        return UsageError(
            f"{self.prog} takes no password as an argument, because other users can read the"
            f" arguments of a program; {without_password}",
            hint="If it was a password, it is now in your shell's history: delete the line there,"
            " and change the password.\n"
            f"Type the command again without it: {self.prog} asks for the password at the"
            " terminal; --password-stdin reads it from standard input.",
        )

    def _described(self) -> Command:
        """Return the names of this command's options, and its other arguments as usage has them."""
        formatter = self._get_formatter()
        places = [action for action in self._actions if not action.option_strings]
        arguments = " ".join(formatter._format_args(one, one.dest) for one in places)  # noqa: SLF001 - argparse's own
        return Command(self.prog, tuple(self._option_string_actions), arguments)

    def _commands(self) -> dict[str, Parser]:
        """Return the parsers of the subcommands by their names."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - argparse's own
                return dict(action.choices)
        return {}

    def _repeats(self, message: str) -> bool:
        """Return whether the message contains a word that was typed and is not a name of ours."""
        names = self._option_string_actions
        pieces = {piece for word in self._typed for piece in _pieces(word) if piece not in names}
        forms = {form for piece in pieces for form in (piece, repr(piece)[1:-1])}
        return any(re.search(rf"(?<![\w-]){re.escape(form)}(?![\w-])", message) for form in forms)


def _is_with_password(word: str) -> bool:
    """Return whether a word gives a password to the option that reads it from standard input."""
    return word.startswith("--password-stdin=")


def _pieces(word: str) -> set[str]:
    """Return a word, and the part of it that argparse takes for the value of an option."""
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
            "invalid number of seconds: a number without a unit is expected, such as 30, which is"
            f" more than 0 and at most {LONGEST:g}"
        )
    return value


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let a command print its result as JSON."""
    parser.add_argument("--json", action="store_true", help="Print the result as one JSON object.")


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """Let a command give up after some time without an answer, in seconds."""
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=10,
        metavar="S",
        help="Give up after S seconds without an answer (default: 10).",
    )
