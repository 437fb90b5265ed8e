"""Secrets that the platform must be able to show again, and fingerprints of those it need not.

A Sealer holds the installation's key, which is never in the database. What it seals may travel in
messages and rest in Postgres; only the gateway and the executor open it.
"""

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken

from pumphouse.errors import Invalid


class Sealer:
    """Authenticated encryption (Fernet) and keyed hashes, both derived from one secret."""

    def __init__(self, secret: str) -> None:
        if len(secret) < 32:
            raise Invalid("PUMPHOUSE_SECRET_KEY must have at least 32 characters.")
        self._secret = secret.encode()
        self._fernet = Fernet(base64.urlsafe_b64encode(self.derive("sealing")))
        self._fingerprint_key = self.derive("fingerprint")

    def derive(self, purpose: str) -> bytes:
        """32 bytes that belong to `purpose` alone: HMAC-SHA256 of it under the secret."""
        return hmac.digest(self._secret, purpose.encode(), "sha256")

    def seal(self, text: str) -> str:
        """Encrypt `text` to URL-safe ASCII; twice the same text gives two different seals."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The text that was sealed. Raises Invalid when it was sealed with another key."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise Invalid(
                "A stored secret was sealed with another key: start with the PUMPHOUSE_SECRET_KEY"
                " that this database was filled with."
            ) from error

    def fingerprint(self, text: str) -> str:
        """Keyed hash for looking a secret up without storing it."""
        return hmac.digest(self._fingerprint_key, text.encode(), "sha256").hex()


def digest(token: str) -> str:
    """Plain SHA-256 of a token that has at least 128 random bits of its own."""
    return hashlib.sha256(token.encode()).hexdigest()
