"""Draw the map of a session as a picture for the doctor's HTML report.

The picture has two rows: from a program to a secret, and from a login's password to the daemon. Its
colours are classes of the page; each colour is also said in words.
"""

from __future__ import annotations

from html import escape

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.session_map import (
    STATES,
    Tone,
    collections,
    is_spoken_to,
    session_map,
    tree_lines,
)
from creds_session.doctor.report.verdict import findings
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.session import DAEMON_NAME, KeyringFacts
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult
from creds_session.records import NamedTuple
from creds_session.text import printable

WIDTH, HEIGHT = 204, 84
GAP, ROW = 36, 146
LEFT, TOP = 4, 30
LONGEST = 29  # characters that fit into a box
NOT_KNOWN = "not known"  # there was no time to look
SIGNS = {Tone.GOOD: "\N{CHECK MARK}", Tone.BAD: "\N{BALLOT X}", Tone.PLAIN: "\N{MIDDLE DOT}"}
ARROW = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
    ' orient="auto-start-reverse"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
)


class Place(NamedTuple):
    """A box: its title in everyday words, its name on this machine, and its state."""

    title: str
    name: str
    state: str
    tone: Tone


def session_svg(diagnosis: Diagnosis) -> str:
    """Return the picture as an SVG element for a page."""
    facts, results = diagnosis
    programs = [_program(), _bus(facts), _daemon(facts), *_keyrings(facts)]
    programs, default = programs[:4], programs[4:]
    logins = [_login(facts), _pam(facts, results), _control(facts)]
    parts = [
        ARROW,
        _heading(0, "From a program to a secret"),
        _heading(1, "From a login's password to the keyring daemon"),
    ]
    for row, places in enumerate((programs, [*logins, *default])):
        parts += [_box(column, row, place) for column, place in enumerate(places)]
    for row, places in enumerate((programs, logins)):
        pairs = zip(places, places[1:])
        parts += [_arrow(column, row, _way(*ends)) for column, ends in enumerate(pairs)]
    parts.append(_upward(2, _way(logins[2], programs[2])))
    parts += [_downward(2, _way(programs[2], place)) for place in default]
    width, height = _x(4) - GAP + LEFT, TOP + ROW + HEIGHT + LEFT
    text = "\n".join(guides + node.text for guides, node in tree_lines(session_map(facts)))
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="map-title map-text">\n'
        f'<title id="map-title">The map of the session</title>\n'
        f'<desc id="map-text">{escape(text)}</desc>\n' + "\n".join(parts) + "\n</svg>"
    )


def _program() -> Place:
    return Place("A program", "creds, keyring, secret-tool", "asks for a secret", Tone.PLAIN)


def _bus(facts: Facts) -> Place:
    bus, title = facts.bus, "The session bus"
    if bus.is_unknown:
        return Place(title, "", NOT_KNOWN, Tone.PLAIN)
    if is_spoken_to(bus):
        return Place(title, bus.address or "", "answers", Tone.GOOD)
    if bus.is_idle:
        return Place(title, bus.address or "", "not used yet", Tone.PLAIN)
    if bus.address is None:
        return Place(title, "", "does not exist", Tone.BAD)
    return Place(title, bus.address, "does not answer", Tone.BAD)


def _daemon(facts: Facts) -> Place:
    owner, title = facts.bus.owner, "The keyring daemon"
    if owner is None and facts.bus.is_unknown:
        return Place(title, DAEMON_NAME, NOT_KNOWN, Tone.PLAIN)
    if owner is None:
        number = min(len(facts.daemons), 2)
        state = ("not running", "serves nothing", f"{len(facts.daemons)} run, but serve nothing")[
            number
        ]
        return Place(title, DAEMON_NAME, state, Tone.BAD)
    name = f"{DAEMON_NAME if owner.is_gnome_keyring else owner.name} {owner.pid}"
    if facts.bus.reason:
        return Place(title, name, "does not answer", Tone.BAD)
    if owner.is_gnome_keyring:
        return Place(title, name, "serves secrets", Tone.GOOD)
    tone = Tone.GOOD if facts.is_readable else Tone.BAD
    return Place("Another program", name, "serves secrets here", tone)


def _keyrings(facts: Facts) -> list[Place]:
    places = [_keyring(facts, name, state) for name, state in collections(facts)]
    if places:
        return places
    title, keyring = "The login keyring", facts.keyring
    is_unknown = facts.bus.is_unknown and keyring.exists is not False
    if is_unknown or not _was_looked_at(keyring):
        return [Place(title, keyring.path, NOT_KNOWN, Tone.PLAIN)]
    states = {True: "not served", False: "does not exist", None: "cannot be looked at"}
    return [Place(title, keyring.path, states[keyring.exists], Tone.BAD)]


def _was_looked_at(keyring: KeyringFacts) -> bool:
    """Return whether there was time to look at the keyring's file and socket."""
    return bool(keyring.path)


def _keyring(facts: Facts, name: str, state: CollectionState) -> Place:
    title = f"The {name} keyring" if name == "login" else "The default keyring"
    name = facts.keyring.path if name == "login" else name
    tone = Tone.GOOD if state is CollectionState.UNLOCKED else Tone.BAD
    return Place(title, name, STATES[state], tone)


def _login(facts: Facts) -> Place:
    session = facts.session
    name = f"{session.user}, by ssh" if session.by_ssh else session.user
    if session.login_method is None:
        return Place("The login", name, "how: cannot be seen", Tone.PLAIN)
    if session.login_method == "password":
        return Place("The login", name, "with a password", Tone.GOOD)
    by_key = session.login_method == "publickey"
    state = "by key, no password" if by_key else f"by {session.login_method.partition('/')[0]}"
    return Place("The login", name, state, Tone.PLAIN if facts.is_readable else Tone.BAD)


def _pam(facts: Facts, results: tuple[CheckResult, ...]) -> Place:
    title, name = "The login's rules", f"PAM, service {facts.pam.service}"
    if facts.pam.reason or not facts.pam.files:
        return Place(title, name, "not checked", Tone.PLAIN)
    if any(finding.stops_password for finding in findings(results)):
        return Place(title, name, "do not pass it on", Tone.BAD)
    return Place(title, name, "pass it on", Tone.GOOD)


def _control(facts: Facts) -> Place:
    keyring, title = facts.keyring, "The control socket"
    if keyring.control is None:
        state = "does not exist" if _was_looked_at(keyring) else NOT_KNOWN
        return Place(title, "", state, Tone.PLAIN)
    owner, listener = facts.bus.owner, facts.control.pid
    if keyring.control_listens and owner and listener not in {None, owner.pid}:
        return Place(title, keyring.control, "another daemon listens", Tone.BAD)
    if keyring.control_listens:
        return Place(title, keyring.control, "a daemon listens", Tone.GOOD)
    return Place(title, keyring.control, "nobody listens", Tone.PLAIN)


def _way(one: Place, other: Place) -> Tone:
    """Return whether the arrow between two boxes is whole: neither box is broken."""
    return Tone.BAD if Tone.BAD in {one.tone, other.tone} else Tone.GOOD


def _x(column: int) -> int:
    return LEFT + column * (WIDTH + GAP)


def _heading(row: int, text: str) -> str:
    return f'<text class="head" x="{LEFT}" y="{TOP + row * ROW - 12}">{escape(text)}</text>'


def _box(column: int, row: int, place: Place) -> str:
    """Draw a box; its title has the whole text, because the text in the box may be cut off."""
    x, y = _x(column), TOP + row * ROW
    whole = escape(printable(f"{place.title}: {place.name}: {place.state}"))
    return (
        f'<g class="{place.tone.value}"><title>{whole}</title>'
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<text class="what" x="{x + 12}" y="{y + 24}">{_short(place.title)}</text>'
        f'<text class="name" x="{x + 12}" y="{y + 45}">{_short(place.name)}</text>'
        f'<text class="state" x="{x + 12}" y="{y + 68}">{SIGNS[place.tone]} {_short(place.state)}'
        "</text></g>"
    )


def _short(text: str) -> str:
    """Cut a text to the width of a box; of a path, the end is kept."""
    text, ellipsis = printable(text), "\N{HORIZONTAL ELLIPSIS}"
    if len(text) > LONGEST:
        is_path = text.startswith(("/", "unix:"))
        text = ellipsis + text[1 - LONGEST :] if is_path else text[: LONGEST - 1] + ellipsis
    return escape(text)


def _arrow(column: int, row: int, tone: Tone) -> str:
    y = TOP + row * ROW + HEIGHT // 2
    return _line(f"M{_x(column) + WIDTH + 2} {y}H{_x(column + 1) - 3}", tone)


def _upward(column: int, tone: Tone) -> str:
    return _line(f"M{_x(column) + WIDTH // 2} {TOP + ROW - 2}V{TOP + HEIGHT + 4}", tone)


def _downward(column: int, tone: Tone) -> str:
    """Draw an arrow from a box to the one below its right neighbour."""
    x, y = _x(column) + WIDTH, TOP + HEIGHT - 14
    return _line(f"M{x + 2} {y}H{x + GAP // 2}V{y + ROW - 28}H{x + GAP - 3}", tone)


def _line(path: str, tone: Tone) -> str:
    return f'<path class="way {tone.value}" d="{path}" marker-end="url(#tip)"/>'
