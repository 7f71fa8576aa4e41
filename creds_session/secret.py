"""A password that cannot be printed by accident."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Bytes of a password: never in a repr, a traceback, a format or a pickle.

    A password is bytes here, as it is for the daemon, for PAM and for a terminal:
    which encoding they meant is not ours to guess.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        _require(value, bytes, "Secret() takes bytes: use Secret.from_text() for text")
        self._value = value

    @classmethod
    def from_text(cls, text: str) -> Secret:
        """Return the secret that this text is in UTF-8, as keyring and secret-tool store it.

        Raises TypeError for anything but text, and ValueError for text that has no UTF-8.
        """
        _require(text, str, "Secret.from_text() takes text: use Secret() for bytes")
        try:
            return cls(text.encode())
        except UnicodeEncodeError:  # it holds the text
            raise ValueError("the text has a lone surrogate, which UTF-8 cannot encode") from None

    def reveal(self) -> bytes:
        """Return the password itself; call it where it is handed over, nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(<redacted>)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")


def _require(value: object, kind: type, otherwise: str) -> None:
    """Raise a TypeError that does not show the value."""
    if not isinstance(value, kind):
        raise TypeError(f"{otherwise} (this is {type(value).__name__})")
