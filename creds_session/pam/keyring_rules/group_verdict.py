"""What the proof says about one management group of a service."""

from __future__ import annotations

from creds_session.pam.syntax.kinds import ManagementGroup
from creds_session.records import NamedTuple


class GroupVerdict(NamedTuple):
    """Whether our rule in one management group is present, reached and proved safe.

    ``applies`` is whether the group needs a rule; if it does not, ``notes`` say why. ``problem``
    says what is wrong, in one line or with the counterexample below; it is empty if nothing is
    wrong. ``is_unsafe``: a rule of ours decides who gets in, or which other module runs.
    ``alarm``: how a wrong password is let in, whatever causes that; ``alarm_remedy`` is what a
    person can change then. ``early_starts`` are those of the notes that name a rule which starts a
    daemon at a wrong password. ``admits``: nobody is checked, and an unsafe rule of ours lets
    people in who could not log in without it.
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
    early_starts: tuple[str, ...] = ()
    admits: bool = False
