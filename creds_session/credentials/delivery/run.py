"""Run a command and give it a credential in the way that the command can read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from creds_session.credentials import Credential
from creds_session.errors import InvalidData, Unavailable
from creds_session.secret import Secret
from creds_session.system.processes.time_limit import TimeLimit
from creds_session.system.terminal.prompts import Expected

if TYPE_CHECKING:
    from creds_session.credentials.delivery.askpass import Answers

CONTROL = re.compile(rb"[\0-\x1f\x7f]")  # a terminal acts on some of them
MAX_LINE = 4095  # bytes that a terminal takes, termios(3)
ASKPASS = "creds-askpass"
NEVER = "the prompt did not appear, so nothing was typed: check the pattern of --expect"
REFUSED = "the same prompt appeared again, so the password was refused; it was given only once"
FIRST = (
    "Only the first host that asks is given the password, because a server may redirect to another"
    " host. --askpass-prompt REGEX says which prompts are answered"
)
MOST_SHOWN = 200  # characters of a prompt


class Variable(NamedTuple):
    """Name an environment variable that will hold the password or the user name."""

    name: str
    is_username: bool


class Prompt(NamedTuple):
    """Describe a prompt that is answered with the password or the user name."""

    pattern: re.Pattern[bytes]
    is_username: bool


class Delivery(NamedTuple):
    """Say how a command gets the credential.

    At most one of ``descriptor``, ``askpass`` and ``prompts`` is set. ``askpass`` is the pattern of
    the prompts that the askpass program answers. ``anywhere``: a person gave that pattern, so that
    every prompt that matches is answered, for any host.
    """

    variables: tuple[Variable, ...] = ()
    descriptor: int | None = None
    askpass: re.Pattern[bytes] | None = None
    prompts: tuple[Prompt, ...] = ()
    anywhere: bool = False


class Ended(NamedTuple):
    """Hold the exit code of the command, and a message about it, or an empty text."""

    code: int
    remark: str = ""


def run_with_credential(
    credential: Credential,
    delivery: Delivery,
    argv: Sequence[str],
    environ: Mapping[str, str],
    seconds: float | None = None,
) -> Ended:
    """Run the command with the credential; return how it ended.

    After ``seconds`` the command is ended. If this process is not needed any more once the command
    runs, then the command replaces it, and this function does not return.

    Raises: NotExecuted, AskedAgain, CannotWrite, Unavailable, or InvalidData if the password cannot
    be given in this way.
    """
    variables = {variable.name: _value(credential, variable) for variable in delivery.variables}
    environment = {**environ, **variables}
    limit = TimeLimit(seconds)
    if delivery.prompts:
        ended = _type(credential, delivery.prompts, argv, environment, limit)
    elif delivery.askpass is not None:
        from creds_session.credentials.delivery.askpass import Answers

        answers = Answers(credential, delivery.askpass, anywhere=delivery.anywhere)
        ended = _answer(credential, answers, argv, environment, limit)
    else:
        ended = _pass_on(credential, delivery.descriptor, argv, environment, limit)
    if not limit.is_over:
        return ended
    outcome = f"the command did not end within {seconds:g} s (--timeout), so it was ended"
    if limit.is_powerless:
        outcome = f"the command still runs after {seconds:g} s (--timeout): only root can end it"
    return ended._replace(remark="; ".join(filter(None, (outcome, ended.remark))))


def _pass_on(
    credential: Credential,
    descriptor: int | None,
    argv: Sequence[str],
    environ: Mapping[str, str],
    limit: TimeLimit,
) -> Ended:
    """Replace this process by the command, or wait for the command if it has a time limit."""
    from creds_session.system.processes.foreground import (
        become,
        held_signals,
        run_in_foreground,
    )
    from creds_session.system.terminal.password_pipe import fill

    if descriptor is not None:
        fill(descriptor, credential.password)
    if limit.seconds is None:
        return become(argv, environ)

    def leave_it_to_the_command() -> None:
        if descriptor is not None:
            os.close(descriptor)

    with held_signals() as held:
        return Ended(run_in_foreground(argv, environ, held, leave_it_to_the_command, limit))


def _value(credential: Credential, variable: Variable) -> str:
    if variable.is_username:
        return credential.username
    password = credential.password.reveal()
    if b"\0" in password:
        raise InvalidData("the password has a NUL byte, which an environment variable cannot hold")
    return os.fsdecode(password)


def _type(
    credential: Credential,
    prompts: Sequence[Prompt],
    argv: Sequence[str],
    environ: Mapping[str, str],
    limit: TimeLimit,
) -> Ended:
    from creds_session.system.terminal.expect import run_on_terminal

    name, password = Secret(os.fsencode(credential.username)), credential.password
    expected = [
        Expected(prompt.pattern, name, is_secret=False)
        if prompt.is_username
        else Expected(prompt.pattern, password)
        for prompt in prompts
    ]
    for prompt in expected:
        _require_typable(prompt.answer)
    code, has_asked = run_on_terminal(argv, environ, expected, limit)
    return Ended(code, "" if has_asked or code == 0 else NEVER)


def _require_typable(answer: Secret) -> None:
    if CONTROL.search(answer.reveal()):
        raise InvalidData(
            "the password or the user name has a control character, which cannot be typed"
        )
    if len(answer.reveal()) > MAX_LINE:
        raise InvalidData(
            f"the password is longer than {MAX_LINE} bytes, which a terminal does not accept"
        )


def _answer(
    credential: Credential,
    answers: Answers,
    argv: Sequence[str],
    environ: Mapping[str, str],
    limit: TimeLimit,
) -> Ended:
    """Run the command with an askpass program that asks this process.

    With SSH_ASKPASS_REQUIRE, ssh runs the askpass program even if there is a terminal or no display
    (ssh(1)).
    """
    from creds_session.credentials.delivery.askpass import (
        PATTERN,
        SOCKET,
        require_one_line,
    )
    from creds_session.system.files.private_folder import (
        places,
        private_folder,
        usable,
    )
    from creds_session.system.processes.foreground import (
        held_signals,
        run_in_foreground,
    )
    from creds_session.system.terminal.askpass_socket import listening, serve

    require_one_line(credential)
    program = _program()
    with held_signals() as held, private_folder(usable(places(environ)), _nothing) as folder:
        path = f"{folder}/askpass"
        environment = {
            **environ,
            SOCKET: path,
            PATTERN: os.fsdecode(answers.pattern.pattern),
            "SSH_ASKPASS": program,
            "SSH_ASKPASS_REQUIRE": "force",
            "SUDO_ASKPASS": program,
            "GIT_ASKPASS": program,
        }
        with listening(path) as server:
            code = run_in_foreground(argv, environment, held, lambda: serve(server, answers), limit)
    remarks = [REFUSED] if answers.was_refused else []
    remarks += [f"not answered: {_shown(prompt)!r}. {FIRST}" for prompt in answers.others[:1]]
    return Ended(code, "; ".join(remarks))


def _shown(prompt: bytes) -> str:
    return prompt.decode(errors="replace").strip()[:MOST_SHOWN]


def _nothing(_folder: str) -> None:
    """End nothing: no process depends on a directory that was left behind."""


def _program() -> str:
    """Return the path of creds-askpass: beside creds, beside this Python, or in PATH."""
    import shutil

    # In a virtual environment the Python is a link, and the programs are beside that link.
    directories = [os.path.dirname(os.path.realpath(sys.argv[0])), os.path.dirname(sys.executable)]
    program = shutil.which(ASKPASS, path=os.pathsep.join(directories)) or shutil.which(ASKPASS)
    if program is None:
        raise Unavailable(
            f"{ASKPASS} was not found, neither beside creds nor in PATH",
            hint="install creds-session again",
        )
    return program
