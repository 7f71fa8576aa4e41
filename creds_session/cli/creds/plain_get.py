"""Read the arguments of the usual ``creds get`` without argparse (docs/decisions/0020)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

KEYS = {
    "--username-key": "username_key",
    "--username-key-env": "username_key_env",
    "--username-key-file": "username_key_file",
}
PLAIN = {
    "command": "get",
    **dict.fromkeys(KEYS.values()),
    "no_newline": False,
    "format": "plain",
    "encrypted": False,
    "prompt": False,
    "timeout": None,
    "verbose": False,
}


class _Arguments:
    """The attributes that argparse.Namespace would have."""

    def __init__(self, values: Mapping[str, object]) -> None:
        vars(self).update(values)


def plain_get(words: Sequence[str]) -> argparse.Namespace | None:
    """Read a ``get`` that is right, or return None.

    Returns None for all other words: argparse reads or refuses them.
    """
    options: dict[str, object] = {}
    names: list[str] = []
    rest, follows = iter(words[1:]), False
    for word in rest:
        is_name = not word.startswith("-")
        if is_name and (follows or not names):
            names.append(word)
        elif word == "--no-newline":
            options["no_newline"] = True
        elif word in KEYS and not options.keys() & set(KEYS.values()):
            value = next(rest, "-")
            if value.startswith("-"):
                return None
            options[KEYS[word]] = value
        else:
            return None
        follows = is_name
    if words[:1] != ["get"] or not 0 < len(names) <= len(("SERVICE", "USER")):
        return None
    service, user = [*names, None][:2]
    return _Arguments({**PLAIN, **options, "service": service, "user": user})  # type: ignore[return-value]
