"""What an edit could break, with the return values that break it, in a readable form."""

from __future__ import annotations

import enum
from typing import NamedTuple

from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import ManagementGroup, Pass, ReturnValue, return_word


class Breach(enum.Enum):
    """The promise that a counterexample breaks."""

    LOCK_OUT = "someone who got in before would be locked out"
    LET_IN = "someone who was refused before would be let in"
    RUNS_OTHERWISE = "other modules would run than before"
    NOT_REACHED = "pam_gnome_keyring would not get the password"
    PASSED_BY = (
        "someone would be let in although no module has checked them, and pam_gnome_keyring would"
        " not get a password"
    )
    ANYBODY = "a wrong password is let in"
    CLOSES_OTHERWISE = "close_session would return something else than before"
    STARTS_EARLY = "a daemon would be started with a password that no module has accepted"


class Step(NamedTuple):
    """One module of a counterexample, and what it returned."""

    handler: Handler
    returned: int


class Counterexample(NamedTuple):
    """The modules and return values that break a promise, in the order in which they run."""

    breach: Breach
    pass_: Pass
    steps: tuple[Step, ...]

    @property
    def group(self) -> ManagementGroup:
        """The management group whose rules run."""
        return self.pass_.group

    @property
    def last_success(self) -> Step | None:
        """The last step whose module returned success, or None."""
        steps = (step for step in reversed(self.steps) if step.returned == ReturnValue.SUCCESS)
        return next(steps, None)

    def __str__(self) -> str:
        lines = [f"{self.breach.value}, in {self.pass_.value}, when"]
        for step in self.steps:
            returned = return_word(step.returned)
            place = step.handler.place
            lines.append(f"  {step.handler.module_path} returns {returned}  ({place})")
        if (self.breach, self.pass_) == (Breach.NOT_REACHED, Pass.OPEN_SESSION):
            lines.append("  and its session rule ran before the session was set up, or not at all")
        return "\n".join(lines)
