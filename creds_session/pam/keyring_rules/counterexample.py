"""What an edit could break, and a way through the stacks that breaks it, for a person to read."""

from __future__ import annotations

import enum
from typing import NamedTuple

from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import ManagementGroup, Pass, ReturnValue, return_word


class Breach(enum.Enum):
    """Which promise a counterexample breaks."""

    LOCK_OUT = "someone who got in before would be locked out"
    LET_IN = "someone who was refused before would be let in"
    RUNS_OTHERWISE = "another module would run, or not run, that did before"
    NOT_REACHED = "pam_gnome_keyring would not get the password"
    PASSED_BY = (
        "someone whom no module has judged would be let in, and pam_gnome_keyring would not get a"
        " password"
    )
    ANYBODY = "a wrong password is let in"
    CLOSES_OTHERWISE = "the end of a session would be reported otherwise"
    STARTS_EARLY = "a daemon would be started with a password that no module found right"


class Step(NamedTuple):
    """One module of a counterexample and what it returned."""

    handler: Handler
    returned: int


class Counterexample(NamedTuple):
    """A way through the stacks that breaks a promise, readable from top to bottom."""

    breach: Breach
    pass_: Pass
    steps: tuple[Step, ...]

    @property
    def group(self) -> ManagementGroup:
        """The management group whose rules it goes through."""
        return self.pass_.group

    @property
    def last_success(self) -> Step | None:
        """The last module on it that returned success; None where none did."""
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
