"""Check whether a file with our rules hides a newer file of its vendor.

libpam reads the first file of a name alone. So what an update changes in a vendor's file has no
effect on a machine on which the file was copied to /etc/pam.d, or was changed there.
"""

from __future__ import annotations

from creds_session.doctor.checks.registry import Check
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, NotJudged, Remediation, Severity

REBASE = Remediation(
    "look at the difference (sudo creds-setup-pam rebase --check), then bring the rules to the"
    " newer file; the change is proved first",
    (("sudo", "creds-setup-pam", "rebase"),),
)


def _newer(facts: Facts) -> Found | NotJudged | None:
    files = facts.pam.vendor_files
    if files is None:
        return NotJudged("only root can see what creds-setup-pam has changed")
    evidence: list[str] = []
    for file in files:
        evidence += [f"{file.path}: {file.vendor_path} is newer"]
        evidence += [f"{file.vendor_path} alone has: {rule}" for rule in file.lacks]
        evidence += [f"{file.path} alone has: {rule}" for rule in file.extra]
    return Found(tuple(evidence)) if evidence else None


CHECKS = (
    Check(
        "pam-vendor-newer",
        "pam",
        Severity.WARNING,
        "an update brought a newer PAM file, and the file that creds-setup-pam changed hides it",
        _newer,
        cause="libpam reads only the first file of a name, and dpkg and rpm do not replace a file"
        " in /etc that was changed; so the lines that the update added or removed have no effect",
        remedy=REBASE,
        about="Only root can read which files creds-setup-pam has changed:"
        " `sudo creds-doctor --user USER`. See [after an"
        " update](../../how-to/after-an-update.md).",
    ),
)
