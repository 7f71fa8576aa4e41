"""Other clients of the Secret Service, and what is the same in an item whoever kept it."""

from __future__ import annotations

import subprocess
from typing import Any

import secretstorage

SCHEMA = "xdg:schema"
Shape = dict[str, Any]


def secret_tool(*words: str, stdin: bytes = b"") -> bytes | None:
    """Run secret-tool; return what it prints, or None where it says no."""
    done = subprocess.run(
        ["secret-tool", *words], input=stdin, capture_output=True, check=False, timeout=30
    )
    return done.stdout if done.returncode == 0 else None


def lookup(service: str, username: str) -> bytes | None:
    return secret_tool("lookup", "--", "service", service, "username", username)


def shape(item: secretstorage.Item) -> Shape:
    """Return all that a client wrote.

    The daemon itself gives an item without a schema the general one when it reads its file again
    (gkm-secret-binary.c, gkm-secret-compat.c), at whatever moment that is.
    """
    attributes = item.get_attributes()
    if attributes.get(SCHEMA) == "org.freedesktop.Secret.Generic":
        del attributes[SCHEMA]
    return {
        "label": item.get_label(),
        "attributes": attributes,
        "secret": item.get_secret(),
        "type": item.get_secret_content_type(),
    }


def shapes(collection: secretstorage.Collection) -> list[Shape]:
    return sorted((shape(item) for item in collection.get_all_items()), key=repr)
