"""How deep a run of the tests goes: what a commit samples, and what CREDS_NIGHTLY=1 runs whole.

Each depth can be set alone by its environment variable, for instance CREDS_FAULTS_COUNT=400.
docs/contributing.md lists them for the person who runs them.
"""

from __future__ import annotations

import os
import secrets

NIGHTLY = bool(os.environ.get("CREDS_NIGHTLY"))


def _depth(variable: str, commit: int, nightly: int) -> int:
    """Return a depth: as its variable says, else the one of this kind of run."""
    return int(os.environ.get(variable) or (nightly if NIGHTLY else commit))


HUNT = _depth("CREDS_HUNT", 0, 5000)
"""Random examples of each property; 0 for hypothesis' own number of examples, always the same."""

ORACLE_STACKS = _depth("CREDS_ORACLE_STACKS", 6_000, 100_000)
"""Random PAM stacks that libpam itself is asked about."""

ORACLE_SEED = _depth("CREDS_ORACLE_SEED", 1, secrets.randbelow(2**32))
"""What the random stacks begin from; a failure names it."""

JUDGED_CHANGES = _depth("CREDS_JUDGED_CHANGES", 1_000, 100_000)
"""Random changes of PAM stacks that are judged, and that libpam itself is asked about."""

REPLAYED = _depth("CREDS_REPLAYED", 5, 1)
"""Every how many updates of a vendor's file are replayed."""

TREES = _depth("CREDS_TREES", 250, 10_000)
"""PAM trees in the shapes of authselect that are judged; there are fewer than 10,000."""

TREE_STORIES = _depth("CREDS_TREE_STORIES", 6, 24)
"""Stories of a login, each with a state of the keyring, for each service of a tree; 0 for all."""

TREE_COMMANDS = _depth("CREDS_TREE_COMMANDS", 6, 1)
"""Every how many trees the commands themselves are run on."""

ROUND_TRIPS = _depth("CREDS_ROUND_TRIPS", 200, 10_000)
"""Credentials that are stored and read again by every client."""

CROWD_SECONDS = _depth("CREDS_CROWD_SECONDS", 5, 60)
"""How long eight processes put and get at once."""

FAULTS_COUNT = _depth("CREDS_FAULTS_COUNT", 40, 400)
"""Combinations of two and three faults that the doctor must find and fix, on both releases."""

FAULTS_SEED = os.environ.get("CREDS_FAULTS_SEED", "faults")
"""What the combinations begin from: a word."""

FIELD_SAMPLE = _depth("CREDS_FIELD_SAMPLE", 3, 1)
"""Every how many of the field's situations are made for real, and the doctor's remedy is typed."""

HOSTILE_IMAGES = _depth("CREDS_HOSTILE_IMAGES", 15, 500)
"""Images with something hostile in them that every command with --root has to live with."""

TREE_SWAPS = _depth("CREDS_TREE_SWAPS", 200, 1_000)
"""How often a directory of a tree is exchanged for a link while files in it are changed."""

SAMPLED_PYTHONS = not (NIGHTLY or os.environ.get("CREDS_PYTHONS"))
"""Whether the Pythons beside the one that runs everything run only a part of the unit tests."""

SAME_ON_EVERY_PYTHON = (
    (
        "tests/unit/scripts",
        "tests/unit/test_documentation.py",
        "tests/unit/cli/setup_pam/test_root_option.py",
        "tests/unit/pam/keyring_rules/test_growth.py",
        "tests/unit/setup_pam/test_durability.py",
        "tests/unit/setup_pam/test_hostile_images.py",
        "tests/unit/setup_pam/test_hostile_state.py",
        "tests/unit/setup_pam/test_interrupted.py",
        "tests/unit/setup_pam/test_transaction.py",
        "tests/unit/system/files/test_changing_tree.py",
    )
    if SAMPLED_PYTHONS
    else ()
)
"""What is left out there: the tests of shell scripts and of pages, and those that take long because
they stop or disturb a change at every step. The order of the steps is the same on every Python."""

HOSTILE_SEED = _depth("CREDS_HOSTILE_SEED", 1, secrets.randbelow(2**32))
"""What the choice of these images begins from; a failure names the image."""

KILL_ALL = bool(_depth("CREDS_KILL_ALL", 0, 1))
"""Whether a command is killed at every system call, and not at every sixth or so."""

KILLED_CALLS = _depth("CREDS_KILLED_CALLS", 10_000 if KILL_ALL else 9, 10_000)
"""At how many system calls of each command a machine's `creds-setup-pam` is interrupted."""

ON_EVERY_RELEASE = bool(_depth("CREDS_ON_EVERY_RELEASE", 0, 1))
"""Whether the longest matrices run on each release, and not on each in turn."""

MATRIX_ALL = bool(_depth("CREDS_MATRIX_ALL", 0, 1))
"""Whether every combination of session, daemon and password is unlocked, and not every pair."""

SELINUX = bool(_depth("CREDS_SELINUX", 0, 1))
"""Whether a virtual machine is booted whose kernel enforces SELinux."""
