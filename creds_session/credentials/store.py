"""What every store of credentials can do."""

from __future__ import annotations

from typing import Protocol

from creds_session.secret import Secret


class Store(Protocol):
    """Store passwords by service and user name."""

    def get(self, service: str, username: str) -> Secret | None:
        """Return a password, or None if no password is stored."""

    def put(self, service: str, username: str, password: Secret) -> None:
        """Store a password; replace the password that was stored for this user before."""

    def delete(self, service: str, username: str) -> None:
        """Remove a password.

        Raises: NoSuchCredential.
        """

    def names(self, service: str | None) -> list[tuple[str, str]]:
        """Return all pairs of service and user name, or only the pairs of one service."""
