"""A session of the Secret Service: how a secret crosses the bus.

plain      The secret is not encrypted. The bus is a socket of this user, which was checked.
encrypted  dh-ietf1024-sha256-aes128-cbc-pkcs7. A program that only listens on the bus (dbus-monitor
           or its log) cannot read the secret. A program in the place of the service still can.

Specification: https://specifications.freedesktop.org/secret-service-spec/latest/transfer-secrets.html
"""

from __future__ import annotations

import os

from creds_session.errors import InvalidData
from creds_session.secret import Secret
from creds_session.system.secret_service.answers import last_of_two, malformed
from creds_session.system.secret_service.service import PATH, SecretService

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT = "text/plain"
ENCRYPTED = "dh-ietf1024-sha256-aes128-cbc-pkcs7"
BLOCK = 16
PARTS = 4  # (oayays)
# The second Oakley group (RFC 2409, 6.2).
PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E34"
    "04DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6"
    "F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)
Transferred = tuple[str, bytes, bytes, str]


class PlainSession:
    """A session that transfers secrets unencrypted; ``path`` ends with the connection."""

    def __init__(self, service: SecretService) -> None:
        self.path = service.open_session()

    def wrap(self, secret: Secret) -> Transferred:
        """Return the structure in which a method takes a secret."""
        return self.path, b"", secret.reveal(), TEXT

    def unwrap(self, transferred: object) -> Secret:
        """Return the secret that is in such a structure."""
        return Secret(_bytes(_parts(transferred)[2]))


class EncryptedSession:
    """A session that encrypts secrets on the bus. Raises InvalidData for an unusable key."""

    def __init__(self, service: SecretService) -> None:
        service.require_own()
        private = int.from_bytes(os.urandom(128), "big")
        our_key = pow(2, private, PRIME).to_bytes(128, "big")
        opened = service.call(PATH, "Service", "OpenSession", "sv", ENCRYPTED, ("ay", our_key))
        path, variant = last_of_two(opened), opened[0]
        their_key = int.from_bytes(_bytes(variant[1]), "big") if isinstance(variant, tuple) else 0
        if not 1 < their_key < PRIME - 1:
            raise InvalidData("the keyring daemon gave a key that does not encrypt")
        self.path = str(path)
        self._key = _derived(pow(their_key, private, PRIME).to_bytes(128, "big"))

    def wrap(self, secret: Secret) -> Transferred:
        """Return the structure in which a method takes a secret."""
        from cryptography.hazmat.primitives.ciphers import (  # `get` sends plain secrets
            Cipher,
            algorithms,
            modes,
        )

        vector, plain = os.urandom(BLOCK), secret.reveal()
        missing = BLOCK - len(plain) % BLOCK  # PKCS #7: the number of bytes, in each of them
        encryptor = Cipher(algorithms.AES(self._key), modes.CBC(vector)).encryptor()
        sealed = encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()
        return self.path, vector, sealed, TEXT

    def unwrap(self, transferred: object) -> Secret:
        """Return the secret that is in such a structure. Raises InvalidData."""
        from cryptography.hazmat.primitives.ciphers import (
            Cipher,
            algorithms,
            modes,
        )

        _, vector, sealed, *_ = map(_bytes, _parts(transferred))
        if len(vector) != BLOCK or not sealed or len(sealed) % BLOCK:
            raise InvalidData("the keyring daemon gave a secret that cannot be decrypted")
        decryptor = Cipher(algorithms.AES(self._key), modes.CBC(vector)).decryptor()
        padded = decryptor.update(sealed) + decryptor.finalize()
        added = padded[-1]
        if not 0 < added <= BLOCK or padded[-added:] != bytes([added]) * added:
            raise InvalidData("the keyring daemon gave a secret that cannot be decrypted")
        return Secret(padded[:-added])


def _derived(shared: bytes) -> bytes:
    """Return the AES key: HKDF with SHA-256, no salt, no info (RFC 5869)."""
    import hashlib  # as above
    import hmac

    drawn = hmac.new(bytes(32), shared, hashlib.sha256).digest()
    return hmac.new(drawn, b"\x01", hashlib.sha256).digest()[:BLOCK]


def _parts(transferred: object) -> Sequence[object]:
    """Return the four parts of a secret: session, parameters, value, type. Raises Unavailable."""
    if not isinstance(transferred, (tuple, list)) or len(transferred) != PARTS:
        raise malformed()
    return transferred


def _bytes(value: object) -> bytes:
    """Return an array of bytes as it is read from a message."""
    return bytes(value) if isinstance(value, (bytes, bytearray, list, tuple)) else b""
