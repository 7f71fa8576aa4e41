"""Whether an edit is safe: over all that the modules may return, by walking both stacks at once.

``before`` is the service without any rule of pam_gnome_keyring, ``after`` is the candidate. Both
are walked in step: every other module returns the same to both, pam_gnome_keyring anything it is
documented to or that it is missing. What is known of a module narrows what it may return
(``returns``). What must hold:

LOCK_OUT         no success before becomes a failure after
LET_IN           no failure before becomes a success after
RUNS_OTHERWISE   every other module runs as before, in the same order
NOT_REACHED      where the password was right, pam_gnome_keyring ran after it was asked for
PASSED_BY        nobody is let in past pam_gnome_keyring whom no module has vouched for
STARTS_EARLY     pam_gnome_keyring starts no daemon in auth before the password was right

The end of a session lets nobody in and turns nobody away: in close_session only the order counts,
and CLOSES_OTHERWISE is asked for on its own. ANYBODY is of the stack alone, not of an edit: see
``denial``.
"""

from __future__ import annotations

from functools import partial

from creds_session.pam.keyring_rules.choices import Possible, Returns, anything
from creds_session.pam.keyring_rules.counterexample import Counterexample
from creds_session.pam.keyring_rules.denial import way_in
from creds_session.pam.keyring_rules.policy import keyring_returns, may_judge
from creds_session.pam.keyring_rules.walks import Aim, walk_both
from creds_session.pam.modules.returns import possible_returns
from creds_session.pam.stack.handlers import Stacks
from creds_session.pam.syntax.terms import ManagementGroup, Pass, ReturnValue

REACHING = {
    ManagementGroup.AUTH: Pass.AUTHENTICATE,
    ManagementGroup.PASSWORD: Pass.UPDATE,
    ManagementGroup.SESSION: Pass.OPEN_SESSION,
}


def refute(
    before: Stacks, after: Stacks, group: ManagementGroup, *, strict: bool = False
) -> Counterexample | None:
    """Return a counterexample to the safety of the candidate's rules of one group, or None.

    ``strict``: pam_gnome_keyring may return any value at all.
    """
    return _refute(before, after, group, partial(keyring_returns, strict=strict))


def refute_unknowing(
    before: Stacks, after: Stacks, group: ManagementGroup, *, strict: bool = False
) -> Counterexample | None:
    """Return a counterexample as ``refute`` does, taking nothing for granted of other modules.

    What holds so needs no table to be right.
    """
    return _refute(before, after, group, partial(keyring_returns, strict=strict), anything)


def refute_start(before: Stacks, after: Stacks) -> Counterexample | None:
    """Return a way to an auth rule of ours that starts a daemon too early, or None.

    Too early is before a password module returned success: a daemon that is started with a
    wrong password makes a keyring of it where there is none (gkd-login.c).
    """
    return walk_both(before.auth, after.auth, Pass.AUTHENTICATE, keyring_returns, Aim.STARTS_EARLY)


def refute_removal(now: Stacks, then: Stacks, group: ManagementGroup) -> Counterexample | None:
    """Return a verdict that taking our rules out of ``now`` would change, or None.

    Others may have counted our rules in a jump since. pam_gnome_keyring is taken to return
    ignore: what it decided itself, where someone let it, is not missed.
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
) -> Counterexample | None:
    stacks = before.of(group), after.of(group)
    for pass_ in (pass_ for pass_ in Pass if pass_.group is group):
        # Nobody is let in or turned away by the end of a session.
        aim = Aim.ORDER if pass_ is Pass.CLOSE_SESSION else Aim.VERDICTS
        found = walk_both(*stacks, pass_, returns, aim, possible)
        if found is not None:
            return found
    return None


def refute_closing(before: Stacks, after: Stacks, *, knowing: bool = True) -> Counterexample | None:
    """Return a way on which close_session would report something else than before, or None.

    It harms nobody: of two edits the one is better that does not do it. Without ``knowing``
    nothing is taken for granted of other modules.
    """
    stacks = before.session, after.session
    possible = possible_returns if knowing else anything
    return walk_both(*stacks, Pass.CLOSE_SESSION, keyring_returns, Aim.VERDICTS, possible)


def refute_denial(now: Stacks) -> Counterexample | None:
    """Return a way on which a wrong password is let in, or None.

    On it every module that judges the person returned an error, or was not run. A service without
    a module that is known to judge the password is not judged: it lets people in without one on
    purpose.
    """
    return way_in(now.auth)


def refute_unknown(before: Stacks, after: Stacks) -> Counterexample | None:
    """Return a login that a module that may judge the password lets in past our rule, or None."""
    if not may_judge(after.auth.handlers):
        return None
    stacks = before.auth, after.auth
    return walk_both(*stacks, Pass.AUTHENTICATE, keyring_returns, Aim.REACHED_BY_UNKNOWN)


def refute_reach(
    before: Stacks, after: Stacks, group: ManagementGroup, *, early_start: bool = False
) -> Counterexample | None:
    """Return a success on which pam_gnome_keyring did not run as it must, or None.

    ``early_start``: in auth it must have started a daemon, and with no wrong password.
    """
    pass_, stacks = REACHING[group], (before.of(group), after.of(group))
    if not early_start or group is not ManagementGroup.AUTH:
        return walk_both(*stacks, pass_, keyring_returns, Aim.REACHED)
    missed = walk_both(*stacks, pass_, keyring_returns, Aim.REACHED_TO_START)
    return missed or refute_start(before, after)
