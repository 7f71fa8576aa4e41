"""Try which client can read which client's passwords, with every client that is installed here.

A script for a session whose keyring is open; prints one JSON object. It needs no package, so that
it runs on a booted machine: ``python3 interoperability.py PYTHON [ACT]…``, that of the installed
package, and which of read, replaced, removed to look at (all).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

GI = """\
import sys, gi
gi.require_version("Secret", "1")
from gi.repository import Secret
act, service, username = sys.argv[1:]
kinds = dict.fromkeys(("service", "username"), Secret.SchemaAttributeType.STRING)
schema = Secret.Schema.new("org.example.Login", Secret.SchemaFlags.DONT_MATCH_NAME, kinds)
names = {"service": service, "username": username}
if act == "keep":
    label = "Login of libsecret"
    Secret.password_store_sync(schema, names, None, label, sys.stdin.read(), None)
elif act == "read":
    found = Secret.password_lookup_sync(schema, names, None)
    if found is None:
        sys.exit(1)
    sys.stdout.write(found)
else:
    sys.exit(0 if Secret.password_clear_sync(schema, names, None) else 1)
"""
SEEN = """\
import json, sys, secretstorage
from jeepney import DBusAddress, new_method_call
bus = secretstorage.dbus_init()
service = DBusAddress("/org/freedesktop/secrets", "org.freedesktop.secrets",
    "org.freedesktop.Secret.Service")
bus.send_and_get_reply(new_method_call(service, "ReadAlias", "s", ("default",)))  # decision 0012
found = secretstorage.get_default_collection(bus)
items = found.search_items({"service": sys.argv[1], "username": sys.argv[2]})
print(json.dumps([[item.get_label(), item.get_secret_content_type()] for item in items]))
"""
PASSWORD = "pässwörd\n 🔑 "


class Client(NamedTuple):
    """``keep`` takes the password on standard input; ``ending`` is what ``read`` adds to it."""

    keep: Callable[[str, str], list[str]]
    read: Callable[[str, str], list[str]]
    remove: Callable[[str, str], list[str]]
    ending: str = ""


def clients(python: str) -> dict[str, Client]:
    """Return the clients that are installed."""
    creds = [
        shutil.which("creds") or python,
        *(() if shutil.which("creds") else ("-m", "creds_session")),
    ]
    keyring = [python, "-m", "keyring"]
    libsecret = ["/usr/bin/python3", "-c", GI]
    tool = ["secret-tool"]
    return {
        "creds": Client(
            lambda s, u: [*creds, "put", s, u],
            lambda s, u: [*creds, "get", "--no-newline", s, u],
            lambda s, u: [*creds, "delete", "--prompt", "--timeout", "10", s, u],
        ),
        "keyring": Client(
            lambda s, u: [*keyring, "set", s, u],
            lambda s, u: [*keyring, "get", s, u],
            lambda s, u: [*keyring, "del", s, u],
            "\n",
        ),
        "secret-tool": Client(
            lambda s, u: [
                *tool,
                "store",
                "--label=Login of secret-tool",
                "service",
                s,
                "username",
                u,
            ],
            lambda s, u: [*tool, "lookup", "service", s, "username", u],
            lambda s, u: [*tool, "clear", "service", s, "username", u],
        ),
        "libsecret (gi)": Client(
            lambda s, u: [*libsecret, "keep", s, u],
            lambda s, u: [*libsecret, "read", s, u],
            lambda s, u: [*libsecret, "remove", s, u],
        ),
    }


def run(argv: list[str], given: str = "") -> str | None:
    """Return what a command prints, or None where it fails."""
    done = subprocess.run(argv, input=given.encode(), capture_output=True, check=False, timeout=60)
    return done.stdout.decode() if done.returncode == 0 else None


def keep(argv: list[str], given: str) -> None:
    """Have a password kept."""
    done = subprocess.run(argv, input=given.encode(), capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, (argv, done.stderr)


def look(python: str, *acts: str) -> dict[str, object]:
    """Have each keep a password, the others read it, replace it and remove it."""
    acts = acts or ("read", "replaced", "removed")
    them = clients(python)
    table: dict[str, object] = {}
    for name, by in them.items():
        service = f"of {name}"
        read, replaced, removed = {}, {}, {}
        keep(by.keep(service, "me"), PASSWORD)
        (label, kind), *_more = json.loads(run([python, "-c", SEEN, service, "me"]) or "[]")
        for other, client in them.items():
            read[other] = run(client.read(service, "me")) == PASSWORD + client.ending
        for other, client in them.items() if "replaced" in acts else ():
            user = f"put again by {other}"
            keep(by.keep(service, user), "old")
            keep(client.keep(service, user), "new")
            replaced[other] = len(json.loads(run([python, "-c", SEEN, service, user]) or "[]")) == 1
        for other, client in them.items() if "removed" in acts else ():
            user = f"removed by {other}"
            keep(by.keep(service, user), "old")
            run(client.remove(service, user))
            removed[other] = run(them["secret-tool"].read(service, user)) is None
        table[name] = {
            "label": label,
            "type": kind,
            "read": read,
            "replaced": replaced,
            "removed": removed,
        }
    return table


if __name__ == "__main__":
    print(json.dumps(look(*sys.argv[1:])))
