"""What the judge of a change finds, with the values that show it, in a readable form."""

from __future__ import annotations

import enum
from typing import NamedTuple

from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import Pass, return_word


class Kind(enum.Enum):
    """A kind of finding; the value is what messages say."""

    UNLOADABLE = "libpam can no longer load the service, and refuses everybody"
    LOCK_OUT = "someone who was let in before is refused"
    LET_IN = "someone who was refused before is let in"
    LET_IN_IF = (
        "someone who was refused before is let in without a secret, if a condition is true or a"
        " program says so"
    )
    CHECK_GONE = "whoever a rule refused is let in: the rule is gone, and no rule took its place"
    CHANGE_FAILS = "a password change that succeeded before fails"
    CHANGE_SUCCEEDS = "a password change that failed before succeeds"
    NO_LONGER_RUNS = "a module no longer runs, although its rule is still there"
    DEAD_RULE = "a rule was added, and its module never runs at a login that succeeds"
    COUNTS_ALL = "failed logins are counted, and no rule resets the counter after a login"
    NO_PASSWORD = "a module no longer gets the password"  # noqa: S105 - a message


class Topic(enum.Enum):
    """A kind of note: what has changed without a finding."""

    ADDED = "a rule was added"
    REMOVED = "a rule was removed"
    ARGUMENTS = "arguments were changed"
    RUNS_NEWLY = "a module runs that could not run before"
    RUNS_FOR_MORE = "a module runs at a login that skipped it before"
    SERVICE_ADDED = "the service has a file now"
    SERVICE_REMOVED = "the service has no file any more"
    LOADS = "libpam can load the service now"
    FILE_MISSING = "the file of a module does not exist"


class Step(NamedTuple):
    """One rule of a counterexample: where it stands, and what it returned.

    A handler is None if the rule does not exist on that side. A value is None if the rule did not
    run there.
    """

    before: Handler | None
    after: Handler | None
    returned_before: int | None
    returned_after: int | None

    @property
    def module_path(self) -> str:
        """The module, as the rule names it."""
        handler = self.after or self.before
        return handler.module_path if handler and handler.module_path else "a rule without a module"

    @property
    def returned(self) -> str:
        """What the module returned, in words."""
        was, now = self.returned_before, self.returned_after
        if was is not None and now is not None and was != now:
            return f"{return_word(was)} before and {return_word(now)} after"
        value = was if now is None else now
        return return_word(value) if value is not None else "nothing"

    @property
    def place(self) -> str:
        """The file and the line before and after, and what became of the rule."""
        if self.before is None:
            return f"added: {_place(self.after)}"
        if self.after is None:
            return f"removed: {_place(self.before)}"
        was, now = self.before.place, self.after.place
        places = now if was == now else f"{now}, before: {was}"
        if self.returned_before is None:
            return f"{places}; skipped before"
        if self.returned_after is None:
            return f"{places}; skipped now"
        return places

    def __str__(self) -> str:
        return f"  {self.module_path} returns {self.returned}  ({self.place})"


def _place(handler: Handler | None) -> str:
    return handler.place if handler else ""


class Finding(NamedTuple):
    """One finding about a service.

    ``results`` are what the call returns before and after with the values of ``steps``, or None if
    the service did not exist before. ``subject`` is the rule that the finding is about, if it is
    about one. ``detail`` says who the person of the combination is.
    """

    kind: Kind
    pass_: Pass | None
    steps: tuple[Step, ...] = ()
    results: tuple[int, int] | None = None
    subject: Step | None = None
    detail: str = ""

    def __str__(self) -> str:
        head = self.kind.value
        if self.pass_ is not None:
            head += f", in {self.pass_.value}"
        if self.detail:
            head += f": {self.detail}"
        lines = [head]
        if self.subject is not None:
            lines.append(f"  {self.subject.module_path}  ({self.subject.place})")
        if self.steps:
            lines[0] += ", when"
        lines += map(str, self.steps)
        if self.results is not None:
            was, now = map(return_word, self.results)
            lines.append(f"  the result was {was}, and is {now} now")
        return "\n".join(lines)


class Note(NamedTuple):
    """Something that has changed without a finding.

    ``steps`` are the rules that run at one of the logins that the note is about, if it is about
    some logins only.
    """

    topic: Topic
    text: str
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        head = f"{self.topic.value}: {self.text}" + (", when" if self.steps else "")
        return "\n".join([head, *map(str, self.steps)])


class Judgement(NamedTuple):
    """What is found about one service, and what else has changed there."""

    service: str
    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]
