"""What a service has: for each management group whether our rule is present, reached, safe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.broken import refuse_hopeless_rules, refuse_unloadable
from creds_session.pam.keyring_rules.counterexample import Breach, Counterexample
from creds_session.pam.keyring_rules.denial_remedy import remedy
from creds_session.pam.keyring_rules.policy import (
    GUARD_ACTIONS,
    GUARD_ARGUMENTS,
    GUARD_MODULE,
    MODULE,
    anchors,
    is_handing_over,
    is_keyring,
    is_of_another_person,
    kept_out,
    may_judge,
    shortcoming,
    starts_daemon,
    wanted_rules,
)
from creds_session.pam.keyring_rules.proof import (
    refute,
    refute_denial,
    refute_reach,
    refute_start,
    refute_unknown,
)
from creds_session.pam.modules.conditions import vouches
from creds_session.pam.modules.returns import is_known
from creds_session.pam.stack.handlers import Handler, Stacks
from creds_session.pam.stack.resolve import Read, resolve_all
from creds_session.pam.syntax.nodes import AtInclude, Malformed, Node, Rule
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect, ManagementGroup


class GroupVerdict(NamedTuple):
    """What one management group has: a rule of ours, reached where it must be, proved safe.

    ``problem`` says what is wrong, in one line or with the counterexample below; it is empty
    where all is well, and where there is nothing to do (``applies`` is False; ``notes`` say why).
    ``is_unsafe``: a rule of ours decides who gets in, or what else is run. ``alarm``: a wrong
    password is let in, whoever is to blame; ``alarm_remedy`` is what a person can change then.
    """

    group: ManagementGroup
    present: bool
    reached: bool
    applies: bool = True
    problem: str = ""
    is_unsafe: bool = False
    alarm: str = ""
    notes: tuple[str, ...] = ()
    alarm_remedy: str = ""


def judge(
    service: str,
    read: Read,
    dialect: Dialect,
    *,
    strict: bool = False,
    early_start: bool = False,
) -> tuple[GroupVerdict, ...]:
    """Say of each group that matters what is there, as libpam will run it.

    ``early_start``: the auth rule must start the daemon, and never with a wrong password.
    Raises InvalidData for a service that libpam cannot load, or that fails whatever happens.
    """
    now = resolve_all(service, read, dialect=dialect)
    refuse_unloadable(service, now.failure, read)
    refuse_hopeless_rules(now, read, dialect)
    without = resolve_all(service, without_ours(read, dialect), dialect=dialect)
    _refuse_unsafe_account(without, now, strict=strict)
    groups = [wanted.group for wanted in wanted_rules(service)]
    found = tuple(
        _group_verdict(without, now, group, read, strict=strict, early_start=early_start)
        for group in groups
    )
    if is_of_another_person(service):
        found += (_session_of_another(without, now, strict=strict),)
    return found


def _session_of_another(without: Stacks, now: Stacks, *, strict: bool) -> GroupVerdict:
    """Judge a session that is not the login of the person: there no rule of ours is wanted."""
    group, service = ManagementGroup.SESSION, now.session.service
    rules = [rule for rule in now.session.handlers if is_keyring(rule)]
    unsafe = refute(without, now, group, strict=strict) if rules else None
    note = f"the session of {service} is not the login of the person whose password is typed"
    starting = [place_of(rule) for rule in rules if starts_daemon(rule, service)]
    problem = _unsafe(unsafe, rules) if unsafe else ""
    if starting and not problem:
        places = " and ".join(dict.fromkeys(starting))
        problem = f"{places}: auto_start starts a daemon that opens nothing: {note}"
    is_there = bool(rules)
    return GroupVerdict(group, is_there, is_there, False, problem, bool(unsafe), notes=(note,))  # noqa: FBT003


def repeated(service: str, read: Read, dialect: Dialect) -> str:
    """Say where the password group calls pam_gnome_keyring again, or nothing.

    The second gives the daemon the old password, which it no longer has: it refuses, and an
    error is logged at each change (pam/gkr-pam-module.c:pam_sm_chauthtok).
    """
    handlers = resolve_all(service, read, dialect=dialect).password.handlers
    acting = (one for one in handlers if is_keyring(one) and not kept_out(one, service))
    places = [place_of(one) for one in acting]
    if len(places) < 2:  # noqa: PLR2004 - it takes two
        return ""
    return (
        f"{MODULE} changes the password {len(places)} times ({', '.join(places)}): all but the"
        " first log an error; take them out"
    )


def _refuse_unsafe_account(without: Stacks, now: Stacks, *, strict: bool) -> None:
    """Raise InvalidData for a rule of pam_gnome_keyring in account that decides a login."""
    unsafe = refute(without, now, ManagementGroup.ACCOUNT, strict=strict)
    if unsafe is not None:
        rule = next(handler for handler in now.account.handlers if is_keyring(handler))
        place = f"{rule.origin.file}:{rule.origin.line}"
        raise InvalidData(
            f"{place}: pam_gnome_keyring has nothing to say in account: {unsafe}",
            hint="remove that rule",
        )


def _group_verdict(
    without: Stacks,
    now: Stacks,
    group: ManagementGroup,
    read: Read,
    *,
    strict: bool,
    early_start: bool,
) -> GroupVerdict:
    rules = [handler for handler in now.of(group).handlers if is_keyring(handler)]
    unsafe = refute(without, now, group, strict=strict) if rules else None
    if not applies(without, group):
        return _left_alone(without, group, rules, unsafe)
    problem = _unsafe(unsafe, rules) if unsafe else ""
    service = now.of(group).service
    missed = refute_reach(without, now, group, early_start=early_start)
    spent = group is ManagementGroup.SESSION and any(
        shortcoming(rule, service) and not kept_out(rule, service) for rule in rules
    )
    reached = bool(rules) and missed is None and not spent
    if not problem and not reached:
        starts = not early_start or any(starts_daemon(rule, service) for rule in rules)
        problem = _why_not_reached(rules, missed, service, starts=starts)
    let_in = refute_denial(now) if group is ManagementGroup.AUTH else None
    return GroupVerdict(
        group,
        bool(rules),
        reached,
        problem=problem,
        is_unsafe=bool(unsafe),
        alarm=str(let_in or ""),
        notes=_notes(without, now, group),
        alarm_remedy=remedy(now.auth, let_in, read) if let_in else "",
    )


def _left_alone(
    without: Stacks,
    group: ManagementGroup,
    rules: Sequence[Handler],
    unsafe: Counterexample | None,
) -> GroupVerdict:
    """Judge a group that needs no rule of ours: one that is there must do no harm."""
    ours, note = bool(rules), why_left_alone(without, group)
    if unsafe is None or (unsafe.breach is Breach.LET_IN and _lets_anybody_in(without, group)):
        told = [f"{place_of(rule)}: this rule gets no password" for rule in rules]
        return GroupVerdict(group, ours, ours, applies=False, notes=(note, *told))
    problem = _unsafe(unsafe, rules)
    return GroupVerdict(group, ours, ours, False, problem, True, notes=(note,))  # noqa: FBT003


def _lets_anybody_in(without: Stacks, group: ManagementGroup) -> bool:
    """Tell whether no module judges the person: who is "let in" then got in on purpose."""
    deciding = group if group is ManagementGroup.PASSWORD else ManagementGroup.AUTH
    stack = without.of(deciding)
    return not any(vouches(handler, stack.service) for handler in stack.handlers)


def place_of(rule: Handler) -> str:
    """Return the file and the line of a rule."""
    return f"{rule.origin.file}:{rule.origin.line}"


def _unsafe(found: Counterexample, rules: Sequence[Handler]) -> str:
    """Tell what a rule of ours does, and which it is: a jump can count it though it never runs."""
    places = " and ".join(dict.fromkeys(map(place_of, rules)))
    return f"{found}\n  because {MODULE} stands at {places}: remove that rule, or move it"


def _notes(without: Stacks, now: Stacks, group: ManagementGroup) -> tuple[str, ...]:
    """Say what is taken for granted, and what a rule does beside its work."""
    told = [
        f"{rule.module} {_why_taken(rule)}, so it is taken to ask for the password"
        for rule in _anchors(without, group)
        if not is_known(rule) or is_handing_over(rule)
    ]
    if group is ManagementGroup.AUTH:
        told += _early(without, now)
        told += _let_in_past(without, now)
    return tuple(dict.fromkeys(told))


def _let_in_past(without: Stacks, now: Stacks) -> Iterator[str]:
    """Name a module of which little is known, and that lets people in past our rule."""
    is_there = any(map(is_keyring, now.auth.handlers))
    passed = refute_unknown(without, now) if is_there else None
    judging = [now.auth.handlers[place] for place in may_judge(now.auth.handlers)]
    steps = reversed(passed.steps if passed else ())
    for one in (taken.handler for taken in steps if taken.handler in judging):
        yield (
            f"{place_of(one)}: {one.module} {_why_taken(one)}; whoever is let in by it alone does"
            " not come to the keyring's rule, and the keyring stays locked"
        )
        return


def _why_taken(rule: Handler) -> str:
    """Say why a module may judge the password."""
    if is_handing_over(rule):
        return "hands the password to a program"
    return "is not known to this program"


def _early(without: Stacks, now: Stacks) -> Iterator[str]:
    """Say which rule starts a daemon though the password was wrong."""
    if refute_start(without, now) is None:
        return
    for rule in now.auth.handlers:
        if starts_daemon(rule, now.auth.service):
            yield (
                f"{place_of(rule)}: auto_start there starts a daemon as this user, for two minutes,"
                " at each wrong password"
            )


def _anchors(stacks: Stacks, group: ManagementGroup) -> list[Handler]:
    handlers = stacks.of(group).handlers
    return [handlers[place] for place in sorted(anchors(handlers, group))]


def applies(without: Stacks, group: ManagementGroup) -> bool:
    """Tell whether a group concerns a keyring: it has rules, and some that handle a password.

    The first rule of a group would replace those of ``other``, so a group without rules is left
    alone.
    """
    stack = without.of(group)
    if stack.is_other or not stack.handlers:
        return False
    if group is ManagementGroup.SESSION:  # a daemon that nobody gives a password stays locked
        return applies(without, ManagementGroup.AUTH)
    return bool(anchors(stack.handlers, group))


LACKS_RULES = "the service has no rules of its own in"


def why_left_alone(without: Stacks, group: ManagementGroup) -> str:
    """Say why a group needs no rule of ours."""
    stack = without.of(group)
    if stack.is_other or not stack.handlers:
        return f"{LACKS_RULES} {group.value}"
    return "no module here asks for a password"


def _why_not_reached(
    rules: Iterable[Handler], missed: Counterexample | None, service: str, *, starts: bool
) -> str:
    rules = tuple(rules)
    if not rules:
        return "no rule of pam_gnome_keyring"
    for rule in rules:
        reason = shortcoming(rule, service)
        if not reason and not starts:
            reason = "without auto_start the password is gone when the session begins"
        if reason:
            return f"{rule.origin.file}:{rule.origin.line}: {reason}"
    return str(missed)


def without_ours(read: Read, dialect: Dialect) -> Read:
    """Read every file as if it had no rule that this project writes."""

    def read_without(path: str) -> bytes | None:
        content = read(path)
        if content is None or MODULE.encode() not in content:
            return content
        nodes = parse(content, dialect).lines
        return b"".join(node.source for node in others(nodes))

    return read_without


def others(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield the nodes that this project did not write; a guard is ours before a rule of ours."""
    for index, node in enumerate(nodes):
        if _is_keyring_rule(node):
            continue
        if isinstance(node, Rule) and _is_guard_rule(node):
            following = islice(nodes, index + 1, None)
            if _is_keyring_rule(next((one for one in following if _loads(one, node.type)), None)):
                continue
        yield node


def _loads(node: Node, group: ManagementGroup) -> bool:
    """Tell whether a line may give a group a handler."""
    if isinstance(node, (Rule, Malformed)):
        return node.type in (group, None)
    return isinstance(node, AtInclude)


def _is_keyring_rule(node: Node | None) -> bool:
    return isinstance(node, Rule) and node.module_path.rpartition(b"/")[2] == MODULE.encode()


def _is_guard_rule(node: Rule) -> bool:
    return (
        node.module_path == GUARD_MODULE.encode()
        and node.module_arguments == tuple(argument.encode() for argument in GUARD_ARGUMENTS)
        and node.control.actions == GUARD_ACTIONS
    )
