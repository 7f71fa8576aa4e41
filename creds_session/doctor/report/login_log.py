"""What the log says of the last login, as every face tells it."""

from __future__ import annotations

from typing import NamedTuple

from creds_session.facts.login_log import Alarm, Event
from creds_session.facts.snapshot import Facts
from creds_session.text import printable

PREFIXES = {Alarm.NONE: "", Alarm.FALSE: "false alarm: ", Alarm.TRUE: "alarm: "}


class Told(NamedTuple):
    """A line of the log, and what it means; both are safe for a terminal."""

    line: str
    meaning: str
    alarm: Alarm


def story(facts: Facts) -> list[Told]:
    """Return the last login, line by line; empty where no log could be read."""
    return [_told(event) for event in facts.story.events]


def _told(event: Event) -> Told:
    line = printable(f"{event.line.program}[{event.line.pid}]: {event.line.text}")
    return Told(line, f"{PREFIXES[event.alarm]}{event.meaning}", event.alarm)
