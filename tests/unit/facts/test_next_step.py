"""One situation has one next step, whichever command meets it."""

from __future__ import annotations

import pytest

from creds_session.facts.next_step import BusState, bus_state, is_under_sudo, next_step

JOIN, START = 'eval "$(creds env)"', 'eval "$(creds env --start)"'


@pytest.mark.parametrize(
    ("under_sudo", "elsewhere", "hung", "state"),
    [
        (False, False, False, BusState.NONE),
        (False, True, False, BusState.ELSEWHERE),
        (True, False, False, BusState.UNDER_SUDO),
        (True, True, False, BusState.UNDER_SUDO),
        (False, False, True, BusState.HUNG),
        (False, True, True, BusState.HUNG),
        (True, True, True, BusState.HUNG),
    ],
)
def test_the_state_of_a_shell_follows_from_what_was_seen(
    under_sudo: bool,
    elsewhere: bool,
    hung: bool,
    state: BusState,
) -> None:
    seen = bus_state(under_sudo=under_sudo, is_elsewhere=elsewhere, is_hung=hung)
    assert seen is state


@pytest.mark.parametrize(
    ("state", "lines", "until_unlocked", "without_keyring"),
    [
        (BusState.NONE, (START,), (START, "creds unlock"), (START, "creds unlock --create")),
        (BusState.ELSEWHERE, (JOIN,), (JOIN, "creds unlock"), (JOIN, "creds unlock --create")),
        (BusState.HUNG, ("creds-doctor",), ("creds-doctor",), ("creds-doctor",)),
        (BusState.UNDER_SUDO, (), (), ()),
        (BusState.NO_ACCOUNT, (), (), ()),
    ],
)
def test_every_state_has_its_lines_to_paste(
    state: BusState,
    lines: tuple[str, ...],
    until_unlocked: tuple[str, ...],
    without_keyring: tuple[str, ...],
) -> None:
    assert next_step(state).lines == lines
    assert next_step(state, unlock=True, has_keyring=True).lines == until_unlocked
    assert next_step(state, unlock=True).lines == until_unlocked
    assert next_step(state, unlock=True, has_keyring=False).lines == without_keyring


@pytest.mark.parametrize("state", list(BusState))
def test_a_hint_holds_every_line_as_it_is_pasted(state: BusState) -> None:
    step = next_step(state)
    assert step.hint.startswith(step.text)
    assert all(line in step.hint for line in step.lines)


@pytest.mark.parametrize(
    ("elsewhere", "state"), [(False, BusState.NO_ACCOUNT), (True, BusState.ELSEWHERE)]
)
def test_who_has_no_account_is_not_told_to_start_a_bus(elsewhere: bool, state: BusState) -> None:
    seen = bus_state(under_sudo=False, is_elsewhere=elsewhere, has_account=False)
    assert seen is state
    assert "--start" not in next_step(seen).hint


def test_root_under_sudo_is_told_to_leave_sudo_out() -> None:
    assert "without sudo" in next_step(BusState.UNDER_SUDO).hint


@pytest.mark.parametrize(
    ("uid", "environ", "is_so"),
    [
        (0, {"SUDO_USER": "alice"}, True),
        (0, {"SUDO_USER": "root"}, False),
        (0, {"SUDO_USER": ""}, False),
        (0, {}, False),
        (1000, {"SUDO_USER": "root"}, False),
    ],
)
def test_sudo_counts_for_root_alone(uid: int, environ: dict[str, str], is_so: bool) -> None:
    assert is_under_sudo(uid, environ) is is_so
