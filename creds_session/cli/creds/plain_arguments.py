"""Read the usual arguments of the commands that are waited for, without argparse.

argparse takes about as long to load as Python itself to start (docs/decisions/0020). Everything
that this module does not know is left to argparse, which reads it or refuses it.
"""

from __future__ import annotations

from creds_session.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


class Plain(NamedTuple):
    """The usual arguments of one command.

    ``names`` are the positional arguments, of which the first ``required`` must be there. ``flags``
    are the options without a value, with what they set. At most one of ``valued`` may be there:
    these options take a value. ``otherwise`` holds the value of each other attribute.
    """

    names: tuple[str, ...]
    required: int
    flags: Mapping[str, tuple[str, object]]
    valued: Mapping[str, str]
    otherwise: Mapping[str, object]


KEYS = {
    "--username-key": "username_key",
    "--username-key-env": "username_key_env",
    "--username-key-file": "username_key_file",
}
REACHED = {"prompt": False, "timeout": None, "verbose": False}  # how the keyring is reached
NO_SOURCE = {"password_fd": None, "password_credential": None, "askpass": None}
QUIET = {"-q": ("quiet", True), "--quiet": ("quiet", True)}
STDIN = {"--password-stdin": ("password_stdin", True)}
JSON = {"--json": ("json", True)}
COMMANDS = {
    "get": Plain(
        ("service", "user"),
        1,
        {"--no-newline": ("no_newline", True)},
        KEYS,
        {**REACHED, "no_newline": False, "format": "plain", "encrypted": False},
    ),
    "put": Plain(
        ("service", "user"),
        1,
        {**QUIET, **STDIN, "--replace": ("replace", True)},
        KEYS,
        {**REACHED, **NO_SOURCE, "encrypted": False, "allow_empty": False},
    ),
    "list": Plain(
        ("service",), 0, {"--json": ("format", "json")}, {}, {**REACHED, "format": "plain"}
    ),
    "status": Plain((), 0, JSON, {}, {"timeout": 10}),
    "unlock": Plain(
        (),
        0,
        {**QUIET, **STDIN, **JSON, "--create": ("create", True)},
        {},
        {**NO_SOURCE, "timeout": 10, "patience": None, "explain": False},
    ),
}


class _Arguments:
    """The attributes that argparse.Namespace would have."""

    def __init__(self, values: Mapping[str, object]) -> None:
        vars(self).update(values)


def plain_arguments(words: Sequence[str]) -> argparse.Namespace | None:
    """Return what the words of a usual command say, or None for all other words."""
    plain = COMMANDS.get(words[0]) if words else None
    if plain is None:
        return None
    unset = {attribute: False for attribute, value in plain.flags.values() if value is True}
    read: dict[str, object] = {"command": words[0], **unset, **plain.otherwise}
    read.update(dict.fromkeys(plain.valued.values()))
    names: list[str] = []
    rest, follows, has_value = iter(words[1:]), False, False
    for word in rest:
        is_name = not word.startswith("-")
        if is_name and (follows or not names):
            names.append(word)
        elif word in plain.flags:
            attribute, value = plain.flags[word]
            read[attribute] = value
        elif word in plain.valued and not has_value:
            given = next(rest, "-")
            if given.startswith("-"):
                return None
            read[plain.valued[word]], has_value = given, True
        else:
            return None
        follows = is_name
    if not plain.required <= len(names) <= len(plain.names):
        return None
    read.update(zip(plain.names, [*names, None, None]))
    return _Arguments(read)  # type: ignore[return-value] # it has the same attributes
