from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from creds_session.pam.changes.findings import Kind, Topic
from creds_session.pam.changes.judge import judge_change
from creds_session.pam.changes.modules import Machine, possible
from creds_session.pam.changes.pairing import pair_rules
from creds_session.pam.changes.reach import Chosen, reach
from creds_session.pam.modules.returns import BUILTIN
from creds_session.pam.stack.handlers import Stacks
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
