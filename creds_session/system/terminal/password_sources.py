"""Read a password from a descriptor, a systemd credential or an askpass program.

The bytes are not changed. No password passes through an argument or the environment, which other
processes can read (proc_pid_cmdline(5), proc_pid_environ(5)).
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from creds_session.errors import InvalidData, NoSuchFile, Unavailable, UsageError
from creds_session.system.terminal.standard_input import MAX_INPUT, bounded

STANDARD = 3  # the first descriptor that is not a standard one
ASKING = 120.0  # seconds for a person to answer an askpass program


def open_descriptor(text: str) -> int:
    """Return the number of a descriptor that can be read. Raises UsageError.

    No error repeats a text that is not a number, because it may be the password itself. Call this
    before this process opens a file, which could get the same number.
    """
    if not (text.isascii() and text.isdigit()):
        raise UsageError("not the number of a file descriptor")
    descriptor = int(text)
    if descriptor < STANDARD:
        raise UsageError(f"{descriptor} is a standard stream; for standard input: --password-stdin")
    try:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - takes no keyword
        os.read(descriptor, 0)
    except (OSError, OverflowError):
        raise UsageError(f"file descriptor {descriptor} is not open for reading") from None
    if os.isatty(descriptor):
        raise UsageError(f"file descriptor {descriptor} is a terminal, which would show it")
    return descriptor


def read_descriptor(descriptor: int) -> bytes:
    """Read a descriptor to the end, and close it. Raises InvalidData."""
    try:
        with open(descriptor, "rb") as file:
            content = file.read(MAX_INPUT + 1)
    except OSError as error:
        raise InvalidData(
            f"file descriptor {descriptor} cannot be read: {error.strerror}"
        ) from error
    return bounded(content, f"what file descriptor {descriptor} gives")


def read_credential(environ: Mapping[str, str], name: str) -> bytes:
    """Return a credential that systemd gave this service (systemd.exec(5), LoadCredential=).

    Raises UsageError, Unavailable if systemd gave no credentials, NoSuchFile or InvalidData. No
    error repeats a name that no credential has, because it may be the password itself.
    """
    if "/" in name or name in {"", ".", ".."}:
        raise UsageError("--password-credential: not the name of a credential")
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise Unavailable(
            "there are no credentials here: CREDENTIALS_DIRECTORY is not set",
            hint="systemd sets it for a unit with LoadCredential= or SetCredentialEncrypted=",
        )
    path = Path(folder, name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # open() also takes a descriptor
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InvalidData(f"{path}: not a regular file")
            content = file.read(MAX_INPUT + 1)
    except FileNotFoundError:
        raise NoSuchFile(
            f"systemd gave this service no credential of this name: it is not in {folder}"
        ) from None
    except OSError as error:
        raise InvalidData(f"{path}: cannot be read: {error.strerror}") from error
    return bounded(content, str(path))


def find_askpass(program: str, environ: Mapping[str, str]) -> str:
    """Return the path of an askpass program.

    Raises UsageError. The error does not repeat the name: it may be the password itself.
    """
    if "/" in program and not program.startswith("/"):
        raise UsageError("--askpass: name a program in PATH, or give its whole path")
    found = shutil.which(program, path=environ.get("PATH"))
    if found is None:
        raise UsageError(
            "--askpass: there is no such program, or it cannot be executed",
            hint="name a program in PATH, or give its whole path",
        )
    return found


def run_askpass(program: str, prompt: str, timeout: float = ASKING) -> bytes | None:
    """Return the output of a program like ssh-askpass(1), or None if the person declined.

    The program gets the prompt as its only argument, and the whole environment, which names the
    display. No shell is involved. ``timeout`` is in seconds. Raises Unavailable, and InvalidData if
    the output is too long for a password.
    """
    try:
        done = subprocess.run(
            [program, prompt],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        # The original exception contains the output.
        raise Unavailable(f"{program} gave no answer within {timeout:g} s") from None
    except OSError as error:
        raise Unavailable(f"{program} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        return None
    return bounded(done.stdout, f"the output of {program}")
