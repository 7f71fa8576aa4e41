#!/usr/bin/python
# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Say who a change of PAM by any task or role locks out or lets in."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pam_judge
short_description: Say who a change of PAM by any task or role locks out or lets in
version_added: 1.0.0
description:
  - Compares the PAM files before and after a change with C(creds-setup-pam judge). The change may come from any module, role
    or person, and it may be about any PAM module. A keyring need not be involved.
  - With O(state=snapshot), the module keeps the PAM files before the change. With O(state=judged), it judges what has
    changed since then.
  - A finding has a counterexample, which is the rules that run and what each module returns. Findings fail the task only if
    O(fail_on) names their group.
  - The module never changes a PAM file. A snapshot is a temporary file, so it is not reported as a change.
  - If C(creds-setup-pam) is not installed on the target, the module carries it. The target then needs Python 3.9 or
    later and nothing else of creds-session.
author:
  - the creds-session authors (@creds-session)
extends_documentation_fragment:
  - creds_session.keyring.setup_pam
attributes:
  check_mode:
    description:
      - No snapshot is taken or removed. Without a snapshot or O(before), RV(judged) is false, because in check mode the other
        tasks change nothing either.
    support: full
  diff_mode:
    description: The module never changes anything.
    support: none
options:
  state:
    description:
      - V(snapshot) keeps C(/etc/pam.d), C(/etc/pam.conf) and the other directories of services that libpam reads, such as
        C(/usr/lib/pam.d), in C(/run/creds-session-ansible), which only root can read. So an update of the vendor's files
        is judged, too. Another usual directory, which only an updated libpam reads, counts as empty before the change. This
        requires root. A snapshot that exists already is kept, so that a play that was ended and is run again
        still judges the whole change.
      - V(judged) judges the change. The snapshot is then removed, unless the task fails.
      - V(absent) removes the snapshot. Use it after you have accepted a finding. A reboot removes the snapshot, too, and
        systemd removes a snapshot after a week.
    type: str
    choices: [snapshot, judged, absent]
    default: judged
  name:
    description: The name of the snapshot. Plays that overlap need different names.
    type: str
    default: pam
  force:
    description: With O(state=snapshot), replace a snapshot that exists.
    type: bool
    default: false
  before:
    description:
      - Judge with this directory instead of a snapshot. It is a copy of C(/etc/pam.d), made with C(cp -aL), or a
        directory with C(etc/pam.d) in it. If it has C(usr/lib/pam.d) too, made with C(cp -aL --parents), the files of
        the vendor are compared as well. Make that directory in the copy also if it does not exist yet. The module warns if
        the copy lacks a directory in which there are files now.
    type: path
  after:
    description: Judge this directory instead of the PAM files of the target.
    type: path
  services:
    description: Judge these PAM services. Without it, all services are judged.
    type: list
    elements: str
    default: []
  fail_on:
    description:
      - Fail the task if there is a finding of one of these groups.
      - V(locked_out) is a login or a change of the password that succeeded before and fails now, a service that libpam cannot
        load any more, and failed logins that are counted and never reset.
      - V(let_in) is a login or a change of the password that was refused before and succeeds now, also because a rule that
        refused people is gone, or because a new rule lets people in by a condition or a program.
      - V(disabled) is a module that does not run any more, a new rule whose module never runs, and a module
        that does not get the password any more.
      - V(any) is each of them.
    type: list
    elements: str
    choices: [locked_out, let_in, disabled, any]
    default: []
seealso:
  - module: creds_session.keyring.pam_info
"""

EXAMPLES = r"""
- name: Change PAM with a role, and stop the play if it locks somebody out or lets somebody in
  become: true
  block:
    - name: Keep the PAM files
      creds_session.keyring.pam_judge:
        state: snapshot

    - name: Harden
      ansible.builtin.include_role:
        name: hardening

    - name: Judge what the role did to PAM
      creds_session.keyring.pam_judge:
        fail_on: [locked_out, let_in]

- name: Judge the files against last night's backup, and only report
  creds_session.keyring.pam_judge:
    before: /var/backups/pam.d
    services: [sshd, sudo]
  become: true
"""

RETURN = r"""
msg:
  description: The findings with their counterexamples as the command prints them, and how many services were compared.
  returned: always
  type: str
  sample: |-
    sshd: someone who was refused before is let in, in authenticate, when
      pam_permit.so returns success  (added: /etc/pam.d/sshd:1)
      pam_unix.so returns auth_err  (removed: /etc/pam.d/sshd:1)
      the result was auth_err, and is success now
    2 services compared: 1 found
snapshot:
  description: The archive that holds the files, and the time in UTC when they were read, which is empty if there is no
    snapshot.
  returned: if O(before) is not given
  type: dict
  sample:
    path: /run/creds-session-ansible/pam.tar
    taken: '2026-11-26T20:00:00Z'
judged:
  description: Whether the change was judged. It is false in check mode if there is no snapshot.
  returned: O(state=judged)
  type: bool
found:
  description: Whether something was found.
  returned: O(state=judged)
  type: bool
locked_out:
  description: The services with a finding of the group V(locked_out).
  returned: O(state=judged)
  type: list
  elements: str
let_in:
  description: The services with a finding of the group V(let_in).
  returned: O(state=judged)
  type: list
  elements: str
  sample: [sshd]
disabled:
  description: The PAM modules with a finding of the group V(disabled).
  returned: O(state=judged)
  type: list
  elements: str
  sample: [pam_faillock.so]
findings:
  description: The findings as C(creds-setup-pam --json judge) prints them, each with its group.
  returned: if RV(judged) is true
  type: list
  elements: dict
  sample:
    - {group: let_in, kind: let_in, pass: authenticate, services: [sshd]}
notes:
  description:
    - What else has changed, each with services, topic, text and steps. A note never fails the task.
    - The topic C(runs_for_more) names modules that run now at logins at which a rule skipped them before. Its steps show
      such a login. With other topics, steps is an empty list.
  returned: if RV(judged) is true
  type: list
  elements: dict
  sample:
    - {services: [sshd], topic: removed, text: 'a rule was removed: auth pam_tally2.so  (/etc/pam.d/sshd:1)', steps: []}
services:
  description: The services that were compared.
  returned: if RV(judged) is true
  type: list
  elements: str
  sample: [login, sshd]
rc:
  description: The exit code of C(creds-setup-pam).
  returned: if the command failed
  type: int
  sample: 66
meaning:
  description: What the exit code means.
  returned: if the command failed
  type: str
  sample: a file, a service or a user does not exist
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.creds_session.keyring.plugins.module_utils import (
    pam_snapshot,
    setup_pam,
)
from ansible_collections.creds_session.keyring.plugins.module_utils.command import (
    fail,
    run,
    text_of,
)
from ansible_collections.creds_session.keyring.plugins.module_utils.pam_findings import (
    must_fail,
    result_of,
)
from ansible_collections.creds_session.keyring.plugins.module_utils.pam_snapshot import (
    Snapshot,
    SnapshotError,
)

LOOKED = (0, 1)  # nothing is found, and something is found


def take(module: AnsibleModule, snapshot: Snapshot) -> None:
    """Keep the PAM files, unless a snapshot is there."""
    taken = snapshot.taken()
    if taken and not module.params["force"]:
        message = f"the snapshot of {taken} is kept; nothing has judged it yet"
    elif module.check_mode:
        message = "a snapshot would be taken"
    else:
        pam_snapshot.require_root()
        snapshot.take(_directories(module))
        message = "the PAM files are kept"
    _exit(module, snapshot, message)


def _directories(module: AnsibleModule) -> list:
    """Return the directories of services that libpam reads on this machine.

    The program says so together with the files of one service, so it is asked about the first one.
    """
    names = pam_snapshot.service_names()
    if names:
        program = setup_pam.command_of(module, keep=False)
        options = ["--root", pam_snapshot.ROOT, "--json", "explain", "--files", "--service"]
        done = run(module, [*program, *options, names[0]])
        directories = done.values.get("directories") if done.code == 0 else None
        if directories:
            return directories
        why = text_of(done, setup_pam.NAME) or "no message"
        module.warn(
            f"{setup_pam.NAME} did not say which directories libpam reads ({why}), so the usual"
            f" directories are kept: {', '.join(pam_snapshot.USUAL)}"
        )
    return list(pam_snapshot.USUAL)


def remove(module: AnsibleModule, snapshot: Snapshot) -> None:
    """Remove the snapshot."""
    if not module.check_mode:
        snapshot.remove()
    message = "the snapshot would be removed" if snapshot.taken() else "there is no snapshot"
    _exit(module, snapshot, message)


def _exit(module: AnsibleModule, snapshot: Snapshot, message: str) -> None:
    module.exit_json(changed=False, msg=message, snapshot=_described(snapshot))


def _described(snapshot: Snapshot) -> dict:
    return {"path": snapshot.path, "taken": snapshot.taken()}


def judge(module: AnsibleModule, snapshot: Snapshot) -> None:
    """Judge the change, and fail if the options ask for that."""
    before = module.params["before"] or _unpacked(module, snapshot)
    found = _findings(module, before)
    if not module.params["before"]:
        found["snapshot"] = _described(snapshot)
    if must_fail(found["findings"], module.params["fail_on"]):
        if not module.params["before"]:
            found["msg"] += f"\nthe files before the change are in {snapshot.path}"
        module.fail_json(changed=False, **found)
    if not module.params["before"] and not module.check_mode:
        snapshot.remove()
    module.exit_json(changed=False, **found)


def _unpacked(module: AnsibleModule, snapshot: Snapshot) -> str:
    """Return a directory with the files of the snapshot."""
    if snapshot.taken():
        return snapshot.unpack(f"{module.tmpdir}/before")
    if module.check_mode:
        nothing = {"locked_out": [], "let_in": [], "disabled": [], "judged": False, "found": False}
        message = "there is no snapshot, so nothing is judged in check mode"
        module.exit_json(changed=False, msg=message, snapshot=_described(snapshot), **nothing)
    raise SnapshotError(
        f"there is no snapshot {snapshot.path}; take one with state=snapshot before the change, or"
        " name a copy of the files with before. A reboot removes a snapshot"
    )


def _findings(module: AnsibleModule, before: str) -> dict:
    """Run the command, and return what it found by groups."""
    program = setup_pam.command_of(module, keep=False)
    after = module.params["after"]
    options = ["--before", before, *(["--after", after] if after else [])]
    done = run(module, setup_pam.words(module, program, "judge", *options))
    values = done.values
    if done.code not in LOOKED or not values:
        fail(module, done, setup_pam.NAME, changed=False)
    warning = text_of(done, setup_pam.NAME)
    if warning:
        module.warn(warning)
    return result_of(values)


STATES = {"snapshot": take, "judged": judge, "absent": remove}


def main() -> None:
    """Run the module."""
    states, groups = list(STATES), ["locked_out", "let_in", "disabled", "any"]
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": states, "default": "judged"},
            "name": {"type": "str", "default": "pam"},
            "force": {"type": "bool", "default": False},
            "before": {"type": "path"},
            "after": {"type": "path"},
            "services": {"type": "list", "elements": "str", "default": []},
            "fail_on": {"type": "list", "elements": "str", "choices": groups, "default": []},
            "executable": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        STATES[module.params["state"]](module, Snapshot(module.params["name"]))
    except SnapshotError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
