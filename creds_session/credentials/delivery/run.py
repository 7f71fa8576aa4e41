"""A credential for one command, by the way that the command can take."""

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
NEVER = "the prompt never came, so nothing was typed: look at --expect"
REFUSED = "the same prompt came again, so the password was refused; it was given once"
FIRST = (
    "Only the first host that asks is given the password: a server may have chosen another one."
    " --askpass-prompt REGEX says which prompts are answered"
)
MOST_SHOWN = 200  # characters of a prompt


class Variable(NamedTuple):
    """An environment variable that is to hold the password, or the user name."""

    name: str
    is_username: bool


class Prompt(NamedTuple):
    """A prompt at which the password is to be typed, or the user name."""

    pattern: re.Pattern[bytes]
    is_username: bool


class Delivery(NamedTuple):
    """How a command gets the credential: by descriptor, askpass or prompts, one of them at most.

    ``anywhere``: the person chose the pattern of ``askpass``, so whatever it matches is answered.
    """

    variables: tuple[Variable, ...] = ()
    descriptor: int | None = None
    askpass: re.Pattern[bytes] | None = None
    prompts: tuple[Prompt, ...] = ()
    anywhere: bool = False


class Ended(NamedTuple):
    """How the command ended, and what is to be said of it."""

    code: int
    remark: str = ""


def run_with_credential(
    credential: Credential,
    delivery: Delivery,
    argv: Sequence[str],
    environ: Mapping[str, str],
    seconds: float | None = None,
) -> Ended:
    """Run the command with the credential, as if it were run in our place.

    After so many seconds the command is ended. Does not return where nothing of us is needed any
    more. Raises NotExecuted, AskedAgain, InvalidData where this way cannot carry this password,
    CannotWrite or Unavailable.
    """
    given = {**environ, **{one.name: _value(credential, one) for one in delivery.variables}}
    limit = TimeLimit(seconds)
    if delivery.prompts:
        ended = _type(credential, delivery.prompts, argv, given, limit)
    elif delivery.askpass is not None:
        from creds_session.credentials.delivery.askpass import Answers

        answers = Answers(credential, delivery.askpass, anywhere=delivery.anywhere)
        ended = _answer(credential, answers, argv, given, limit)
    else:
        ended = _pass_on(credential, delivery.descriptor, argv, given, limit)
    if not limit.is_over:
        return ended
    outcome = f"the command did not end within {seconds:g} s (--timeout), so it was ended"
    if limit.is_powerless:
        outcome = f"the command runs on after {seconds:g} s (--timeout): only root may end it"
    return ended._replace(remark="; ".join(filter(None, (outcome, ended.remark))))


def _pass_on(
    credential: Credential,
    descriptor: int | None,
    argv: Sequence[str],
    environ: Mapping[str, str],
    limit: TimeLimit,
) -> Ended:
    """Be the command from now on, or wait for it if somebody has to end it."""
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
        raise InvalidData("the password has a NUL byte, which no environment variable holds")
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
        Expected(one.pattern, name, is_secret=False)
        if one.is_username
        else Expected(one.pattern, password)
        for one in prompts
    ]
    for one in expected:
        _require_typable(one.answer)
    code, has_asked = run_on_terminal(argv, environ, expected, limit)
    return Ended(code, "" if has_asked or code == 0 else NEVER)


def _require_typable(answer: Secret) -> None:
    if CONTROL.search(answer.reveal()):
        raise InvalidData("the password or the name has a control character: it cannot be typed")
    if len(answer.reveal()) > MAX_LINE:
        raise InvalidData(f"the password is longer than a terminal takes, {MAX_LINE} bytes")


def _answer(
    credential: Credential,
    answers: Answers,
    argv: Sequence[str],
    environ: Mapping[str, str],
    limit: TimeLimit,
) -> Ended:
    """Run it with an askpass program that asks us.

    SSH_ASKPASS_REQUIRE: ssh asks it though there is a terminal, or no display (ssh(1)).
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
        told = {
            **environ,
            SOCKET: path,
            PATTERN: os.fsdecode(answers.pattern.pattern),
            "SSH_ASKPASS": program,
            "SSH_ASKPASS_REQUIRE": "force",
            "SUDO_ASKPASS": program,
            "GIT_ASKPASS": program,
        }
        with listening(path) as server:
            code = run_in_foreground(argv, told, held, lambda: serve(server, answers), limit)
    remarks = [REFUSED] if answers.was_refused else []
    remarks += [f"not answered: {_shown(prompt)!r}. {FIRST}" for prompt in answers.others[:1]]
    return Ended(code, "; ".join(remarks))


def _shown(prompt: bytes) -> str:
    return prompt.decode(errors="replace").strip()[:MOST_SHOWN]


def _nothing(_folder: str) -> None:
    """End what lives in a folder that was left behind: nothing does."""


def _program() -> str:
    """Return where our askpass program is: beside creds, beside our Python, or in PATH."""
    import shutil

    folders = [os.path.dirname(os.path.realpath(one)) for one in (sys.argv[0],)]
    folders.append(os.path.dirname(sys.executable))  # links stay
    found = shutil.which(ASKPASS, path=os.pathsep.join(folders)) or shutil.which(ASKPASS)
    if found is None:
        raise Unavailable(f"{ASKPASS} is not installed beside creds, and not in PATH")
    return found
