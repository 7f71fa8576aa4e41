"""Run ``creds-setup-pam --root`` in this process: exit code and what it prints."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from creds_session.cli.setup_pam import main
from creds_session.errors import CredsSessionError
from tests.trees.tree import Tree

WAY_OUT = re.compile(
    r"--only-add|authselect disable-feature|pam-auth-update --(disable|remove)|creds rekey"
    r"|pam-config (-d|--delete) |gnome_keyring-auto_start|[Rr]emove (that (rule|line)|/\S+:\d+)"
)
"""What a refusal may advise: an option of ours, a command of the file's tool, a line to remove."""
HARMFUL = re.compile(r"pam_(unix|sss|winbind|krb5|ldap|systemd_home)\.so ends[^\n]*: remove")
"""Advice to take out the module that judges or changes people's passwords."""


class Done(NamedTuple):
    """How a command ended, and what it told the person on both streams."""

    code: int
    told: str


def setup(root: Path, *words: str) -> Done:
    """Run a command about the system in a directory."""
    told = io.StringIO()
    argv = ["creds-setup-pam", "--root", str(root), *words]
    with (
        mock.patch.object(sys, "argv", argv),
        contextlib.redirect_stdout(told),
        contextlib.redirect_stderr(told),
    ):
        try:
            code = main._main()
        except CredsSessionError as error:
            return Done(error.exit_code, f"{told.getvalue()}{error.problem}\n{error.hint}\n")
    return Done(code, told.getvalue())


def snapshot(root: Path) -> dict[str, tuple[bytes | str, int]]:
    """Return the content or the target of every path outside the state directory, with its mode."""
    found: dict[str, tuple[bytes | str, int]] = {}
    for path in root.rglob("*"):
        if "creds-session" in path.parts or (path.is_dir() and not path.is_symlink()):
            continue
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes()
        found[str(path.relative_to(root))] = content, path.lstat().st_mode
    return found


def cycle(root: Path) -> tuple[list[Done], list[str]]:
    """Run check, apply, check, apply and revert; return how they ended, and what is wrong.

    A system that is refused must be left as it is by each of them.
    """
    before = snapshot(root)
    done = [setup(root, "check"), setup(root, "apply")]
    applied = snapshot(root)
    done += [setup(root, "check"), setup(root, "apply")]
    wrong = ["the second apply changed a file"] if snapshot(root) != applied else []
    done.append(setup(root, "revert"))
    wrong += ["revert left a difference"] if snapshot(root) != before else []
    if done[1].code not in {0, 1} and applied != before:
        wrong.append("apply refused, and changed a file")
    codes = [one.code for one in done]
    if done[1].code == 0 and codes != [1, 0, 0, 0, 0]:
        wrong.append(f"the exit codes are {codes}")
    return done, wrong


def dead_ends(tree: Tree, root: Path) -> list[str]:
    """Run the cycle on a tree of which not every group can be had; return what is wrong.

    check and apply must print why, name the tool that wrote the files, and a way out.
    """
    tree.write(root)
    done, wrong = cycle(root)
    for one in done[:2]:
        if one.code and not (tree.tool in one.told and WAY_OUT.search(one.told)):
            wrong.append(f"no tool and no way out is named: {one.told}")
        if HARMFUL.search(one.told):
            wrong.append(f"to remove the module of the password is advised: {one.told}")
    if [one.code for one in done[1:4]] not in ([0, 0, 0], [1, 1, 1]):
        wrong.append(f"the exit codes are {[one.code for one in done]}")
    return [f"{tree.name}: {what}" for what in wrong]
