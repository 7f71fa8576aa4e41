"""Turn what creds-setup-pam says about the PAM files into the result of a module."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.creds_session.keyring.plugins.module_utils.command import Done, fail

NAME = "creds-setup-pam"
LOOKED = (0, 1)  # nothing to do, and a change is needed


def is_judged(seen: Done) -> bool:
    """Return whether the program looked at the PAM files, and printed what it saw."""
    return seen.code in LOOKED and bool(seen.values)


def judged(module: AnsibleModule, seen: Done, program: list) -> dict:
    """Return what the command saw, and pass its warnings on."""
    if not is_judged(seen):
        fail(module, seen, NAME, changed=False)
    values = seen.values
    _warn_of_wrong_passwords(module, values["services"])
    refused = _refused(values)
    return {
        "complete": seen.code == 0 or bool(values["change_needed"] and not refused),
        "reasons": values["reasons"],
        "services": values["services"],
        "waits_for_confirmation": values["waits_for_confirmation"],
        "program": program,
        **({"refused": refused} if refused else {}),
        **({"diff": {"prepared": values["diff"]}} if values["change_needed"] else {}),
    }


def _refused(values: dict) -> list:
    return [
        {"service": service["service"], **refused}
        for service in values["services"]
        for refused in service["refused"]
    ]


def _warn_of_wrong_passwords(module: AnsibleModule, services: list) -> None:
    for service in services:
        for group in service["groups"]:
            if group.get("lets_wrong_password_in"):
                module.warn(
                    f"{service['service']} lets people in with a wrong password:"
                    f" {group['lets_wrong_password_in']}; {group['wrong_password_remedy']}"
                )


def require_safe(module: AnsibleModule, result: dict) -> None:
    """Fail with the counterexample if a group cannot have its rule, before anything is changed."""
    refused = result.get("refused", [])
    if module.params["accept_incomplete"]:
        warn_of_refusals(module, refused)
    elif refused:
        reasons = [
            f"{one['service']} {one['group']}: {one['reason']}\n{one['hint']}" for one in refused
        ]
        module.fail_json(msg="\n".join([*reasons, "nothing was changed"]), changed=False, **result)


def warn_of_refusals(module: AnsibleModule, refused: list) -> None:
    """Warn of each management group that cannot have its rule."""
    for one in refused:
        module.warn(f"{one['service']} {one['group']}: {one['reason']}; {one['hint']}")
