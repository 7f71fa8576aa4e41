"""Run a program to its end, with a time limit and a clean environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_FOUND = 127  # a shell's own code for it


Identity = tuple[int, int, Sequence[int]]


class _Becoming(TypedDict, total=False):
    user: int
    group: int
    extra_groups: Sequence[int]


class Completed(NamedTuple):
    """How a program ended: its exit code (or 127 or 124, as a shell and timeout(1) say it)."""

    code: int
    output: str
    errors: str

    @property
    def succeeded(self) -> bool:
        """Tell whether it said so."""
        return self.code == 0


def run(
    argv: Sequence[str],
    *,
    timeout: float = 5,
    environment: Mapping[str, str] | None = None,
    identity: Identity | None = None,
) -> Completed:
    """Run a program found on the system's own path; what goes wrong is in the result.

    ``identity`` is whom root becomes for it: user id, group id and all groups.
    """
    import subprocess  # noqa: PLC0415 - most unlocks run nothing

    clean = {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8", **(environment or {})}
    try:
        done = subprocess.run(
            list(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
            env=clean,
            cwd="/",
            # A person's program must not reach root's terminal: it could type into it (TIOCSTI).
            start_new_session=True,
            **_becoming(identity),
        )
    except FileNotFoundError:
        return Completed(NOT_FOUND, "", f"{argv[0]}: not found")
    except OSError as error:
        return Completed(126, "", str(error))
    except subprocess.TimeoutExpired:
        return Completed(124, "", f"{argv[0]}: no answer within {timeout:g} s")
    return Completed(
        done.returncode,
        done.stdout.decode(errors="replace"),
        done.stderr.decode(errors="replace"),
    )


def _becoming(identity: Identity | None) -> _Becoming:
    if identity is None:
        return {}
    uid, gid, groups = identity
    return {"user": uid, "group": gid, "extra_groups": groups}
