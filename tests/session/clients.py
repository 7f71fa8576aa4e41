"""Other clients of the Secret Service, and what is the same in an item whoever kept it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import secretstorage

from creds_session.session.private_session import private_session

PROGRAMS = ("gnome-keyring-daemon", "dbus-daemon", "secret-tool")

SCHEMA = "xdg:schema"
Shape = dict[str, Any]


@contextmanager
def in_a_session() -> Iterator[dict[str, str]]:
    """Put this process into a session whose login keyring is open and empty."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"not installed: {', '.join(missing)}")
    before = dict(os.environ)
    usual = {name: value for name, value in before.items() if "KEYRING" not in name}
    for variable in ("XDG_CURRENT_DESKTOP", "XDG_CONFIG_HOME", "DISPLAY", "WAYLAND_DISPLAY"):
        usual.pop(variable, None)
    with private_session(usual) as environ:
        os.environ.clear()
        os.environ.update(environ, HOME=environ["XDG_DATA_HOME"])
        yield dict(os.environ)
    os.environ.clear()
    os.environ.update(before)


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
