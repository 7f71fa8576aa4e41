"""The program that runs now, in words by which root can have it run later, and by nobody's leave.

A timer of root's runs what lies at a path at that time. Each file that this takes, and each
directory and link on the way to it, must therefore be root's alone from now on.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from types import ModuleType

from creds_session.errors import Unavailable
from creds_session.system.path_parts import Weakness, weakness
from creds_session.system.processes import find_program

ISOLATED = "-I"  # no PYTHON* variables, nothing of the current or the user's directory (python(1))


def for_root_later(name: str) -> tuple[str, ...]:
    """Return the words of a command that runs this very program again, without any link.

    The interpreter is named, so that no first line of a script has to be trusted. It keeps its last
    name, by which Python finds its virtual environment. Raises Unavailable if the program called
    ``name`` is not installed, and if somebody besides root could change what would be run.
    """
    started = sys.argv[0]
    script = os.path.abspath(started) if "/" in started else find_program(name)  # noqa: PTH100
    if script is None or not os.access(script, os.X_OK) or not sys.executable:
        raise Unavailable(f"{name} is not installed, so no timer can run it")
    for path in dict.fromkeys((script, *_loaded())):
        found = weakness(path, strict=True, with_content=True)
        if found is not None:
            raise _refusal(name, found, os.path.realpath(script) if path == script else "")
    folder, last = os.path.split(sys.executable)
    interpreter = os.path.join(os.path.realpath(folder), last)  # noqa: PTH118
    return (interpreter, ISOLATED, os.path.realpath(script))


def _loaded() -> Iterator[str]:
    """Yield what Python was, and will be, loaded from: files, and directories of modules."""
    yield sys.executable
    if sys.prefix != sys.base_prefix:
        yield os.path.join(sys.prefix, "pyvenv.cfg")  # noqa: PTH118 - names the real interpreter
    yield from filter(None, sys.path)
    for module in _modules():
        for attribute in ("__file__", "__cached__"):
            path = getattr(module, attribute, None)
            if isinstance(path, str):
                yield path


def _modules() -> list[ModuleType]:
    return list(sys.modules.values())


def _refusal(name: str, found: Weakness, real: str) -> Unavailable:
    """Say which part is weak, and what to do. ``real`` is the program if a link to it is weak."""
    hint = "install it as root where only root can write, as scripts/install does, and run that one"
    if real and weakness(real, strict=True, with_content=True) is None:
        hint = f"run it by its own path: {real}"
    elif found.uid == 0 and not os.lstat(found.path).st_mode & stat.S_ISVTX:  # not /tmp
        hint = f"only its owner should be able to write there: chmod go-w {found.path}"
    return Unavailable(f"{found}, so no timer of root's may run {name} from there", hint=hint)
