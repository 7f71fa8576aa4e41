"""Return what the log says about the last login, as every format shows it."""

from __future__ import annotations

from creds_session.facts.login_log import Alarm, Event
from creds_session.facts.snapshot import Facts
from creds_session.records import NamedTuple
from creds_session.text import printable

PREFIXES = {Alarm.NONE: "", Alarm.FALSE: "false alarm: ", Alarm.TRUE: "alarm: "}


class ExplainedLine(NamedTuple):
    """A line of the log and its meaning; both are safe for a terminal."""

    line: str
    meaning: str
    alarm: Alarm


def log_lines(facts: Facts) -> list[ExplainedLine]:
    """Return the lines about the last login; none if no log could be read."""
    return [_explained(event) for event in facts.login_log.events]


def _explained(event: Event) -> ExplainedLine:
    line = printable(f"{event.line.program}[{event.line.pid}]: {event.line.text}")
    return ExplainedLine(line, f"{PREFIXES[event.alarm]}{event.meaning}", event.alarm)
