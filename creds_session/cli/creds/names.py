"""``creds __names``: print names from an unlocked keyring, one a line, for completion in a shell.

The completions of bash, zsh and fish call it (scripts/documents/completions.py). It is no command
for people, so the help does not list it:

    creds __names services
    creds __names users WORD...         WORD... is what was typed behind ``creds``
    creds __names users-quoted WORD...  the same, as it was typed, with the quotes of a shell

It prints nothing if anything goes wrong, and ends after 100 ms. A name that contains a control
character is left out, because a line of the output is one name. A shell must still quote the names:
they may contain any other character.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress

from creds_session.system.processes import last_moment

LIMIT = 0.1  # seconds; a person waits for it at the key Tab
MOST = 1000  # names
# The options of these commands that take a value; tests/unit/cli/creds/test_names.py compares.
WITH_VALUE = frozenset(
    {
        *("--username-key", "--username-key-env", "--username-key-file", "--timeout", "--format"),
        *("--password-fd", "--password-credential", "--askpass", "--env", "-e", "--fd", "--expect"),
        *("--askpass-prompt", "--expect-username"),
    }
)


def execute(words: Sequence[str]) -> int:
    """Print the names that fit; return 0, also if there are none."""
    found: set[str] = set()
    last_moment.end_after(LIMIT, lambda: _print(found))
    with suppress(Exception):
        for name in _names(words):
            if name.isprintable() and name and not name.startswith("-"):
                found.add(name)
    last_moment.cancel()
    _print(found)
    return 0


def _names(words: Sequence[str]) -> Iterable[str]:
    from creds_session.credentials import offered_names  # within the limit

    what, *typed = words
    if what == "services":
        return offered_names.services(os.environ, LIMIT)
    if what == "users-quoted":
        typed = [_unquoted(word) for word in typed]
    service = service_of(typed)
    return offered_names.user_names(os.environ, LIMIT, service) if service else ()


def service_of(words: Sequence[str]) -> str:
    """Return the first operand behind the command, or nothing."""
    rest = iter(words[1:])
    for word in rest:
        if word in WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return ""


def _unquoted(word: str) -> str:
    """Return a word of a shell without its quotes. Nothing in it is expanded."""
    import shlex  # only bash gives words with their quotes

    return "".join(shlex.split(word, comments=False))


def _print(names: Iterable[str]) -> None:
    """Print a copy of the names at once, because the timer may come at any moment."""
    text = "".join(f"{name}\n" for name in sorted(names)[:MOST])
    with suppress(OSError):
        os.write(sys.stdout.fileno(), text.encode())
