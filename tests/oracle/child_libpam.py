"""Run in a private mount namespace: asks this root's libpam about service files.

Standard library only, since it runs under the Python of the root file system that is
asked. Reads one case a line (JSON) and answers one line a case; a crash of libpam ends
the process, and the reader knows which case it was. Texts are latin-1 for bytes.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
from pathlib import Path

TEXT_INFO = 4
ESTABLISH_CRED = 2  # PAM_ESTABLISH_CRED of security/_pam_types.h


class Message(ctypes.Structure):
    """struct pam_message."""

    _fields_ = (("style", ctypes.c_int), ("text", ctypes.c_char_p))


class Response(ctypes.Structure):
    """struct pam_response."""

    _fields_ = (("text", ctypes.c_void_p), ("code", ctypes.c_int))


CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(Message)),
    ctypes.POINTER(ctypes.POINTER(Response)),
    ctypes.c_void_p,
)


class Conversation(ctypes.Structure):
    """struct pam_conv."""

    _fields_ = (("converse", CONVERSE), ("data", ctypes.c_void_p))


libpam = ctypes.CDLL("libpam.so.0")
libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p
libc.setlogmask(1)  # nobody reads what libpam logs, and to find that out takes a third of its time
heard: list[str] = []


def converse(
    count: int,
    messages: ctypes._Pointer[ctypes._Pointer[Message]],
    responses: ctypes._Pointer[ctypes._Pointer[Response]],
    _data: int | None,
) -> int:
    """Note what modules say; answer nothing."""
    texts = (messages[index].contents.text or b"" for index in range(count))
    heard.extend(text.decode("latin-1") for text in texts)
    memory = libc.calloc(count, ctypes.sizeof(Response))
    responses[0] = ctypes.cast(memory, ctypes.POINTER(Response))
    return 0


CONVERSATION = Conversation(CONVERSE(converse), None)


def ask(service: bytes, user: bytes, calls: list[str]) -> dict[str, object]:
    """Make the calls on one handle; give pam_start's code, then code and messages of each."""
    handle = ctypes.c_void_p()
    code = libpam.pam_start(service, user, ctypes.byref(CONVERSATION), ctypes.byref(handle))
    answers: list[tuple[int, list[str]]] = []
    if code == 0:
        for call in calls:
            heard.clear()
            flags = ESTABLISH_CRED if call == "setcred" else 0
            result = getattr(libpam, f"pam_{call}")(handle, flags)
            answers.append((result, list(heard)))
        libpam.pam_end(handle, 0)
    return {"start": code, "answers": answers}


def write(files: dict[str, str]) -> list[Path]:
    """Write the case's files."""
    written = []
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
        written.append(path)
    return written


def main() -> None:
    """Answer case after case; never where /etc is the machine's own, since files are removed."""
    if Path("/etc/passwd").exists():
        sys.exit("/etc is not an empty file system: nothing is written there")
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        case = json.loads(line)
        written = write(case["files"])
        service = case["service"].encode("latin-1")
        user = case["user"].encode("latin-1")
        given = [ask(service, user, calls) for calls in case["sequences"]]
        for path in written:
            path.unlink(missing_ok=True)
        for path in {path.parent for path in written} - {Path("/etc")}:
            shutil.rmtree(path)
        answers.write(json.dumps(given) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
