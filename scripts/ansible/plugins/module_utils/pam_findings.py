"""Say to which group a finding of ``creds-setup-pam judge`` belongs, and put all into a result."""

from __future__ import annotations

GROUP_OF = {
    "unloadable": "locked_out",
    "lock_out": "locked_out",
    "change_fails": "locked_out",
    "counts_all": "locked_out",
    "let_in": "let_in",
    "let_in_if": "let_in",
    "check_gone": "let_in",
    "change_succeeds": "let_in",
    "no_longer_runs": "disabled",
    "dead_rule": "disabled",
    "no_password": "disabled",
}
"""The group of each kind of finding; docs/explanation/judge.md lists the kinds."""
OTHER = "other"
"""The group of a kind that an installed creds-setup-pam knows and this collection does not."""


def result_of(values: dict) -> dict:
    """Return what a module returns for the JSON object that the command printed."""
    findings = [{**one, "group": GROUP_OF.get(one["kind"], OTHER)} for one in values["findings"]]
    return {
        "judged": True,
        "found": values["found"],
        "msg": _message(findings, len(values["services"])),
        "locked_out": _services(findings, "locked_out"),
        "let_in": _services(findings, "let_in"),
        "disabled": _modules(findings, "disabled"),
        "findings": findings,
        "notes": values["notes"],
        "services": values["services"],
    }


def must_fail(findings: list, groups: list) -> bool:
    """Return whether there is a finding of one of these groups, or of no known group."""
    if not groups:
        return False
    return any("any" in groups or one["group"] in (OTHER, *groups) for one in findings)


def _message(findings: list, services: int) -> str:
    lines = [f"{', '.join(one['services'])}: {one['text']}" for one in findings]
    what = f"{len(findings)} found" if findings else "nothing found"
    noun = "service" if services == 1 else "services"
    return "\n".join([*lines, f"{services} {noun} compared: {what}"])


def _services(findings: list, group: str) -> list:
    return sorted({name for one in findings if one["group"] == group for name in one["services"]})


def _modules(findings: list, group: str) -> list:
    return sorted(
        {one["rule"]["module"] for one in findings if one["group"] == group and one["rule"]}
    )
