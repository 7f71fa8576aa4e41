"""Return how systemd can run this program, or another one of its release, later as root.

A timer or a unit of root runs the file that a path names at that time. So only root may be able to
change each file that this needs, and each directory and link on the way to it.
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from creds_session.errors import Unavailable
from creds_session.system.files.ownership import Weakness, weakness
from creds_session.system.processes.commands import Identity, run
from creds_session.system.processes.proc import find_program
from creds_session.version import __version__

PACKAGE = Path(__file__).parents[2]
NOBODY: Identity = (65534, 65534, ())
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
    weak = _first_weakness((script, *_loaded()))
    if weak is not None:
        raise _refusal(name, weak, "timer")
    folder, last = os.path.split(sys.executable)
    interpreter = os.path.join(os.path.realpath(folder), last)
    command = (interpreter, ISOLATED, script)
    _require_start(name, command)
    return command


def path_for_root_later(name: str, *, as_user: bool = False) -> str:
    """Return the path at which units of root can run a program that is installed beside this one.

    The path may have links in it, so that it leads to the next release after an upgrade. Each link
    then belongs to root, as everything else that is run. The program is run once, to verify that it
    is of this release; ``as_user`` runs it as nobody, because the unit is one of every user.

    Raises Unavailable if the program called ``name`` is not installed or does not start, or if a
    user other than root could change a file that would be run.
    """
    places = {path: _first_weakness((path, *_interpreter(path))) for path in _beside(name)}
    if not places:
        raise Unavailable(
            f"{name} is not installed beside the program that runs, so no unit can run it",
            hint="install creds-session as scripts/install does, and run that one",
        )
    path = next((path for path, weak in places.items() if weak is None), [*places][-1])
    weak = places[path] or _first_weakness((*_loaded(with_main=False), *_package()))
    if weak is not None:
        raise _refusal(name, weak, "unit")
    _require_start(name, (path,), NOBODY if as_user else None)
    return path


def _beside(name: str) -> Iterator[str]:
    """Yield where a program is, beside each link to the program that runs, and beside itself."""
    started = sys.argv[0]
    here = os.path.abspath(started) if "/" in started else find_program(started)
    while here is not None:
        folder = os.path.dirname(here)
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            yield path
        here = _target(here) if os.path.islink(here) else None


def _target(link: str) -> str:
    """Return where a link leads, without "..", which systemd does not accept in a command."""
    folder = os.path.realpath(os.path.dirname(link))
    return os.path.normpath(os.path.join(folder, os.readlink(link)))


def _interpreter(script: str) -> Iterator[str]:
    """Yield the program that the kernel starts for a script (execve(2), "Interpreter scripts")."""
    try:
        with open(script, "rb") as file:
            first = file.readline(4096)
    except OSError:
        return
    words = first[2:].split()
    if first.startswith(b"#!") and words:
        yield os.fsdecode(words[0])


def _package() -> Iterator[str]:
    """Yield every file of the package: another program loads other modules than this one."""
    for directory, _, names in os.walk(PACKAGE):
        yield from (os.path.join(directory, name) for name in names)


def _first_weakness(paths: Iterable[str]) -> Weakness | None:
    """Return the first part of a path that a user other than root can change, or None."""
    for path in dict.fromkeys(paths):
        weak = weakness(path, strict=True, with_content=True)
        if weak is not None:
            return weak
    return None


def _require_start(name: str, command: tuple[str, ...], user: Identity | None = None) -> None:
    """Raise Unavailable unless this command is the program, in a clean environment.

    ``-I`` leaves out the user's own modules and PYTHONPATH, by which it may have started now.
    """
    done = run([*command, "--version"], timeout=START, identity=user)
    if done.code != 0 or done.output.split() != [name, __version__]:
        message = (done.errors or done.output or "it said nothing").strip().splitlines()[-1]
        raise Unavailable(
            f"{shlex.join(command)} does not start {name}{' for users' if user else ''}, so systemd"
            f" cannot run it: {message}",
            hint="install it as scripts/install does, and run that one",
        )


def _loaded(*, with_main: bool = True) -> Iterator[str]:
    """Yield the files and directories from which Python loaded, and will load, this program.

    ``with_main`` includes the script itself, by the path or link with which it was started.
    """
    yield sys.executable
    # This file names the real interpreter. Without `site` (-S), sys.prefix is another directory.
    above = os.path.dirname(os.path.dirname(sys.executable))
    yield from (os.path.join(prefix, "pyvenv.cfg") for prefix in (sys.prefix, above))
    yield from filter(None, sys.path)
    for name, module in _modules().items():
        if name == "__main__" and not with_main:
            continue
        for attribute in ("__file__", "__cached__"):
            path = getattr(module, attribute, None)
            if isinstance(path, str):
                yield path


def _modules() -> dict[str, ModuleType]:
    return sys.modules.copy()


def _refusal(name: str, weak: Weakness, kind: str) -> Unavailable:
    """Return the error that names the part that others can change, with the remedy."""
    hint = "install it as root in a directory that only root can change, as scripts/install does"
    if weak.uid == 0 and not os.lstat(weak.path).st_mode & stat.S_ISVTX:  # not /tmp
        hint = f"only its owner should be able to write there: chmod go-w {weak.path}"
    return Unavailable(f"{weak}, so no {kind} of root's may run {name} from there", hint=hint)
