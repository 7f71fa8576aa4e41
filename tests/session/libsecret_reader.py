"""libsecret in one process, so that ten thousand passwords are read in minutes.

A script for the system's own Python, which has libsecret's binding: on each line of standard input
a JSON list of service and user name, on standard output the password, or null.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import gi  # type: ignore[import-not-found,import-untyped,unused-ignore]

gi.require_version("Secret", "1")
from gi.repository import Secret  # type: ignore[import-not-found,unused-ignore]  # noqa: E402

KINDS = dict.fromkeys(("service", "username"), Secret.SchemaAttributeType.STRING)
ANY = Secret.Schema.new("org.example.Any", Secret.SchemaFlags.DONT_MATCH_NAME, KINDS)


def read(service: str, username: str) -> Any:
    return Secret.password_lookup_sync(ANY, {"service": service, "username": username}, None)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(read(*json.loads(line))), flush=True)
