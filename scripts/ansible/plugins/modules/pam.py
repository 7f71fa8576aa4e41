#!/usr/bin/python
# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Make or revert the change of PAM by which a login with a password unlocks the keyring."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pam
short_description: Let a login with a password unlock the keyring, proved first
version_added: 1.0.0
description:
  - Adds the rules of C(pam_gnome_keyring) to the PAM files of a service, usually sshd, with C(creds-setup-pam).
  - Before a byte is written, C(creds-setup-pam) proves that the change cannot lock anyone out, cannot let in anyone who
    was refused before, and does not change which other modules run or in what order.
  - If C(creds-setup-pam) is not installed on the target, the module carries it. The target then needs Python 3.9 or
    later and nothing else of creds-session. The copy is kept in a directory of root below C(/opt/creds-session), because
    the timer of O(confirm_within) runs it later.
author:
  - the creds-session authors (@creds-session)
extends_documentation_fragment:
  - creds_session.keyring.setup_pam
  - creds_session.keyring.setup_pam.rules
attributes:
  check_mode:
    description: Can run in check mode and return whether something would change, without changing anything.
    support: full
  diff_mode:
    description: Returns what changed or would change, as a unified diff.
    support: full
options:
  state:
    description:
      - V(present) makes the change, and V(absent) reverts exactly what an earlier run made.
    type: str
    choices: [present, absent]
    default: present
  services:
    description:
      - The PAM services to change.
      - Without it, these are C(sshd), and C(passwd) if it exists.
      - O(state=absent) reverts every service and ignores this option.
    type: list
    elements: str
    default: []
  confirm_within:
    description:
      - Revert the change after this time, unless C(creds-setup-pam confirm) confirms it from a new login.
      - The time is, for example, V(90s), V(10m) or V(1h), and at most 24 hours.
      - The role P(creds_session.keyring.rollout#role) makes this login.
    type: str
  accept_incomplete:
    description:
      - Change the other management groups if one of them cannot have its rule safely.
      - Without it, the module fails in that case and changes nothing.
    type: bool
    default: false
  root:
    description: Work on the system in this directory, for example a mounted image, instead of the target itself.
    type: path
    default: /
seealso:
  - module: creds_session.keyring.pam_info
"""

EXAMPLES = r"""
- name: Let a login with a password unlock the keyring
  creds_session.keyring.pam:
    state: present
  become: true

- name: Revert the change after ten minutes, unless somebody confirms it from a new login
  creds_session.keyring.pam:
    confirm_within: 10m
    skip_root: true
  become: true

- name: Undo exactly what was done
  creds_session.keyring.pam:
    state: absent
  become: true
"""

RETURN = r"""
changed_files:
  description: The files that were changed or restored. In check mode, the files that would be.
  returned: if something changed
  type: list
  elements: str
  sample: [/etc/pam.d/sshd]
reasons:
  description: The reason for each line that was added.
  returned: O(state=present)
  type: list
  elements: str
complete:
  description: Whether every management group that needs a rule has one that is reached.
  returned: O(state=present)
  type: bool
  sample: true
services:
  description: The verdict on each service before the change, as C(creds-setup-pam --json check) prints it.
  returned: O(state=present)
  type: list
  elements: dict
refused:
  description: The management groups that cannot have their rule, each with the reason and a hint.
  returned: if there are such groups
  type: list
  elements: dict
waits_for_confirmation:
  description: Until when a change waits for confirmation, and who made it. It is null if no change waits.
  returned: O(state=present)
  type: dict
program:
  description: The command line that starts C(creds-setup-pam) on the target, for a later C(confirm) or C(revert).
  returned: O(state=present)
  type: list
  elements: str
  sample: [/usr/local/sbin/creds-setup-pam]
rc:
  description: The exit code of C(creds-setup-pam).
  returned: if it failed
  type: int
  sample: 73
meaning:
  description: What the exit code means.
  returned: if it failed
  type: str
  sample: a file cannot be written
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.creds_session.keyring.plugins.module_utils import pam_files, setup_pam
from ansible_collections.creds_session.keyring.plugins.module_utils.command import (
    fail,
    run,
    text_of,
)
from ansible_collections.creds_session.keyring.plugins.module_utils.judged import (
    is_judged,
    judged,
    require_safe,
    warn_of_refusals,
)

PROGRAM = setup_pam.NAME
NOT_BEGUN = (64, 65, 66, 69, 75, 77)
"""Exit codes of ``apply`` with which it has changed nothing."""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "confirm_within": {"type": "str"},
            "accept_incomplete": {"type": "bool", "default": False},
            **setup_pam.OPTIONS,
        },
        supports_check_mode=True,
    )
    if module.params["state"] == "absent":
        absent(module)
    present(module)


def present(module: AnsibleModule) -> None:
    """Make the change, or say what it would be."""
    is_here = module.params["root"] == "/"
    program = setup_pam.command_of(module, keep=is_here and not module.check_mode)
    if module.check_mode:
        _looked(module, run(module, setup_pam.words(module, program, "diff")), program)
    _apply(module, program)


def _looked(module: AnsibleModule, seen, program: list) -> None:
    """End the module with what a change would do."""
    result = judged(module, seen, program)
    require_safe(module, result)
    if seen.values["change_needed"]:
        result["changed_files"] = _named_in(seen.values["diff"])
    # Only an apply finishes what a run that was ended had begun.
    is_needed = seen.values["change_needed"] or bool(seen.values.get("unfinished_run"))
    module.exit_json(changed=is_needed, **result)


def _apply(module: AnsibleModule, program: list) -> None:
    """Make the change. The program judges in the same run, so that it need not run twice."""
    within = module.params["confirm_within"]
    options = ("--confirm-within", within) if within else ()
    if not module.params["accept_incomplete"]:
        options += ("--complete",)
    done = run(module, setup_pam.words(module, program, "apply", *options))
    if not is_judged(done):
        _explain_failure(module, done, program)
    values = done.values
    result = judged(module, done, program)
    warn_of_refusals(module, result.get("refused", []))
    if not values["change_needed"]:
        module.exit_json(changed=False, **result)
    if done.code != 0:
        module.warn(f"the change is made, and is not complete: {text_of(done, PROGRAM)}")
    module.exit_json(
        changed=True,
        changed_files=values["changed"],
        user_managers=values["user_managers"],
        **{**result, "complete": done.code == 0},
    )


def _explain_failure(module: AnsibleModule, done, program: list) -> None:
    """End the module after a change that could not be made, with what there was to change."""
    seen = run(module, setup_pam.words(module, program, "diff"))
    if done.code not in NOT_BEGUN:
        fail(module, done, PROGRAM, changed=_may_have_changed(seen))
    if not is_judged(seen):
        fail(module, done, PROGRAM, changed=False)
    result = judged(module, seen, program)
    require_safe(module, result)
    if seen.values["change_needed"]:
        fail(module, done, PROGRAM, changed=False)
    module.exit_json(changed=False, **result)


def _may_have_changed(seen) -> bool:
    """Return whether a run that ended unexpectedly may have changed files, after a look at them."""
    if not is_judged(seen):
        return True
    values = seen.values
    is_unfinished = bool(values.get("unfinished_run") or values["waits_for_confirmation"])
    return is_unfinished or not values["change_needed"]


def _named_in(diff: str) -> list:
    """Return the paths that a unified diff changes."""
    return [line[4:] for line in diff.splitlines() if line.startswith("+++ ")]


def absent(module: AnsibleModule) -> None:
    """Revert the change, or say what a revert would do."""
    # Not the kept copy, which is removed at the end, and which may be damaged.
    program = setup_pam.command_of(module, keep=False, use_kept=False)
    root = module.params["root"]
    trial = run(
        module, [*program, "--json", "--root", pam_files.copy_for_revert(module, root), "revert"]
    )
    if trial.code != 0:
        fail(module, trial, PROGRAM, changed=False)
    paths = trial.values.get("changed", [])
    before = pam_files.contents(root, paths)
    if module.check_mode:
        after = pam_files.contents(f"{module.tmpdir}/copy", paths)
    else:
        paths = _revert(module, program)
        after = pam_files.contents(root, paths)
    diff = {"prepared": pam_files.unified(before, after)}
    more = {"changed_files": paths, "diff": diff} if paths else {}
    module.exit_json(changed=bool(paths), **more)


def _revert(module: AnsibleModule, program: list) -> list:
    """Revert; return the files that were restored."""
    done = run(module, setup_pam.words(module, program, "revert"))
    if done.code != 0:
        fail(module, done, PROGRAM, changed=False)
    if module.params["root"] == "/":
        setup_pam.remove_kept()
    return done.values.get("changed", [])


if __name__ == "__main__":
    main()
