from __future__ import annotations

from itertools import product

from hypothesis import example, given
from hypothesis import strategies as st

from creds_session.pam.changes.findings import Kind, Topic
from creds_session.pam.changes.judge import judge_change
from creds_session.pam.changes.modules import Machine, needed_returns, possible
from creds_session.pam.changes.newly_run import newly_run
from creds_session.pam.changes.pairing import pair_rules
from creds_session.pam.changes.reach import Chosen, reach
from creds_session.pam.changes.rules import RUNNING
from creds_session.pam.changes.walk import Sides, is_let_in
from creds_session.pam.modules.returns import BUILTIN
from creds_session.pam.stack.dispatch import position, start, verdict
from creds_session.pam.stack.dispatch import step as step_along
from creds_session.pam.stack.handlers import Stack, Stacks
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import ManagementGroup, Pass, ReturnValue

RENEW = ReturnValue.NEW_AUTHTOK_REQD
D = "/etc/pam.d/"
CONTROLS = st.sampled_from(
    [
        *("required", "requisite", "sufficient", "optional", "[success=1 default=ignore]"),
        *("[default=die]", "[success=2 default=bad]", "[success=9]", "include", "substack"),
    ]
)
MODULES = st.sampled_from(
    [
        *("pam_permit.so", "pam_deny.so", "pam_unix.so", "pam_unix.so nullok", "pam_sss.so"),
        *("pam_faillock.so preauth", "pam_faillock.so authfail", "pam_env.so", "pam_a.so"),
        *("pam_gnome_keyring.so", "pam_succeed_if.so uid >= 1000", "common", "pam_b.so x"),
        *("pam_pwquality.so", "pam_unix.so use_authtok", "pam_unix.so use_first_pass", ""),
    ]
)
TYPES = st.sampled_from([group.value for group in ManagementGroup])
RULES = st.builds("{} {} {}\n".format, TYPES, CONTROLS, MODULES)
TEXTS = st.lists(RULES, max_size=7).map("".join)
COMMON = "auth required pam_unix.so\naccount required pam_unix.so\n"


def files(text: str) -> dict[str, bytes]:
    return {D + "s": text.encode(), D + "common": COMMON.encode(), D + "other": b"# nothing\n"}


@given(TEXTS)
def test_a_service_against_itself_finds_nothing(text: str) -> None:
    stacks = resolve_all("s", files(text).get)
    found = judge_change(stacks, stacks)
    assert found == found._replace(findings=(), notes=())


@given(TEXTS, st.data())
def test_comments_and_blank_lines_find_nothing(text: str, data: st.DataObject) -> None:
    more = st.sampled_from(["", "# a note\n", "\n", " \t\n"])
    moved = "".join(data.draw(more) + line for line in text.splitlines(keepends=True))
    before, after = (resolve_all("s", files(one).get) for one in (text, moved))
    found = judge_change(before, after)
    assert found == found._replace(findings=(), notes=())


@given(TEXTS, TEXTS)
def test_a_counterexample_has_the_two_results_that_it_claims(before: str, after: str) -> None:
    was, now = (resolve_all("s", files(one).get) for one in (before, after))
    for found in judge_change(was, now).findings:
        if found.results is None:
            continue
        goes_on = [result in {ReturnValue.SUCCESS, RENEW} for result in found.results]
        refuses = found.kind in {Kind.LOCK_OUT, Kind.CHANGE_FAILS}
        assert goes_on == [refuses, not refuses] or RENEW in found.results


@given(TEXTS, TEXTS)
@example(
    "session [success=1] pam_a.so\nsession required pam_env.so\nsession required pam_b.so x\n",
    "session required pam_env.so\nsession required pam_b.so x\n",
)
def test_a_module_that_runs_for_more_people_ran_for_nobody_of_the_scenario(
    before: str, after: str
) -> None:
    was, now = (resolve_all("s", files(one).get) for one in (before, after))
    for note in judge_change(was, now).notes:
        if note.topic is Topic.RUNS_FOR_MORE:
            newly = [step for step in note.steps if step.place.endswith("; skipped before")]
            assert all(step.before and step.after for step in newly)
            names = note.text.partition(";")[0].partition(" ")[2].split(", ")
            assert set(names) <= {step.module_path for step in newly}
            assert names != [""]


OWN = "{} [success=1 default=ignore] pam_a.so\n"
ACCESS = "account required pam_access.so\naccount required pam_unix.so\n"


@given(TEXTS, TEXTS)
@example(OWN.format("account") + ACCESS, f"account required pam_b.so x\n{ACCESS}")
@example(OWN.format("account") + ACCESS, f"account required pam_succeed_if.so uid < 1000\n{ACCESS}")
def test_both_sides_let_in_at_the_login_that_a_note_shows(before: str, after: str) -> None:
    sides = [resolve_all("s", files(one).get) for one in (before, after)]
    for note in judge_change(sides[0], sides[1]).notes:
        if note.topic is not Topic.RUNS_FOR_MORE:
            continue
        group = next(g for g in ManagementGroup if note.text.startswith(f"{g.value} "))
        ran = [
            [(step.before, step.returned_before) for step in note.steps],
            [(step.after, step.returned_after) for step in note.steps],
        ]
        for stacks, returned in zip(sides, ran):
            stack, state = stacks.of(group), start(stacks.of(group))
            values = [(handler, value) for handler, value in returned if value is not None]
            while (handler := position(stack, state)) is not None:
                place = [one for one, _ in values].index(handler)
                state = step_along(stack, state, values.pop(place)[1])
            assert not values
            assert is_let_in(verdict(state), RUNNING[group])


RULE_OF_FEW = st.builds(
    "account {} {}\n".format,
    st.sampled_from(
        ["required", "requisite", "sufficient", "optional"]
        + [f"[success={n} default={other}]" for n in (1, 2) for other in ("ignore", "bad")]
    ),
    st.sampled_from(["pam_a.so", "pam_b.so", "pam_c.so", "pam_d.so", "pam_access.so"]),
)
VALUES = {ReturnValue.SUCCESS, ReturnValue.AUTH_ERR, ReturnValue.IGNORE, RENEW}
FEW = st.lists(RULE_OF_FEW, max_size=5, unique_by=lambda rule: rule.split()[-1]).map("".join)


@given(FEW, FEW)
@example(f"account sufficient pam_a.so\n{ACCESS}", f"account sufficient pam_b.so\n{ACCESS}")
@example(f"{OWN.format('account')}{ACCESS}", ACCESS)
@example(
    f"account required pam_c.so\naccount required pam_d.so\n{OWN.format('account')}{ACCESS}",
    f"{OWN.format('account').replace('_a', '_b')}{ACCESS}"
    "account required pam_c.so\naccount required pam_d.so\n",
)
def test_a_rule_runs_newly_for_all_values_of_the_bound_side(before: str, after: str) -> None:
    """For every value that these rules may return at a login, if they let the person in."""
    both = [resolve_all("s", files(one).get).account for one in (before, after)]
    stacks = both[0], both[1]
    sides = Sides(stacks, pair_rules(*stacks), (Machine("s"), Machine("s")))
    for question, found, pairs in newly_run(sides, Pass.ACCT_MGMT, sides.pairing.pairs):
        own = (sides.pairing.gone, sides.pairing.added)[1 - question.free]
        let_in = 0
        rules = [stacks[1 - question.free].handlers[index] for index in own]
        allowed = [needed_returns(rule, Pass.ACCT_MGMT, Machine("s")) for rule in rules]
        for combination in product(*(sorted(VALUES & one) for one in allowed)):
            values = [dict(found.values[0]), dict(found.values[1])]
            values[1 - question.free].update(zip(own, combination))
            ran = [runs_of(stack, one) for stack, one in zip(stacks, values)]
            assert ran[question.free][0]
            if ran[1 - question.free][0]:
                let_in += 1
                assert all(one not in ran[0][1] and other in ran[1][1] for one, other in pairs)
        assert let_in
        assert pairs


def runs_of(stack: Stack, values: dict[int, int]) -> tuple[bool, set[int]]:
    """Return whether a stack lets the person in, and the indexes of the rules that ran.

    A rule without a value runs only on a walk that the combination refuses.
    """
    state, ran = start(stack), set()
    while position(stack, state) is not None:
        ran.add(state.at)
        state = step_along(stack, state, values.get(state.at, ReturnValue.AUTH_ERR))
    return is_let_in(verdict(state), Pass.ACCT_MGMT), ran


@given(st.permutations(["pam_a.so", "pam_b.so", "pam_c.so"]), st.lists(CONTROLS, min_size=3))
@example(
    ["pam_a.so", "pam_b.so", "pam_c.so"], ["sufficient", "sufficient", "[success=1 default=ignore]"]
)
def test_a_change_of_controls_is_found_from_both_sides(
    modules: list[str], controls: list[str]
) -> None:
    """If both sides have the same modules in the same order, the questions mirror each other.

    The modules are in no table, so that they may return anything, and no answer proves anything. A
    rule that could let nobody in before is an exception: as a new rule, it may accept a proof now.
    """
    chosen = [one for one in controls if one not in {"include", "substack"}][:3]
    text = "".join(f"account {c} {m}\n" for c, m in zip(chosen, modules))
    plain = "".join(f"account required {module}\n" for module, _ in zip(modules, chosen))
    before, after = (resolve_all("s", files(one).get) for one in (plain, text))
    there = {found.kind for found in judge_change(before, after).findings}
    back = {found.kind for found in judge_change(after, before).findings}
    assert (Kind.LET_IN in there) is (Kind.LOCK_OUT in back)
    assert Kind.LET_IN not in back or Kind.LOCK_OUT in there
    if every_rule_may_let_in(after):
        assert (Kind.LOCK_OUT in there) is (Kind.LET_IN in back)


def every_rule_may_let_in(stacks: Stacks) -> bool:
    stack = stacks.account
    found = reach(stack, Pass.ACCT_MGMT, Machine("s"), Chosen(possible, possible))
    return found.at_success == set(range(len(stack.handlers)))


@given(TEXTS, TEXTS)
def test_every_rule_has_a_place_in_the_common_order(before: str, after: str) -> None:
    stacks = [resolve_all("s", files(one).get).auth for one in (before, after)]
    pairing = pair_rules(*stacks)
    for side, stack in enumerate(stacks):
        places = [slot[side] for slot in pairing.slots if slot[side] is not None]
        rules = [i for i, handler in enumerate(stack.handlers) if not handler.is_substack]
        assert places == rules
    assert len({pair.before for pair in pairing.pairs}) == len(pairing.pairs)
    assert len({pair.after for pair in pairing.pairs}) == len(pairing.pairs)
    for pair in pairing.pairs:
        one, other = stacks[0].handlers[pair.before], stacks[1].handlers[pair.after]
        assert one.module == other.module
        assert one.module not in BUILTIN or one.arguments == other.arguments
