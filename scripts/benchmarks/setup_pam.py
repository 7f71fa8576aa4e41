"""Measure ``creds-setup-pam`` beside other programs that read or edit the same file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from scripts.benchmarks.processes import CHECKOUT, command, installed, nothing, program
from scripts.benchmarks.turns import Job, Prepared, print_ratios

SSHD = "/etc/pam.d/sshd"
MODULE = "usr/lib/x86_64-linux-gnu/security/pam_gnome_keyring.so"
STATUS = "Package: libpam0g\nStatus: install ok installed\nVersion: 1.5.2-6\n"
RULES = (
    {
        "name": "common-auth",
        "type": "auth",
        "control": "required",
        "module_path": "pam_permit.so",
        "state": "after",
        "new_type": "auth",
        "new_control": "optional",
        "new_module_path": "pam_gnome_keyring.so",
    },
    {
        "name": "sshd",
        "type": "session",
        "control": "required",
        "module_path": "pam_env.so",
        "state": "after",
        "new_type": "session",
        "new_control": "optional",
        "new_module_path": "pam_gnome_keyring.so",
        "module_arguments": "auto_start",
    },
)
"""What pamd inserts: two rules, as ``apply`` does (of which pamd proves nothing)."""

CHECK, APPLY = "creds-setup-pam check", "creds-setup-pam apply"


def measure(folder: Path, runs: int) -> None:
    """Measure ``check`` and ``apply`` on Debian's files in a root of their own."""
    root = scratch_root(folder / "root")
    variables = {"PYTHONPATH": installed(folder)}
    words = [*program("setup_pam"), "--root", str(root)]
    jobs: dict[str, Job | Prepared] = {
        CHECK: command([*words, "check"], variables, expected=(0, 1)),
        "Python that does nothing": nothing(),
    }
    augtool = shutil.which("augtool")
    if augtool:
        show, transform = f"print /files{SSHD}", f"Pam.lns incl {SSHD}"
        one_file = [augtool, "-r", str(root), "--noautoload", "--transform", transform, show]
        jobs["augtool, this file and lens alone"] = command(one_file)
        jobs["augtool, all lenses"] = command([augtool, "-r", str(root), show])
    else:
        print("\nnot installed, not compared: augtool (augeas-tools)")
    print_ratios("whole process, Debian's sshd", CHECK, jobs, runs)
    _measure_edit(folder, root, words, runs)


def _measure_edit(folder: Path, root: Path, words: list[str], runs: int) -> None:
    """Measure an edit that inserts two rules; ``apply`` also proves it and keeps a checkpoint."""
    variables = {"PYTHONPATH": installed(folder)}
    revert = command([*words, "revert"], variables)
    apply = command([*words, "apply"], variables, expected=(0, 1))
    jobs: dict[str, Job | Prepared] = {APPLY: Prepared(revert, apply)}
    playbook = shutil.which("ansible-playbook")
    if playbook and _has_pamd(playbook):
        jobs["ansible-playbook with pamd, the same rules"] = _pamd(playbook, root, folder)
    else:
        print("\nnot installed, not compared: Ansible with community.general.pamd")
    apply()  # so that there is something to revert
    print_ratios("whole process, an edit of Debian's sshd", APPLY, jobs, runs)
    revert()


def scratch_root(root: Path) -> Path:
    """Make a root with Debian's PAM files and empty files for what must be installed."""
    shutil.copytree(CHECKOUT / "pam.d/debian/before", root / "etc/pam.d")
    empty = ("usr/sbin/sshd", "usr/bin/gnome-keyring-daemon", MODULE, "etc/pam.d/other")
    for name in empty:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("", "utf-8")
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(STATUS, "utf-8")
    return root


def _has_pamd(playbook: str) -> bool:
    interpreter = Path(playbook).read_text("utf-8").splitlines()[0][2:]
    code = "import ansible_collections.community.general.plugins.modules.pamd"
    done = subprocess.run([interpreter, "-c", code], capture_output=True, check=False)
    return done.returncode == 0


def _pamd(playbook: str, root: Path, folder: Path) -> Prepared:
    """Let a playbook with one task for each rule edit a fresh copy of sshd's file."""
    edited, plays = folder / "edited", folder / "pamd.json"
    interpreter = os.path.realpath("/usr/bin/python3")  # named, so that Ansible looks for none
    host = {"ansible_connection": "local", "ansible_python_interpreter": interpreter}
    tasks = [{"community.general.pamd": {"path": str(edited), **rule}} for rule in RULES]
    play = {"hosts": "localhost", "gather_facts": False, "vars": host, "tasks": tasks}
    plays.write_text(json.dumps([play]), "utf-8")
    run = command([playbook, "-i", "localhost,", str(plays)])

    def copy() -> None:
        edited.mkdir(exist_ok=True)
        for file in (root / "etc/pam.d").iterdir():
            shutil.copy(file, edited)

    return Prepared(copy, run)
