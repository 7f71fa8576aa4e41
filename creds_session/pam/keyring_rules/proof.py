"""Prove that an edit is safe, for every combination of values that the modules may return.

``before`` is the service without any rule of pam_gnome_keyring, ``after`` is the candidate. Both
stacks are walked in step: every other module returns the same in both, and pam_gnome_keyring
returns any value that its source allows, or its file is missing. What is known about a module
narrows what it may return (``returns``). Each breach below is excluded:

LOCK_OUT         a success before is a failure after
LET_IN           a failure before is a success after
RUNS_OTHERWISE   other modules run than before, or in another order
NOT_REACHED      the password was right, and pam_gnome_keyring did not run after it was typed
PASSED_BY        a login succeeds without pam_gnome_keyring and without any check of the person
STARTS_EARLY     pam_gnome_keyring starts a daemon in auth before the password was accepted

The end of a session lets nobody in and locks nobody out: in close_session only the order counts,
and CLOSES_OTHERWISE is looked for separately. ANYBODY is about a stack alone, not about an edit:
see ``denial``.
"""

from __future__ import annotations

from functools import partial

from creds_session.pam.keyring_rules.choices import Possible, Returns, anything
from creds_session.pam.keyring_rules.counterexample import Counterexample
from creds_session.pam.keyring_rules.denial import way_in
from creds_session.pam.keyring_rules.policy import keyring_returns, may_judge
from creds_session.pam.keyring_rules.walks import Aim, walk_both
from creds_session.pam.modules.conditions import vouches
from creds_session.pam.modules.returns import possible_returns
from creds_session.pam.stack.handlers import Stacks
from creds_session.pam.syntax.terms import ManagementGroup, Pass, ReturnValue

REACHING = {
    ManagementGroup.AUTH: Pass.AUTHENTICATE,
    ManagementGroup.PASSWORD: Pass.UPDATE,
    ManagementGroup.SESSION: Pass.OPEN_SESSION,
}


def refute(
    before: Stacks,
    after: Stacks,
    group: ManagementGroup,
    *,
    strict: bool = False,
    may_let_in: bool = False,
) -> Counterexample | None:
    """Return a counterexample to the safety of the candidate's rules of one group, or None.

    ``strict``: pam_gnome_keyring may return any value at all. ``may_let_in``: a success after a
    failure is no breach, so that another one is found behind it.
    """
    returns = partial(keyring_returns, strict=strict)
    aim = Aim.LOCK_OUT if may_let_in else Aim.VERDICTS
    return _refute(before, after, group, returns, aim=aim)


def refute_unknowing(
    before: Stacks, after: Stacks, group: ManagementGroup, *, strict: bool = False
) -> Counterexample | None:
    """Return a counterexample as ``refute`` does, without assumptions about other modules.

    Such a proof does not depend on the tables of modules.
    """
    return _refute(before, after, group, partial(keyring_returns, strict=strict), anything)


def refute_start(before: Stacks, after: Stacks) -> Counterexample | None:
    """Return how an auth rule of ours starts a daemon too early, or None.

    Too early is before a password module has returned success: if there is no keyring yet, a daemon
    that is started with a wrong password creates a keyring with that password (gkd-login.c).
    """
    return walk_both(before.auth, after.auth, Pass.AUTHENTICATE, keyring_returns, Aim.STARTS_EARLY)


def refute_removal(now: Stacks, then: Stacks, group: ManagementGroup) -> Counterexample | None:
    """Return a result that the removal of our rules from ``now`` would change, or None.

    A jump may have come to count our rules. pam_gnome_keyring is assumed to return ignore, because
    results that it decided itself shall not be kept.
    """
    return _refute(then, now, group, _ignoring)


def _ignoring(_pass: Pass) -> tuple[ReturnValue, ...]:
    return (ReturnValue.IGNORE,)


def _refute(
    before: Stacks,
    after: Stacks,
    group: ManagementGroup,
    returns: Returns,
    possible: Possible = possible_returns,
    aim: Aim = Aim.VERDICTS,
) -> Counterexample | None:
    stacks = before.of(group), after.of(group)
    for pass_ in (pass_ for pass_ in Pass if pass_.group is group):
        # The end of a session lets nobody in and locks nobody out.
        sought = Aim.ORDER if pass_ is Pass.CLOSE_SESSION else aim
        found = walk_both(*stacks, pass_, returns, sought, possible)
        if found is not None:
            return found
    return None


def refute_closing(before: Stacks, after: Stacks, *, knowing: bool = True) -> Counterexample | None:
    """Return how close_session would return something else than before, or None.

    That harms nobody, but an edit without it is better. ``knowing=False`` assumes nothing about
    other modules.
    """
    stacks = before.session, after.session
    possible = possible_returns if knowing else anything
    return walk_both(*stacks, Pass.CLOSE_SESSION, keyring_returns, Aim.VERDICTS, possible)


def refute_denial(now: Stacks, without: Stacks | None = None) -> Counterexample | None:
    """Return how a wrong password is let in, or None.

    Every module that checks the person then returned an error, or did not run. The result is None
    for a service without a module that is known to check the password, because it lets people in
    without a password on purpose; but not if our rules let them in. ``without`` is the service
    without these; None if it has none.
    """
    found = way_in(now.auth)
    if found is not None or without is None:
        return found
    has_only_ours = without.auth.is_other and not now.auth.is_other
    if has_only_ours or way_in(without.auth, is_on_purpose=False) is None:
        return way_in(now.auth, is_on_purpose=False)
    return None


def refute_unknown(before: Stacks, after: Stacks) -> Counterexample | None:
    """Return how a module that may check the password lets people in before our rule, or None."""
    if not may_judge(after.auth.handlers):
        return None
    stacks = before.auth, after.auth
    return walk_both(*stacks, Pass.AUTHENTICATE, keyring_returns, Aim.REACHED_BY_UNKNOWN)


def refute_reach(
    before: Stacks, after: Stacks, group: ManagementGroup, *, early_start: bool = False
) -> Counterexample | None:
    """Return a success for which pam_gnome_keyring did not run as it must, or None.

    ``early_start``: in auth it must have started a daemon, but never with a wrong password.
    """
    pass_, stacks = REACHING[group], (before.of(group), after.of(group))
    if not early_start or group is not ManagementGroup.AUTH:
        return walk_both(*stacks, pass_, keyring_returns, Aim.REACHED)
    missed = walk_both(*stacks, pass_, keyring_returns, Aim.REACHED_TO_START)
    return missed or refute_start(before, after)


def checks_person(stacks: Stacks, group: ManagementGroup) -> bool:
    """Return whether a module of a group may confirm who the person is."""
    stack = stacks.of(group)
    return any(vouches(handler, stack.service) for handler in stack.handlers)


def lets_nobody_in(without: Stacks, group: ManagementGroup) -> bool:
    """Return whether a service without rules of ours cannot succeed in auth or password.

    It is known for a group in which no module checks the person.
    """
    # Without a rule of ours, each success is one that misses it.
    return not checks_person(without, group) and refute_reach(without, without, group) is None
