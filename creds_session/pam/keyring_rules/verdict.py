"""Judge a service: for each management group, whether our rule is present, reached and safe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.broken import refuse_hopeless_rules, refuse_unloadable
from creds_session.pam.keyring_rules.counterexample import Breach, Counterexample
from creds_session.pam.keyring_rules.denial_remedy import remedy
from creds_session.pam.keyring_rules.group_needs import needs_rule, why_not_needed
from creds_session.pam.keyring_rules.group_notes import early_starts, notes_on_group
from creds_session.pam.keyring_rules.group_verdict import GroupVerdict
from creds_session.pam.keyring_rules.names import MODULE, is_of_another_person
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.policy import (
    excluded_by_only_if,
    is_keyring,
    starts_daemon,
    wanted_rules,
    why_ineffective,
)
from creds_session.pam.keyring_rules.proof import (
    checks_person,
    lets_nobody_in,
    refute,
    refute_denial,
    refute_reach,
)
from creds_session.pam.stack.handlers import Handler, Stacks
from creds_session.pam.stack.resolve import Read
from creds_session.pam.syntax.terms import Dialect, ManagementGroup


class _Compared(NamedTuple):
    """A service without our rules, and as it is; the files that both come from.

    ``strict`` and ``early_start`` are as in ``verdicts_of_service``.
    """

    without: Stacks
    now: Stacks
    files: PamFiles
    strict: bool
    early_start: bool

    def rules(self, group: ManagementGroup) -> list[Handler]:
        """Return the rules of pam_gnome_keyring that a group has."""
        return [handler for handler in self.now.of(group).handlers if is_keyring(handler)]

    def harm(self, group: ManagementGroup, *, may_let_in: bool = False) -> Counterexample | None:
        """Return a counterexample to the safety of the rules that a group has, or None.

        ``may_let_in``: that somebody is let in is no harm.
        """
        if not self.rules(group):
            return None
        return refute(self.without, self.now, group, strict=self.strict, may_let_in=may_let_in)


def verdicts(
    service: str,
    read: Read,
    dialect: Dialect,
    *,
    strict: bool = False,
    early_start: bool = False,
) -> tuple[GroupVerdict, ...]:
    """Return the verdict on each group that matters to the keyring, as libpam runs it.

    ``read`` returns the bytes of a path, or None. ``strict`` and ``early_start`` are as in
    ``verdicts_of_service``.

    Raises:
        InvalidData: libpam cannot load the service, or the service always fails.
    """
    files = PamFiles(read, dialect)
    return verdicts_of_service(service, files, strict=strict, early_start=early_start)


def verdicts_of_service(
    service: str, files: PamFiles, *, strict: bool = False, early_start: bool = False
) -> tuple[GroupVerdict, ...]:
    """Return the verdict on each group that matters to the keyring, as libpam runs it.

    ``strict``: pam_gnome_keyring may return any value at all. ``early_start``: the auth rule must
    start the daemon, and never with a wrong password.

    Raises:
        InvalidData: libpam cannot load the service, or the service always fails.
    """
    now = files.stacks(service)
    # The proof compares two services. If both always fail, it holds and says nothing.
    refuse_unloadable(service, now.failure, files.read)
    refuse_hopeless_rules(now, files)
    without = files.without_our_rules().stacks(service)
    compared = _Compared(without, now, files, strict, early_start)
    _refuse_unsafe_account(compared)
    groups = [wanted.group for wanted in wanted_rules(service)]
    found = tuple(_group_verdict(compared, group) for group in groups)
    if is_of_another_person(service):
        found += (_session_of_another(compared),)
    return found


def _session_of_another(compared: _Compared) -> GroupVerdict:
    """Return the verdict on a session that is not the login of the person who types the password.

    No rule of ours is wanted there.
    """
    group, service = ManagementGroup.SESSION, compared.now.session.service
    rules, unsafe = compared.rules(group), compared.harm(group)
    note = f"the session of {service} is not the login of the person who types the password"
    starting = [rule.place for rule in rules if starts_daemon(rule, service)]
    problem = _unsafe_problem(unsafe, rules) if unsafe else ""
    if starting and not problem:
        places = " and ".join(dict.fromkeys(starting))
        problem = f"{places}: auto_start starts a daemon that unlocks nothing: {note}"
    return GroupVerdict(
        group,
        present=bool(rules),
        reached=bool(rules),
        applies=False,
        problem=problem,
        is_unsafe=bool(unsafe),
        notes=(note,),
    )


def duplicate_password_rules(service: str, files: PamFiles) -> str:
    """Return where the password group calls pam_gnome_keyring more than once, or "".

    The second rule gives the daemon the old password, which is not the keyring's any more. The
    daemon refuses, and an error is logged at each change of the password
    (pam/gkr-pam-module.c:pam_sm_chauthtok).
    """
    rules = filter(is_keyring, files.stack(service, ManagementGroup.PASSWORD).handlers)
    places = [rule.place for rule in rules if not excluded_by_only_if(rule, service)]
    if len(places) < 2:  # noqa: PLR2004 - a duplicate needs two rules
        return ""
    return (
        f"{MODULE} changes the password {len(places)} times ({', '.join(places)}): all but the"
        " first log an error; remove them"
    )


def alarm(now: Stacks, without: Stacks | None, read: Read) -> tuple[str, str]:
    """Return how a wrong password is let in, and what to change; two empty strings if it is not.

    ``without`` is the service without our rules; None if it has none. ``read`` returns the bytes of
    a path, or None.
    """
    found = refute_denial(now, without)
    return (str(found), remedy(now.auth, found, read)) if found else ("", "")


def _refuse_unsafe_account(compared: _Compared) -> None:
    """Raise InvalidData for a rule of pam_gnome_keyring in account that decides a login."""
    unsafe = compared.harm(ManagementGroup.ACCOUNT)
    if unsafe is not None:
        rule = compared.rules(ManagementGroup.ACCOUNT)[0]
        raise InvalidData(
            f"{rule.place}: pam_gnome_keyring has no function in account: {unsafe}",
            hint="remove that rule",
        )


def _group_verdict(compared: _Compared, group: ManagementGroup) -> GroupVerdict:
    without, now, early_start = compared.without, compared.now, compared.early_start
    rules, unsafe = compared.rules(group), compared.harm(group)
    if not needs_rule(without, group):
        return _not_needed(compared, group, rules, unsafe)
    problem = _unsafe_problem(unsafe, rules) if unsafe else ""
    service = now.of(group).service
    missed = refute_reach(without, now, group, early_start=early_start)
    # A session rule without auto_start uses up the password that auth stored.
    is_spent = group is ManagementGroup.SESSION and any(
        why_ineffective(rule, service) and not excluded_by_only_if(rule, service) for rule in rules
    )
    reached = bool(rules) and missed is None and not is_spent
    if not problem and not reached:
        starts = not early_start or any(starts_daemon(rule, service) for rule in rules)
        problem = _why_not_reached(rules, missed, service, starts=starts)
    is_auth = group is ManagementGroup.AUTH
    let_in, let_in_remedy = _alarm(compared) if is_auth else ("", "")
    return GroupVerdict(
        group,
        bool(rules),
        reached,
        problem=problem,
        is_unsafe=bool(unsafe),
        alarm=let_in,
        notes=notes_on_group(without, now, group),
        alarm_remedy=let_in_remedy,
        early_starts=tuple(early_starts(without, now)) if is_auth else (),
    )


def _alarm(compared: _Compared) -> tuple[str, str]:
    return alarm(compared.now, compared.without, compared.files.read)


def _not_needed(
    compared: _Compared,
    group: ManagementGroup,
    rules: Sequence[Handler],
    unsafe: Counterexample | None,
) -> GroupVerdict:
    """Return the verdict on a group that needs no rule of ours; a rule there must do no harm."""
    without = compared.without
    present, reason = bool(rules), why_not_needed(without, group)
    # If nobody is checked, everybody got in before as well: LET_IN is then no harm of our rule.
    admits = bool(unsafe and unsafe.breach is Breach.LET_IN and _lets_anybody_in(without, group))
    if admits:
        unsafe = compared.harm(group, may_let_in=True)
    if unsafe is None:
        notes = [f"{rule.place}: this rule gets no password" for rule in rules]
        return GroupVerdict(group, present, present, applies=False, notes=(reason, *notes))
    let_in, let_in_remedy = _alarm(compared) if group is ManagementGroup.AUTH else ("", "")
    return GroupVerdict(
        group,
        present,
        present,
        applies=False,
        problem=_unsafe_problem(unsafe, rules, admits=admits),
        is_unsafe=True,
        alarm=let_in,
        notes=(reason,),
        alarm_remedy=let_in_remedy,
        admits=admits,
    )


def _lets_anybody_in(without: Stacks, group: ManagementGroup) -> bool:
    """Return whether people get in although no module checks them, which is then on purpose."""
    deciding = group if group is ManagementGroup.PASSWORD else ManagementGroup.AUTH
    return not (checks_person(without, deciding) or lets_nobody_in(without, deciding))


def _unsafe_problem(
    found: Counterexample, rules: Sequence[Handler], *, admits: bool = False
) -> str:
    """Return what the rules of ours break, where they are, and what to do.

    All of them are named: a jump can count a rule that never runs. ``admits`` is as in the verdict.
    """
    places = " and ".join(dict.fromkeys(rule.place for rule in rules))
    change = "remove that rule, or move it"
    if admits:
        change = "write a rule that lets the same people in, then remove it"
    return f"{found}\n  because {MODULE} is at {places}: {change}"


def _why_not_reached(
    rules: Sequence[Handler], missed: Counterexample | None, service: str, *, starts: bool
) -> str:
    if not rules:
        return "no rule of pam_gnome_keyring"
    for rule in rules:
        reason = why_ineffective(rule, service)
        if not reason and not starts:
            reason = "without auto_start the password is gone when the session begins"
        if reason:
            return f"{rule.place}: {reason}"
    return str(missed)
