"""What is advised if a keyring daemon of another session bus holds the control socket."""

from __future__ import annotations

import pytest

from creds_session.facts.control_holder import end_holder
from creds_session.facts.session import ControlHolder

OTHER = "unix:path=/tmp/dbus-x"


@pytest.mark.parametrize(("listens", "is_needed"), [(True, True), (False, False), (None, False)])
def test_a_daemon_whose_session_may_still_use_it_is_not_ended_lightly(
    listens: bool | None, is_needed: bool
) -> None:
    step = end_holder(ControlHolder(7, OTHER, bus_listens=listens))
    assert step.lines == ("kill 7", "creds unlock")
    assert step.text.startswith("end that daemon") is not is_needed
    assert ("go on in that session" in step.text) is is_needed
