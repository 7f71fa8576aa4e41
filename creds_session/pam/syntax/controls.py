"""Split a line into words as libpam does, and read controls.

Sources: libpam/pam_misc.c:_pam_tokenize (1.5: _pam_StrTok), _pam_parse_control and
_pam_set_default_control; libpam/pam_handlers.c:_pam_parse_conf_file.
"""

from __future__ import annotations

import enum
import functools
import re
from typing import Final, NamedTuple, Union

from creds_session.pam.syntax.terms import (
    Action,
    ActionTable,
    AnyAction,
    Dialect,
    Jump,
    ReturnValue,
)

_WORD = re.compile(rb"[ \t\n]*(\[|[^ \t\n]+)")
_PLAIN_WORD = re.compile(rb"[^ \t\n]+")
_SPACES = re.compile(rb"[ \t\n\v\f\r]*")  # isspace() in the C locale
_DIGITS = re.compile(rb"[0-9]+")

_RETURNS = {value.word.encode(): value for value in ReturnValue}
_RETURN = re.compile(b"|".join([*_RETURNS, b"default"]))
_ACTIONS = {action.value.encode(): action for action in Action}
_ACTION = re.compile(b"|".join(_ACTIONS))

_INT_MAX = 2**31 - 1
# The meaning of a number that overflowed, as an index of pam_tokens.h:_pam_token_actions.
_NEGATIVE = dict(enumerate((Action.OK, Action.DONE, Action.BAD, Action.DIE, Action.RESET), 1))


class Word(NamedTuple):
    """One word of a line: its value, and its place including an opening bracket."""

    value: bytes
    start: int
    end: int
    is_closed: bool = True
    """False for ``[`` without ``]``: the word then ends at the end of the line."""


def next_word(text: bytes, position: int) -> Word | None:
    r"""Return the word at or after ``position``, or None if only blanks are left.

    ``[...]`` is one word and needs no blank after it; ``\]`` in it is a ``]``. A ``[`` inside a
    word has no special meaning.
    """
    word = _WORD.match(text, position)
    if word is None:
        return None
    start, stop = word.span(1)
    value = text[start:stop]
    if value != b"[":
        return Word(value, start, stop)
    end = text.find(b"]", start)
    while end > 0 and text[end - 1 : end] == b"\\":
        end = text.find(b"]", end + 1)
    stop = len(text) if end < 0 else end
    value = text[start + 1 : stop].replace(b"\\]", b"]")
    return Word(value, start, len(text) if end < 0 else end + 1, is_closed=end >= 0)


def all_words(text: bytes, position: int) -> tuple[bytes, ...]:
    """Return every word from ``position`` on: a rule's arguments (pam_misc.c:_pam_mkargv)."""
    if text.find(b"[", position) < 0:
        return tuple(_PLAIN_WORD.findall(text, position))
    values = []
    word = next_word(text, position)
    while word is not None:
        values.append(word.value)
        word = next_word(text, word.end)
    return tuple(values)


class SimpleControl(enum.Enum):
    """A control of one word (pam.conf(5)), in upper or lower case."""

    REQUIRED = "required"
    REQUISITE = "requisite"
    SUFFICIENT = "sufficient"
    OPTIONAL = "optional"
    INCLUDE = "include"
    SUBSTACK = "substack"

    @property
    def is_include(self) -> bool:
        """Whether the rule names a file of rules, not a module."""
        return self in {SimpleControl.INCLUDE, SimpleControl.SUBSTACK}

    @property
    def actions(self) -> ActionTable:
        """The action for every return value (pam_handlers.c:_pam_parse_conf_file).

        ``include`` and ``substack`` have the actions of the rule that replaces them if the file
        cannot be read: every value is bad.
        """
        return _SIMPLE_ACTIONS[self]


class ValueActionControl(NamedTuple):
    """A control of pairs such as ``success=ok``; a single pair needs no brackets.

    ``text`` is what libpam parses, without brackets; ``actions`` is the resulting table. ``error``
    says why libpam refused the text, at ``error_offset``; every action is then ``bad``.
    """

    text: bytes
    actions: ActionTable
    error: str = ""
    error_offset: int = 0

    @property
    def is_include(self) -> bool:
        """Whether the rule names a file of rules; never with this kind of control."""
        return False


Control = Union[SimpleControl, ValueActionControl]


def _simple(success: Action, default: Action, ignore: Action) -> ActionTable:
    """Return the table of a control of one word."""
    table = [default] * len(ReturnValue)
    table[ReturnValue.SUCCESS] = table[ReturnValue.NEW_AUTHTOK_REQD] = success
    table[ReturnValue.IGNORE] = ignore
    return tuple(table)


ALL_BAD: Final[ActionTable] = (Action.BAD,) * len(ReturnValue)
"""The table of a control that libpam cannot read."""

_SIMPLE_ACTIONS: Final = {
    SimpleControl.REQUIRED: _simple(Action.OK, Action.BAD, Action.IGNORE),
    SimpleControl.REQUISITE: _simple(Action.OK, Action.DIE, Action.IGNORE),
    SimpleControl.SUFFICIENT: _simple(Action.DONE, Action.IGNORE, Action.IGNORE),
    SimpleControl.OPTIONAL: _simple(Action.OK, Action.IGNORE, Action.IGNORE),
    SimpleControl.INCLUDE: ALL_BAD,
    SimpleControl.SUBSTACK: ALL_BAD,
}

_SIMPLE_WORDS = {control.value.encode(): control for control in SimpleControl}


class _RefusedControl(Exception):  # stays inside this module
    """libpam's ``parse_error``: the reason, and the offset in the control."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


def parse_control(text: bytes, dialect: Dialect = Dialect.DEBIAN_1_7) -> Control:
    """Parse a control's text, without brackets; never raises."""
    # Real controls are few and short; a cache of long ones would only grow.
    return _cached_control(text, dialect) if len(text) < _LONGEST_CACHED else _read(text, dialect)


def _read(text: bytes, dialect: Dialect) -> Control:
    simple = _SIMPLE_WORDS.get(text.lower())
    if simple is not None:
        return simple
    table: list[AnyAction | None] = [None] * len(ReturnValue)
    position = _skip_spaces(text, 0)
    try:
        while position < len(text):
            position = _read_pair(text, position, table, dialect)
    except _RefusedControl as refused:
        return ValueActionControl(text, ALL_BAD, refused.reason, refused.offset)
    actions = tuple(Action.BAD if action is None else action for action in table)
    return ValueActionControl(text, actions)


_LONGEST_CACHED = 200
_cached_control = functools.lru_cache(maxsize=1024)(_read)


def _skip_spaces(text: bytes, position: int) -> int:
    spaces = _SPACES.match(text, position)
    return spaces.end() if spaces else position


def _read_pair(text: bytes, position: int, table: list[AnyAction | None], dialect: Dialect) -> int:
    """Read one ``value=action`` into the table; return the offset of the next pair."""
    value = _RETURN.match(text, position)
    if value is None or value.end() == len(text):
        raise _RefusedControl("expecting return value", position)
    equals = _skip_spaces(text, value.end())
    if text[equals : equals + 1] != b"=":
        raise _RefusedControl("expecting '='", equals)
    start = _skip_spaces(text, equals + 1)
    if start == len(text):
        raise _RefusedControl("expecting action", start)
    action, end = _read_action(text, start, dialect)
    if value.group() == b"default":
        table[:] = [action if old is None else old for old in table]
    else:
        table[_RETURNS[value.group()]] = action
    return _skip_spaces(text, end)


def _read_action(text: bytes, start: int, dialect: Dialect) -> tuple[AnyAction | None, int]:
    """Read an action: a word, or the number of rules to jump over."""
    named = _ACTION.match(text, start)
    if named:
        return _ACTIONS[named.group()], named.end()
    digits = _DIGITS.match(text, start)
    if digits is None:
        raise _RefusedControl("expecting jump number", start)
    number = _wrapped(digits.group()) if dialect.has_line_limit else _bounded(digits, start)
    if number == 0:
        raise _RefusedControl("expecting non-zero", start)
    if number == -len(Action):  # _PAM_ACTION_UNDEF: as if the pair were not there
        return None, digits.end()
    return _NEGATIVE.get(-number, Jump(number)), digits.end()


def _bounded(digits: re.Match[bytes], start: int) -> int:
    """Read a number as 1.6.0 and later do: a number that does not fit an int is refused."""
    text = digits.group().lstrip(b"0")
    number = int(text[:11] or b"0")
    if number > _INT_MAX:
        raise _RefusedControl("expecting smaller jump number", start)
    return number


def _wrapped(text: bytes) -> int:
    """Read a number as earlier releases do: it wraps around at 32 bits."""
    number = 0
    for digit in text:
        number = (number * 10 + digit - ord("0")) & 0xFFFFFFFF
    return number - 2**32 if number > _INT_MAX else number
