"""Return the command line by which systemd runs this program again as root.

A timer of root runs the file that a path names at that time. So only root may be able to change
each file that this needs, and each directory and link on the way to it.
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Iterator
from types import ModuleType

from creds_session.errors import Unavailable
from creds_session.system.files.ownership import Weakness, weakness
from creds_session.system.processes.commands import run
from creds_session.system.processes.proc import find_program
from creds_session.version import __version__

START = 30.0  # seconds; the machine may be busy
ISOLATED = "-I"  # no PYTHON* variables, nothing of the current or the user's directory (python(1))


def for_root_later(name: str) -> tuple[str, ...]:
    """Return the words of a command that runs this same program again, without any link.

    The command names the interpreter, so that the first line of a script need not be trusted. The
    interpreter keeps its last name, by which Python finds its virtual environment. The links by
    which the program was found are resolved now, so their owners do not matter later. The command
    is run once, to verify that it is this program and that it starts in systemd's environment.
    Raises Unavailable if the program called ``name`` is not installed or does not start, or if a
    user other than root could change a file that would be run.
    """
    started = sys.argv[0]
    script = os.path.realpath(started) if "/" in started else find_program(name)
    if script is None or not os.access(script, os.X_OK) or not sys.executable:
        raise Unavailable(f"{name} is not installed, so no timer can run it")
    script = os.path.realpath(script)
    for path in dict.fromkeys((script, *_loaded())):
        weak = weakness(path, strict=True, with_content=True)
        if weak is not None:
            raise _refusal(name, weak)
    folder, last = os.path.split(sys.executable)
    interpreter = os.path.join(os.path.realpath(folder), last)
    command = (interpreter, ISOLATED, script)
    _require_start(name, command)
    return command


def _require_start(name: str, command: tuple[str, ...]) -> None:
    """Raise Unavailable unless this command is the program, in a clean environment.

    ``-I`` leaves out the user's own modules and PYTHONPATH, by which it may have started now.
    """
    done = run([*command, "--version"], timeout=START)
    if done.code != 0 or done.output.split() != [name, __version__]:
        message = (done.errors or done.output or "it said nothing").strip().splitlines()[-1]
        raise Unavailable(
            f"{shlex.join(command)} does not start {name}, so no timer can run it: {message}",
            hint="install it as scripts/install does, and run that one",
        )


def _loaded() -> Iterator[str]:
    """Yield the files and directories from which Python loaded, and will load, this program."""
    yield sys.executable
    if sys.prefix != sys.base_prefix:
        yield os.path.join(sys.prefix, "pyvenv.cfg")  # it names the real interpreter
    yield from filter(None, sys.path)
    for module in _modules():
        for attribute in ("__file__", "__cached__"):
            path = getattr(module, attribute, None)
            if isinstance(path, str):
                yield path


def _modules() -> list[ModuleType]:
    return list(sys.modules.values())


def _refusal(name: str, weak: Weakness) -> Unavailable:
    """Return the error that names the part others can change, with the remedy."""
    hint = "install it as root in a directory that only root can change, as scripts/install does"
    if weak.uid == 0 and not os.lstat(weak.path).st_mode & stat.S_ISVTX:  # not /tmp
        hint = f"only its owner should be able to write there: chmod go-w {weak.path}"
    return Unavailable(f"{weak}, so no timer of root's may run {name} from there", hint=hint)
