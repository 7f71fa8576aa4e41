"""Hold a password that cannot be printed by accident."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class Secret:
    """Hold the bytes of a password, which never appear in a repr, traceback, format or pickle.

    A password is bytes here, as it is for the keyring daemon, for PAM and for a terminal, which do
    not say in which encoding a person typed it. Two secrets are equal if their bytes are equal.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        """Make a secret of bytes. Raises: TypeError for anything else, text too."""
        _require(value, bytes, "Secret() takes bytes: use Secret.from_text() for text")
        self._value = value

    @classmethod
    def from_text(cls, text: str) -> Secret:
        """Return a secret of this text in UTF-8, as keyring and secret-tool store it.

        Raises: TypeError for anything but text, and ValueError for text that has no UTF-8.
        """
        _require(text, str, "Secret.from_text() takes text: use Secret() for bytes")
        try:
            return cls(text.encode())
        except UnicodeEncodeError:  # this error holds the text
            raise ValueError("the text has a lone surrogate, which UTF-8 cannot encode") from None

    def reveal(self) -> bytes:
        """Return the password as bytes; call it only at the place where the password is used."""
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
    """Raise a TypeError that does not show the value, if the value is of another type."""
    if not isinstance(value, kind):
        raise TypeError(f"{otherwise} (this is {type(value).__name__})")


def require_secret(password: object) -> Secret:
    """Return the password if it is a Secret.

    Raises: TypeError for anything else. The message does not show the value.
    """
    if not isinstance(password, Secret):
        given = type(password).__name__
        raise TypeError(f"the password must be a Secret, not {given}: use Secret.from_text()")
    return password
