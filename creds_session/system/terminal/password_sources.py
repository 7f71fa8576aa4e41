"""Where a password comes from that nobody types at this terminal.

All of them give bytes as they are; none of them passes by an argument or the
environment, which other processes can read (proc_pid_cmdline(5), proc_pid_environ(5)).
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from creds_session.errors import InvalidData, NoSuchFile, Unavailable, UsageError
from creds_session.system.terminal.password_prompt import MAX_INPUT, bounded

STANDARD = 3  # the first descriptor that is not a standard one
ASKING = 120.0  # seconds that a person has at an askpass program


def open_descriptor(text: str) -> int:
    """Return the number of a descriptor that can be read; raise UsageError for another.

    No error repeats what is not a number, because it may be the password itself.

    Called before anything is opened, so that no file of ours has come to lie there.
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
    """Return what a descriptor gives up to its end, and close it."""
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

    Raises UsageError, Unavailable where systemd gave none, NoSuchFile or InvalidData. No error
    repeats a name that no credential has, because it may be the password itself.
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
        with open(descriptor, "rb") as file:  # it takes a descriptor
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
    """Return where a program lies that asks for passwords.

    Raises UsageError, which does not repeat what is no program: it may be the password itself.
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
    """Return what a program like ssh-askpass(1) prints, or None where the person declined.

    It gets the prompt as its one argument and the environment as it is (its display is there);
    no shell has part in it. Raises Unavailable, and InvalidData for more than a password.
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
        # its exception holds what was printed
        raise Unavailable(f"{program} gave no answer within {timeout:g} s") from None
    except OSError as error:
        raise Unavailable(f"{program} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        return None
    return bounded(done.stdout, f"the output of {program}")
