"""Where ``creds`` takes a password from: a person, a stream, or systemd.

source                  one password   a new one      old and new
terminal (the default)  asked once     asked twice    old, new, new again
--askpass PROGRAM       the same, asked by that program
--password-stdin        all of it      two lines      two lines: old, new
--password-fd N         the same, from that descriptor
--password-credential   the same, from a credential of systemd

``creds put`` also reads standard input without an option if that is not a terminal. It refuses an
empty password unless ``--allow-empty`` is given, because /dev/null, the pipe of a program that
failed and two presses of Enter give an empty password by accident.

A keyring is created only with a password that came twice (from a stream on two lines), or that is
the password of the account according to PAM. One newline at the end of a stream is removed, and a
message says so. A password is never taken from an argument or from the environment, because other
processes can read those.
"""

from __future__ import annotations

import os

from creds_session.cli.output import complain
from creds_session.errors import CredsSessionError, InvalidData
from creds_session.records import NamedTuple
from creds_session.secret import Secret
from creds_session.system.terminal.standard_input import (
    is_typed,
    read_password_from_stdin,
    read_standard_input,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

AGAIN = "Again, to be sure: "
ALLOW_EMPTY = "--allow-empty"
TWO = 2  # lines: the old password, the new one


class Declined(InvalidData):
    """The person gave an empty answer, or closed the prompt."""

    exit_code = 1


class Interactive(NamedTuple):
    """A source that answers one prompt at a time: a person, asked by us or by a program."""

    ask: Callable[[str], Secret]


class Stream(NamedTuple):
    """A source that gives everything at once. ``name`` says which stream it is."""

    name: str
    read: Callable[[], bytes]


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Let a command take its password from another source than the terminal."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--password-stdin",
        action="store_true",
        help="Read the password from standard input, without one newline at its end. At a"
        " terminal, ask for it.",
    )
    group.add_argument(
        "--password-fd",
        type=_descriptor,
        metavar="N",
        help="Read the password from file descriptor N, without one newline at its end.",
    )
    group.add_argument(
        "--password-credential",
        metavar="NAME",
        help="Read the password from the systemd credential NAME, without one newline at its end.",
    )
    group.add_argument(
        "--askpass",
        metavar="PROGRAM",
        help="Let PROGRAM, which is a program like ssh-askpass, ask for the password.",
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Let a command say nothing if it succeeds."""
    parser.add_argument("-q", "--quiet", action="store_true", help="Print no message on success.")


def is_elsewhere(arguments: argparse.Namespace) -> bool:
    """Return whether an option names another source than the usual one."""
    sources = (arguments.password_fd, arguments.password_credential, arguments.askpass)
    return arguments.password_stdin or any(source is not None for source in sources)


def is_asked_for(arguments: argparse.Namespace) -> bool:
    """Return whether a person will be asked for the password that ``creds put`` stores."""
    if arguments.askpass is not None:
        return True
    elsewhere = arguments.password_fd is not None or arguments.password_credential is not None
    return not elsewhere and is_typed()


def current_password(arguments: argparse.Namespace, prompt: str) -> Secret:
    """Return the current password. Raises Declined if the person gives an empty answer."""
    source = _source(arguments)
    if isinstance(source, Stream):
        return Secret(_without_newline(source, arguments))
    return _answer(source, prompt)


def new_password(
    arguments: argparse.Namespace,
    prompt: str,
    otherwise: str,
    require: Callable[[Secret], object],
) -> Secret:
    """Return a new password of a keyring, which a person is asked for twice.

    A stream must give it on two lines that are the same, or once, and then ``require`` must accept
    it. ``otherwise`` says what the state is if the two differ. Raises InvalidData or Declined.
    """
    source = _source(arguments)
    if not isinstance(source, Stream):
        return _twice(source, prompt, otherwise)
    content = _without_newline(source, arguments)
    first, newline, second = content.partition(b"\n")
    if not newline:
        require(Secret(content))
        return Secret(content)
    if b"\n" in second:
        raise InvalidData(
            f"{source.name} has more than two lines; {otherwise}",
            hint="give the new password on one line, and again on a second line",
        )
    return _same(Secret(first), Secret(second), "lines", otherwise)


def to_store(arguments: argparse.Namespace, prompt: str) -> Secret:
    """Return the password that ``creds put`` stores: typed twice, or all of a stream.

    Raises InvalidData if it is empty without ``--allow-empty``; then nothing was changed.
    """
    if not is_elsewhere(arguments) and not is_typed():
        return _allowed(read_password_from_stdin(), "from standard input", arguments)
    source = _source(arguments)
    if isinstance(source, Stream):
        password = Secret(_without_newline(source, arguments))
        return _allowed(password, f"from {source.name}", arguments)
    first = _allowed(source.ask(prompt), "given at the prompt", arguments)
    return confirm_password(first, source.ask, "nothing was changed")


def _allowed(password: Secret, source: str, arguments: argparse.Namespace) -> Secret:
    """Return a password from this source. Raises InvalidData if it may not be stored."""
    if not password and not arguments.allow_empty:
        raise InvalidData(
            f"the password {source} is empty; nothing was changed",
            hint="find out why it is empty, and give the password again; to store an empty"
            f" password, add {ALLOW_EMPTY}",
        )
    return password


def confirm_password(first: Secret, ask: Callable[[str], Secret], otherwise: str) -> Secret:
    """Return a new password that the person types a second time. Raises InvalidData."""
    return _same(first, ask(AGAIN), "passwords", otherwise)


def _same(first: Secret, second: Secret, what: str, otherwise: str) -> Secret:
    if first != second:
        raise InvalidData(f"the two {what} differ; {otherwise}")
    return first


def old_and_new(
    arguments: argparse.Namespace, keyring: str = "login", *, has_password: bool = True
) -> tuple[Secret, Secret]:
    """Return the old and the new password of a keyring.

    The old one of a keyring without a password is empty, and a person is not asked for it.
    """
    source = _source(arguments)
    if isinstance(source, Stream):
        lines = _without_newline(source, arguments).split(b"\n")
        if len(lines) != TWO:
            raise InvalidData(f"{source.name} must be two lines: the old password, the new one")
        return Secret(lines[0]), Secret(lines[1])
    old = Secret(b"")
    if has_password:
        old = _answer(source, f"Old password of the {keyring} keyring: ")
    prompt = f"New password of the {keyring} keyring: "
    return old, _twice(source, prompt, "nothing was changed")


def _source(arguments: argparse.Namespace) -> Interactive | Stream:
    if arguments.password_stdin and not is_typed():  # a terminal would show it
        return Stream("standard input", read_standard_input)
    if not is_elsewhere(arguments) or arguments.password_stdin:
        from creds_session.system.terminal.password_prompt import ask_password

        patience: float | None = getattr(arguments, "patience", None)
        return Interactive(lambda prompt: ask_password(prompt, patience))
    from creds_session.system.terminal import password_sources as sources

    if arguments.askpass is not None:
        program = sources.find_askpass(arguments.askpass, os.environ)
        return Interactive(lambda prompt: _asked_by(program, prompt))
    if arguments.password_fd is not None:
        number: int = arguments.password_fd
        name = f"file descriptor {number}"
        return Stream(name, lambda: sources.read_descriptor(number))
    credential: str = arguments.password_credential
    name = f"the credential {credential}"
    return Stream(name, lambda: sources.read_credential(os.environ, credential))


def _asked_by(program: str, prompt: str) -> Secret:
    from creds_session.system.terminal.password_sources import run_askpass

    printed = run_askpass(program, prompt)
    if printed is None:
        raise Declined(f"{program} was declined; nothing was changed")
    return Secret(printed.removesuffix(b"\n"))


def _answer(source: Interactive, prompt: str) -> Secret:
    password = source.ask(prompt)
    if not password:
        raise Declined("no password was given; nothing was changed")
    return password


def _twice(source: Interactive, prompt: str, otherwise: str) -> Secret:
    return confirm_password(_answer(source, prompt), source.ask, otherwise)


def _without_newline(source: Stream, arguments: argparse.Namespace) -> bytes:
    content = source.read()
    if not content.endswith(b"\n"):
        return content
    if not getattr(arguments, "quiet", False):
        complain("creds", f"one newline at the end of {source.name} was removed")
    return content[:-1]


def _descriptor(text: str) -> int:
    from argparse import ArgumentTypeError

    from creds_session.system.terminal.password_sources import open_descriptor

    try:
        return open_descriptor(text)
    except CredsSessionError as error:
        raise ArgumentTypeError(error.problem) from None
