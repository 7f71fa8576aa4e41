"""What a command's output asks for, what is typed at it, and what of an echo is not shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from creds_session.secret import Secret

LONGEST = 4096  # bytes of output in which a prompt is looked for
REST_OF_LINE = re.compile(rb"[^\n]*\n?")  # some programs ask with a whole line


class Expected(NamedTuple):
    """A prompt, and what is typed at it; a user name may be seen, a password may not."""

    pattern: re.Pattern[bytes]
    answer: Secret
    is_secret: bool = True


class Prompts:
    """Which of the expected prompts the output ends with; each is answered once.

    Only the last line counts: a banner that speaks of passwords is followed by other lines.
    """

    def __init__(self, expected: Sequence[Expected]) -> None:
        self._left = list(expected)
        self._answered: list[Expected] = []
        self._recent = b""

    def shown(self, output: bytes) -> None:
        """Take note of what the command has shown."""
        self._recent = (self._recent + output)[-LONGEST:]

    @property
    def waiting(self) -> Expected | None:
        """The prompt that is to be answered now, if any."""
        return self._asked(self._left)

    @property
    def is_again(self) -> bool:
        """Tell whether a prompt that was answered is here again, so that it was refused."""
        return self.waiting is None and self._asked(self._answered) is not None

    def answered(self, prompt: Expected) -> None:
        """Take note that one was answered: it is not again."""
        self._left.remove(prompt)
        self._answered.append(prompt)
        self._recent = b""

    def forget(self) -> None:
        """Look no further."""
        self._left.clear()
        self._answered.clear()
        self._recent = b""

    def _asked(self, prompts: Sequence[Expected]) -> Expected | None:
        return next((one for one in prompts if self._is_last(one.pattern)), None)

    def _is_last(self, pattern: re.Pattern[bytes]) -> bool:
        ends = [found.end() for found in pattern.finditer(self._recent)]
        return bool(ends) and REST_OF_LINE.fullmatch(self._recent, ends[-1]) is not None


class Mask:
    """Takes a password out of the line that follows its typing, where something echoes it.

    A terminal far away, behind ssh, may echo what the one here does not. Later output is as it
    is: a password of one letter would spoil it.
    """

    def __init__(self) -> None:
        self._secret = b""
        self._held = b""

    def typed(self, secret: Secret) -> None:
        """Look for this one from now on, to the end of the line."""
        self._secret = secret.reveal()

    @property
    def is_holding(self) -> bool:
        """Tell whether something is held back that may be the beginning of the password."""
        return bool(self._held)

    def shown(self, output: bytes) -> bytes:
        """Return what of the output may be shown now."""
        if not self._secret:
            return output
        line, newline, more = (self._held + output).partition(b"\n")
        text = line.replace(self._secret, b"")
        if newline:
            self._secret = self._held = b""
            return text + newline + more
        kept = self._beginning(text)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def rest(self) -> bytes:
        """Return what was held back, for it was not the password."""
        held, self._held = self._held, b""
        return held

    def _beginning(self, text: bytes) -> int:
        """Return how many bytes at the end of a text may be the beginning of the password."""
        longest = min(len(text), len(self._secret) - 1)
        sizes = range(longest, 0, -1)
        return next((size for size in sizes if text.endswith(self._secret[:size])), 0)
