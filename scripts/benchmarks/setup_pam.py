"""Measure ``creds-setup-pam check`` beside other programs that read or edit the same file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from scripts.benchmarks.processes import CHECKOUT, command, installed, nothing, program
from scripts.benchmarks.turns import Job, print_ratios

SSHD = "/etc/pam.d/sshd"
MODULE = "usr/lib/x86_64-linux-gnu/security/pam_gnome_keyring.so"
STATUS = "Package: libpam0g\nStatus: install ok installed\nVersion: 1.5.2-6\n"


def measure(folder: Path, runs: int) -> None:
    """Measure ``creds-setup-pam check`` on Debian's files in a root of its own."""
    root = _scratch_root(folder / "root")
    check = [*program("setup_pam"), "--root", str(root), "check"]
    jobs: dict[str, Job] = {
        "creds-setup-pam check": command(check, {"PYTHONPATH": installed(folder)}, expected=(0, 1)),
        "Python that does nothing": nothing(),
    }
    missing = []
    augtool, ansible = shutil.which("augtool"), shutil.which("ansible")
    if augtool:
        read = [augtool, "-r", str(root), "-A", "-t", f"Pam incl {SSHD}", f"print /files{SSHD}"]
        jobs["augtool print"] = command(read)
    else:
        missing.append("augtool (augeas-tools)")
    if ansible and _has_pamd(ansible):
        jobs["Ansible's pamd, one rule"] = _pamd(ansible, root, folder / "edited")
    else:
        missing.append("Ansible with community.general.pamd")
    print_ratios("whole process, Debian's sshd", "creds-setup-pam check", jobs, runs)
    for name in missing:
        print(f"not installed, not compared: {name}")


def _scratch_root(root: Path) -> Path:
    """Make a root with Debian's PAM files and empty files for what must be installed."""
    shutil.copytree(CHECKOUT / "pam.d/debian/before", root / "etc/pam.d")
    empty = ("usr/sbin/sshd", "usr/bin/gnome-keyring-daemon", MODULE, "etc/pam.d/other")
    for name in empty:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("", "utf-8")
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(STATUS, "utf-8")
    return root


def _has_pamd(ansible: str) -> bool:
    interpreter = Path(ansible).read_text("utf-8").splitlines()[0][2:]
    code = "import ansible_collections.community.general.plugins.modules.pamd"
    done = subprocess.run([interpreter, "-c", code], capture_output=True, check=False)
    return done.returncode == 0


def _pamd(ansible: str, root: Path, edited: Path) -> Job:
    """Let pamd insert one rule into a fresh copy; three rules are three runs of it."""
    words = (
        f"path={edited} name=sshd type=session control=required module_path=pam_env.so state=after"
        " new_type=session new_control=optional new_module_path=pam_gnome_keyring.so"
        " module_arguments=auto_start"
    )
    module = "community.general.pamd"
    run = command([ansible, "localhost", "-c", "local", "-m", module, "-a", words])

    def job() -> None:
        edited.mkdir(exist_ok=True)
        shutil.copy(root / "etc/pam.d/sshd", edited)
        run()

    return job
