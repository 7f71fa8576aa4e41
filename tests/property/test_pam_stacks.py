from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from creds_session.pam.modules.returns import usual_return
from creds_session.pam.stack.dispatch import UNDEF, dispatch, position, start, step, verdict
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Call, Dialect, ManagementGroup, ReturnValue

TYPES = st.sampled_from(["auth", "account", "password", "session", "-auth", "foo"])
CONTROLS = st.sampled_from(
    [
        "required",
        "requisite",
        "sufficient",
        "optional",
        "[success=1 default=ignore]",
        "[success=done new_authtok_reqd=2 default=reset]",
        "[default=die]",
        "[success=9]",
        "typo",
    ]
)
MODULES = st.sampled_from(["a.so", "pam_permit.so", "pam_deny.so", "", "?"])
RULES = st.builds("{} {} {}".format, TYPES, CONTROLS, MODULES)


def lines(*names: str) -> st.SearchStrategy[bytes]:
    """Make a file that includes some of the named ones; no circles, which take long."""
    kinds = st.sampled_from(["include", "substack"])
    includes = st.builds("{} {} {}".format, TYPES, kinds, st.sampled_from(["nope", *names]))
    at_includes = st.sampled_from(["# x", "@include", *(f"@include {name}" for name in names)])
    every = st.one_of(RULES, RULES, RULES, includes, at_includes)
    return st.lists(every, max_size=6).map("\n".join).map(str.encode)


FILES = st.fixed_dictionaries(
    {"/etc/pam.d/s": lines("a", "b")},
    optional={
        "/etc/pam.d/a": lines("b"),
        "/etc/pam.d/b": lines(),
        "/etc/pam.d/other": lines("b"),
    },
)
VALUES = st.sampled_from([int(value) for value in ReturnValue] + [99, -1])


@given(FILES, st.sampled_from(Dialect), st.data())
def test_every_walk_ends_and_gives_one_verdict(
    files: dict[str, bytes], dialect: Dialect, data: st.DataObject
) -> None:
    stacks = resolve_all("s", files.get, dialect=dialect)
    for group in ManagementGroup:
        stack = stacks.of(group)
        state = start(stack)
        last = -1
        while position(stack, state) is not None:
            assert state.at > last
            last = state.at
            handler = stack.handlers[last]
            assert len(state.frames) == handler.stack_level + 1
            state = step(stack, state, data.draw(VALUES))
        assert state.frames == ()
        result = verdict(state)
        assert result in set(ReturnValue)
        assert not (result == ReturnValue.SUCCESS and state.impression == UNDEF)


@given(FILES, st.sampled_from(Dialect))
def test_resolve_and_dispatch_never_raise_and_repeat_themselves(
    files: dict[str, bytes], dialect: Dialect
) -> None:
    stacks = resolve_all("s", files.get, dialect=dialect)
    assert stacks == resolve_all("s", files.get, dialect=dialect)
    for call in Call:
        first = dispatch(stacks, call, usual_return)
        assert first == dispatch(stacks, call, usual_return)
        assert (first.result == ReturnValue.ABORT) >= (stacks.failure is not None)


@given(FILES)
def test_the_tree_points_at_the_handlers(files: dict[str, bytes]) -> None:
    stacks = resolve_all("s", files.get)
    for group in ManagementGroup:
        stack = stacks.of(group)
        if stack.failure is not None:
            continue
        seen = []
        todo = list(stack.tree)
        while todo:
            branch = todo.pop(0)
            todo += branch.children
            if branch.position is not None:
                assert stack.handlers[branch.position].origin == branch.origin
                seen.append(branch.position)
        assert set(range(len(stack.handlers))) >= set(seen)
        assert len(seen) == len(set(seen))
