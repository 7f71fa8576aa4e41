"""Find prompts in the output of a command, and hide the echo of a password in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from creds_session.records import NamedTuple
from creds_session.secret import Secret

LONGEST = 4096  # bytes of output in which a prompt is looked for
REST_OF_LINE = re.compile(rb"[^\n]*\n?")  # some programs ask with a whole line


class Expected(NamedTuple):
    """A prompt and its answer. A user name may be shown, a password (``is_secret``) may not."""

    pattern: re.Pattern[bytes]
    answer: Secret
    is_secret: bool = True


class Prompts:
    """Finds the expected prompt that the output ends with; each prompt is answered once.

    Only the last line counts: other lines follow a banner that mentions passwords.
    """

    def __init__(self, expected: Sequence[Expected]) -> None:
        self._left = list(expected)
        self._answered: list[Expected] = []
        self._recent = b""

    def shown(self, output: bytes) -> None:
        """Record output of the command."""
        self._recent = (self._recent + output)[-LONGEST:]

    @property
    def waiting(self) -> Expected | None:
        """The prompt that is to be answered now, or None."""
        return self._asked(self._left)

    @property
    def is_again(self) -> bool:
        """Return whether an answered prompt came again, which means that it was refused."""
        return self.waiting is None and self._asked(self._answered) is not None

    def answered(self, prompt: Expected) -> None:
        """Record that a prompt was answered; it is not answered a second time."""
        self._left.remove(prompt)
        self._answered.append(prompt)
        self._recent = b""

    def forget(self) -> None:
        """Look for no prompt any more."""
        self._left.clear()
        self._answered.clear()
        self._recent = b""

    def _asked(self, prompts: Sequence[Expected]) -> Expected | None:
        return next((prompt for prompt in prompts if self._is_last(prompt.pattern)), None)

    def _is_last(self, pattern: re.Pattern[bytes]) -> bool:
        ends = [match.end() for match in pattern.finditer(self._recent)]
        return bool(ends) and REST_OF_LINE.fullmatch(self._recent, ends[-1]) is not None


class Mask:
    """Removes the echo of a password from the line that follows it.

    A remote terminal, behind ssh, may echo what the local terminal does not. Later lines are not
    changed: a password of one letter would remove that letter everywhere.
    """

    def __init__(self) -> None:
        self._secret = b""
        self._held = b""

    def typed(self, secret: Secret) -> None:
        """Look for this password from now on, up to the end of the line."""
        self._secret = secret.reveal()

    @property
    def is_holding(self) -> bool:
        """Return whether output is held back that may be the beginning of the password."""
        return bool(self._held)

    def shown(self, output: bytes) -> bytes:
        """Return the part of the output that may be shown now."""
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
        """Return the output that was held back, because it was not the password."""
        held, self._held = self._held, b""
        return held

    def _beginning(self, text: bytes) -> int:
        """Return how many bytes at the end of a text may be the beginning of the password."""
        longest = min(len(text), len(self._secret) - 1)
        sizes = range(longest, 0, -1)
        return next((size for size in sizes if text.endswith(self._secret[:size])), 0)
