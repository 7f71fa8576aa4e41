# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Change PAM on one host, and confirm the change by a login from the controller.

    look -> log in -> change, with a timer -> log in by SSH key -> log in by password and confirm -> look

If a login fails after the change, nobody confirms it, so the host reverts it by itself. The rollout
then stops: the records say so to the other hosts of the run, also if the play would go on.
"""

from __future__ import annotations

import json
import os
import shlex
import time

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.creds_session.keyring.plugins.plugin_utils import login, outcomes
from ansible_collections.creds_session.keyring.plugins.plugin_utils.records import (
    Records,
    run_of,
)
from ansible_collections.creds_session.keyring.plugins.plugin_utils.report import printable

PAM = "creds_session.keyring.pam"
PAM_INFO = "creds_session.keyring.pam_info"
PAM_OPTIONS = ("services", "only_add", "skip_root", "strict", "executable")
SPEC = {
    "directory": {"type": "path", "required": True},
    "login_user": {"type": "str", "required": True},
    "login_password": {"type": "str", "required": True, "no_log": True},
    "become_password": {"type": "str", "no_log": True},
    "key_login": {"type": "bool", "default": True},
    "confirm_within": {"type": "str", "default": "10m"},
    "login_timeout": {"type": "float", "default": 30},
    "revert_timeout": {"type": "float", "default": 660},
    "on_refusal": {"type": "str", "choices": ["stop", "continue"], "default": "stop"},
    "services": {"type": "list", "elements": "str", "default": []},
    "only_add": {"type": "bool", "default": False},
    "skip_root": {"type": "bool", "default": False},
    "strict": {"type": "bool", "default": False},
    "executable": {"type": "path"},
}
POLL = 2.0  # seconds between two looks at a host that is to revert


class Stop(Exception):
    """The host did not reach the wanted state."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class ActionModule(ActionBase):
    """Work on one host, and write down each step."""

    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """Return the outcome for this host."""
        result = super().run(tmp, task_vars)
        self._given = self.validate_argument_spec(argument_spec=SPEC)[1]
        self._vars = task_vars or {}
        self._host = self._vars["inventory_hostname"]
        try:
            self._records = Records(self._given["directory"])
        except OSError as error:
            return {**result, "failed": True, "msg": f"the records cannot be kept: {error}"}
        if login.pexpect is None:
            return {**result, "failed": True, "msg": "pexpect is not installed on the controller"}
        if self._connection.transport != "ssh":
            return {**result, "failed": True, "msg": "rollout_host needs the connection plugin ssh"}
        refusal = self._may_not_begin()
        if refusal:
            return {**result, "failed": True, "changed": False, "msg": refusal}
        return {**result, **self._outcome()}

    def _may_not_begin(self) -> str:
        """Return why this host may not be touched in this run, or an empty string."""
        run = run_of(os.getppid())  # all hosts of one run share the process ansible-playbook
        hosts = self._vars.get("ansible_play_hosts_all", [self._host])
        batch = self._vars.get("ansible_play_batch", [self._host])
        stopped, has_canary = self._records.begin(run, hosts, batch)
        if stopped:
            return f"the rollout stopped at {stopped['host']}; {self._host} was not touched"
        if not has_canary and not self._task.check_mode:
            return (
                "no host is done yet, so begin with one canary: set serial to [1, ...] in the play"
            )
        return ""

    def _outcome(self) -> dict:
        self._record = {
            "host": self._host,
            "outcome": outcomes.IN_PROGRESS,
            "reason": "",
            "steps": [],
            "earlier": _earlier(self._records.of(self._host)),
        }
        self._records.write(self._host, self._record, stops=False)
        self._is_begun = is_changed = False
        try:
            outcome, reason = self._work()
            is_changed = outcome in (outcomes.CONFIRMED, outcomes.WOULD_CHANGE)
        except Stop as stop:
            outcome, reason = stop.outcome, stop.reason
        except Exception as error:  # noqa: BLE001 - then the other hosts wait
            outcome = outcomes.UNKNOWN if self._is_begun else outcomes.NOT_CHANGED
            reason = f"{type(error).__name__}: {error}"
        is_failed = outcome not in (*outcomes.GOOD, outcomes.WOULD_CHANGE)
        if outcome == outcomes.REFUSED and self._given["on_refusal"] == "continue":
            is_failed = False
        self._record.update(outcome=outcome, reason=reason)
        self._records.write(self._host, self._record, stops=is_failed)
        message = f"{outcomes.MEANINGS[outcome]} {reason}".strip()
        return {"changed": is_changed, "failed": is_failed, "outcome": outcome, "msg": message}

    def _work(self) -> tuple:
        """Carry out the steps; return the outcome. Raises Stop."""
        seen = self._look("looked at the PAM files", with_files=True)
        if not seen.get("judged"):
            raise Stop(outcomes.NOT_CHANGED, seen.get("problem") or seen.get("msg", ""))
        waits = seen.get("waits_for_confirmation")
        if not seen["change_needed"] and not waits:
            if seen["healthy"]:
                return outcomes.NOTHING_TO_DO, ""
            raise Stop(outcomes.REFUSED, _problems(seen))
        if self._task.check_mode:
            return self._would()
        if not waits:
            self._records.keep_snapshot(self._host, seen["files"])
            self._step("kept a snapshot of the PAM files")
            self._log_in(outcomes.NO_LOGIN_BEFORE)
        before = _digests(self._records.snapshot(self._host))
        program = self._apply(before)
        self._confirm(program, before)
        return outcomes.CONFIRMED, ""

    def _would(self) -> tuple:
        done = self._module(PAM, **self._pam_options())
        if done.get("failed"):
            raise Stop(outcomes.REFUSED if "refused" in done else outcomes.NOT_CHANGED, done["msg"])
        return outcomes.WOULD_CHANGE, ""

    def _apply(self, before: str) -> list:
        """Make the change with a timer; return the program that confirms it."""
        within = self._given["confirm_within"]
        self._is_begun = True
        done = self._module(PAM, confirm_within=within, **self._pam_options())
        if done.get("unreachable") or (done.get("failed") and not _is_own_word(done)):
            reason = f"the host did not say that the change is made: {done.get('msg', '')}"
            self._step(reason)
            self._wait_for_revert(before, reason)
        if done.get("failed"):
            raise Stop(outcomes.REFUSED if "refused" in done else outcomes.NOT_CHANGED, done["msg"])
        files = ", ".join(done.get("changed_files", ())) or "no file"
        self._step(f"changed {files}; the host reverts that after {within} unless it is confirmed")
        return done["program"]

    def _confirm(self, program: list, before: str) -> None:
        """Confirm the change by a new login. If that fails, wait for the revert. Raises Stop."""
        try:
            self._log_in_by_key()
            _require_success(*self._log_in_by_password([*program, "--json", "confirm"]))
        except login.LoginFailed as error:
            self._step(str(error))
            self._wait_for_revert(before, str(error))
        self._step(f"a new login of {self._given['login_user']} by password confirmed the change")
        seen = self._look("looked at the PAM files again")
        if seen.get("change_needed", True) or seen.get("waits_for_confirmation"):
            raise Stop(outcomes.UNKNOWN, "the change was confirmed, and is not in place now")

    def _wait_for_revert(self, before: str, reason: str) -> None:
        """Wait until the PAM files are as they were. Raises Stop in any case."""
        limit = time.monotonic() + self._given["revert_timeout"]
        while time.monotonic() < limit:
            seen = self._module(PAM_INFO, with_files=True, **self._pam_options())
            if (
                seen.get("files")
                and _digests(seen["files"]) == before
                and not seen.get("waits_for_confirmation")
            ):
                self._step("the host reverted the change: its PAM files are as they were")
                raise Stop(outcomes.REVERTED, reason)
            if seen.get("unreachable"):
                self._connection.reset()
            time.sleep(POLL)
        seconds = self._given["revert_timeout"]
        raise Stop(outcomes.UNKNOWN, f"{reason}\nno revert was seen within {seconds:g} s")

    def _log_in(self, outcome: str) -> None:
        """Log in in both ways before anything is changed. Raises Stop."""
        try:
            self._log_in_by_key()
            self._log_in_by_password([])
        except login.LoginFailed as error:
            raise Stop(outcome, str(error)) from error
        self._step("a login worked before the change")

    def _log_in_by_key(self) -> None:
        if self._given["key_login"]:
            key = self._connection.get_option("private_key_file")
            user = self._connection.get_option("remote_user") or self._given["login_user"]
            login.by_key(self._target(), user, key)
            self._step(f"a new login of {user} by SSH key worked")

    def _log_in_by_password(self, command: list) -> tuple:
        given = self._given
        names = given["login_user"], given["login_password"]
        return login.by_password(self._target(), *names, command, given["become_password"])

    def _target(self) -> login.Target:
        option = self._connection.get_option
        words = [option("ssh_args"), option("ssh_common_args"), option("ssh_extra_args")]
        if not option("host_key_checking"):
            words.append("-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null")
        options = [word for text in words if text for word in shlex.split(text)]
        return login.Target(
            option("host") or self._host, option("port"), options, self._given["login_timeout"]
        )

    def _look(self, step: str, *, with_files: bool = False) -> dict:
        seen = self._module(PAM_INFO, with_files=with_files, **self._pam_options())
        if seen.get("unreachable") or seen.get("failed"):
            raise Stop(outcomes.NOT_CHANGED, seen.get("msg", "the host does not answer"))
        self._step(step)
        return seen

    def _pam_options(self) -> dict:
        return {name: self._given[name] for name in PAM_OPTIONS if self._given[name] is not None}

    def _module(self, name: str, **arguments) -> dict:
        """Run a module on the host. A host that does not answer gives ``unreachable``."""
        try:
            return self._execute_module(
                module_name=name, module_args=arguments, task_vars=self._vars
            )
        except AnsibleConnectionFailure as error:
            return {"unreachable": True, "msg": str(error)}

    def _step(self, step: str) -> None:
        self._record["steps"].append({"at": time.time(), "step": step})
        self._records.write(self._host, self._record, stops=False)
        self._display.vv(printable(f"{self._host}: {step}"))


def _require_success(code: int, output: str) -> None:
    """Raise LoginFailed if the login did not confirm the change."""
    if code != 0:
        words = " ".join(output.split())
        raise login.LoginFailed(f"the login worked, and confirm exited {code}: {words}")


def _is_own_word(done: dict) -> bool:
    """Return whether the module itself failed, and says that it changed nothing."""
    return ("refused" in done or "meaning" in done) and not done.get("changed")


def _earlier(record: dict) -> list:
    """Return what earlier runs did to a host, the last one at the end."""
    if not record:
        return []
    last = {"outcome": record["outcome"], "reason": record["reason"], "steps": record["steps"]}
    return [*record.get("earlier", []), last]


def _digests(files: list) -> str:
    """Return what the PAM files are, in a form that can be compared."""
    names = ("path", "mode", "uid", "gid", "sha256")
    return json.dumps([[file[name] for name in names] for file in files])


def _problems(seen: dict) -> str:
    """Return what is wrong with the rules, one line for each management group."""
    lines = []
    for service in seen["services"]:
        lines += [
            f"{service['service']} {refused['group']}: {refused['reason']}\n{refused['hint']}"
            for refused in service["refused"]
        ]
        lines += [
            f"{service['service']} {group['group']}: {group['lets_wrong_password_in']}"
            for group in service["groups"]
            if "lets_wrong_password_in" in group
        ]
    return "\n".join(lines) or "the rules are not complete; creds-setup-pam check says why"
