"""``creds-doctor``: find out why no secret can be read here, and how to fix it."""

from __future__ import annotations

import gc
import os
import sys
from types import SimpleNamespace

from creds_session.cli.boundary import end_at_once, run
from creds_session.cli.doctor import formats
from creds_session.errors import InvalidData, UsageError
from creds_session.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import NoReturn

    from creds_session.cli.parser import Parser
    from creds_session.doctor.checks import Check
    from creds_session.doctor.checks.diagnosis import Diagnosis
    from creds_session.facts.snapshot import Facts

PROGRAM = "creds-doctor"
DESCRIPTION = """\
Find out why no secret can be read in this session. The verdict, a map of the session and the
findings are printed, each with its cause and a remedy. Nothing is changed without --fix.
"""
EXAMPLES = """\
examples:
  creds-doctor                           the verdict, the map and the findings
  creds-doctor --report ticket.html      the same as a page for somebody else
  creds-doctor --json                    the same as one JSON object
  creds-doctor --list                    all checks
  creds-doctor --explain keyring-ghost   what one check looks for
  creds-doctor --skip first-login-fails  without one check
  sudo creds-doctor --user alice         the session of another user
  creds-doctor --save facts.json --anonymous
                                         what was seen, for somebody else
  creds-doctor --from facts.json         judge what was saved elsewhere
  creds-doctor --fix --dry-run           the remedies that --fix would carry out
  creds-doctor --fix                     carry them out, and ask before each

exit codes: 0 a secret can be read now, and no finding is an error; 1 no secret can be read, or a
  finding is an error; 64 wrong usage, or root with the home of another user; 65 a file is not what
  it must be; 66 no such file or user; 69 something that is needed is not available; 70 a fault of
  this program; 73 a file cannot be written; 77 --user requires root; with --format nagios: 0 OK,
  1 WARNING, 2 CRITICAL, 3 UNKNOWN
"""
TIMEOUT = 2.5  # seconds
STANDARD_INPUT = "-"
# Options that change nothing without the other one, and options that change nothing with it.
NEEDS = (("yes", "fix"), ("dry_run", "fix"), ("anonymous", "save"))
OF_A_LOOK = ("format", "output", "report", "save", "only", "skip", "user", "source", "timeout")
EXCLUDES = (
    ("save", "fix"),
    ("timeout", "fix"),
    ("yes", "dry_run"),
    ("timeout", "source"),
    *((name, about) for about in ("list", "explain") for name in (*OF_A_LOOK, "fix", "verbose")),
)
NAMES = {"source": "--from", "format": "--json (or --format)"}
DEFAULTS = {"format": "text"}


def main() -> NoReturn:
    """Run ``creds-doctor`` with the arguments of this process."""
    gc.disable()  # the process ends before a collection would be worth its time
    end_at_once(run(_main, PROGRAM))


def _parser() -> Parser:
    from creds_session.cli.parser import Parser, seconds  # only for a run with words

    parser = Parser(PROGRAM, DESCRIPTION, EXAMPLES)
    formats.add_arguments(parser)
    about = parser.add_mutually_exclusive_group()
    about.add_argument("--list", action="store_true", help="List the checks and look at nothing.")
    about.add_argument("--explain", metavar="ID", help="Describe one check and look at nothing.")
    for name, text in (
        ("only", "Run only this check. May be given several times."),
        ("skip", "Leave this check out. May be given several times."),
    ):
        parser.add_argument(f"--{name}", action="append", default=[], metavar="ID", help=text)
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument(
        "--user",
        metavar="USER",
        help="Look at the session of USER. The session of another user requires root.",
    )
    whose.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        help="Judge what --save wrote, on any machine. If FILE is -, read it from standard input.",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        help=f"Look for at most S seconds (default: {TIMEOUT:g}). A slow machine needs more.",
    )
    parser.add_argument(
        "--fix",
        action="store_true",
        help="Carry out the remedies that lose nothing and can be undone. Each is shown and asked"
        " about first.",
    )
    parser.add_argument(
        *("-n", "--dry-run"),
        action="store_true",
        help="With --fix: show the remedies and do nothing.",
    )
    parser.add_argument(
        *("-y", "--yes"), action="store_true", help="With --fix: do not ask before a remedy."
    )
    return parser


def _main() -> int:
    words = sys.argv[1:]
    if not words:
        arguments = _without_words()
        return formats.guarded(arguments, lambda: _diagnose(arguments))
    arguments = _parser().parse_args(["--help"] if words == ["help"] else words)
    _require_meaning(arguments)
    if arguments.list or arguments.explain:
        return _print_checks(arguments)
    return formats.guarded(arguments, lambda: _diagnose(arguments))


def _without_words() -> argparse.Namespace:
    """Return what the parser returns without arguments. The parser is not loaded for that."""
    given = dict.fromkeys(("output", "report", "save", "explain", "user", "source", "timeout"))
    given |= {"format": "text", "color": "auto", "only": [], "skip": []}
    given |= dict.fromkeys(("verbose", "anonymous", "list", "fix", "dry_run", "yes"), False)
    return SimpleNamespace(**given)  # type: ignore[return-value]  # it has the same attributes


def _require_meaning(arguments: argparse.Namespace) -> None:
    """Refuse options that would do nothing, and two documents on one standard output."""
    for name, other in NEEDS:
        if _is_given(arguments, name) and not _is_given(arguments, other):
            raise UsageError(f"{_option(name)} goes with {_option(other)}")
    for name, other in EXCLUDES:
        if _is_given(arguments, name) and _is_given(arguments, other):
            raise UsageError(f"{_option(name)} does nothing with {_option(other)}")
    files = ("save", "output", "report")
    printed = [name for name in files if getattr(arguments, name) == formats.STANDARD_OUTPUT]
    if len(printed) > 1:
        raise UsageError(
            f"{' and '.join(map(_option, printed))} cannot both be -: there is one standard output",
            hint="name a file for the others",
        )


def _is_given(arguments: argparse.Namespace, name: str) -> bool:
    value = getattr(arguments, name)
    return value not in (None, False, [], DEFAULTS.get(name))


def _option(name: str) -> str:
    return NAMES.get(name, f"--{name.replace('_', '-')}")


def _print_checks(arguments: argparse.Namespace) -> int:
    from creds_session.doctor.diagnosis import entries  # only to list or explain
    from creds_session.doctor.report.check_pages import explain_lines, list_lines

    listed = entries()
    if arguments.explain:
        _require_known([arguments.explain], [entry.id for entry in listed])
        listed = tuple(entry for entry in listed if entry.id == arguments.explain)
        print("\n".join(explain_lines(listed[0])))
    else:
        print("\n".join(list_lines(listed)))
    return 0


def _require_known(named: list[str], known: list[str]) -> None:
    for name in named:
        if name not in known:
            from creds_session.cli.near_misses import nearest

            near = nearest(name, known)
            meant = f"did you mean {near}? " if near else ""
            hint = f"{meant}creds-doctor --list names all checks"
            raise UsageError("there is no check with the id that was given", hint=hint)


def _diagnose(arguments: argparse.Namespace) -> int:
    from creds_session.doctor.checks import CHECKS, select
    from creds_session.doctor.diagnosis import judge, look, to_save
    from creds_session.system.terminal.waiting_line import WaitingLine

    _require_known(arguments.only + arguments.skip, [check.id for check in CHECKS])
    checks = select(CHECKS, arguments.only, arguments.skip)
    if arguments.fix:
        return formats.show(arguments, _fix(arguments, checks))
    is_own = not arguments.source and not arguments.user
    if arguments.source:
        facts = _saved(arguments.source)
    else:
        timeout = arguments.timeout or TIMEOUT
        with WaitingLine("the checks", timeout, PROGRAM):
            facts = look(os.environ, arguments.user, timeout)
    if arguments.save:
        formats.write(arguments.save, to_save(facts, anonymously=arguments.anonymous))
    return formats.show(arguments, judge(facts, checks, os.environ if is_own else None))


def _saved(source: str) -> Facts:
    """Return the facts in a file or on standard input.

    Standard input is read where it is: /dev/stdin cannot be opened again if it is a socket, or if
    it belongs to another user, as below su.
    """
    from creds_session.doctor.diagnosis import read_saved, saved

    if source != STANDARD_INPUT:
        from pathlib import Path

        return saved(Path(source))
    if sys.stdin is None:
        raise InvalidData("standard input is closed, so no facts can be read from it")
    return read_saved(sys.stdin.buffer, "standard input")


def _fix(arguments: argparse.Namespace, checks: tuple[Check, ...]) -> Diagnosis:
    from creds_session.doctor.diagnosis import Dialog, fix

    if arguments.source or arguments.user:
        raise UsageError(
            "--fix works on this session only", hint="run creds-doctor --fix as that user, there"
        )

    def agree(question: str) -> bool:
        return True if arguments.yes else asks(question)

    dialog = Dialog(lambda line: print(printable(line), file=sys.stderr), agree)
    return fix(os.environ, checks, dialog, is_dry=arguments.dry_run)


def asks(question: str) -> bool:
    """Ask at the terminal. Without one, or in its background, the answer is no."""
    from creds_session.system.terminal.password_prompt import (  # only for a remedy
        confirm,
        is_interactive,
    )

    if not is_interactive():
        print("    not done: nobody is at the terminal to say yes (--yes)", file=sys.stderr)
        return False
    return confirm(f"    {printable(question)} [y/N] ")
