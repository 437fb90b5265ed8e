"""Signed tokens: whoever holds the installation's secret can tell whom they name."""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import jwt

from pumphouse.sealing import Sealer

_ALGORITHM = "HS256"


class SignedTokens:
    """JWTs of one purpose; those of another purpose are refused."""

    def __init__(self, sealer: Sealer, purpose: str, life_s: int | None) -> None:
        """life_s: None for tokens that no clock ends; each subject then has a single one."""
        self._key = sealer.derive(purpose)
        self._life_s = life_s

    def issue(self, subject: str) -> str:
        """A token that names `subject` until its life is over."""
        claims: dict[str, str | int] = {"sub": subject}
        if self._life_s is not None:
            now = int(time.time())
            claims |= {"iat": now, "exp": now + self._life_s}
        return jwt.encode(claims, self._key, _ALGORITHM)

    def subject(self, token: str) -> str | None:
        """Whom the token names; None when it is not one of these, or too old."""
        required = ["sub"] if self._life_s is None else ["exp", "sub"]
        try:
            claims = jwt.decode(token, self._key, [_ALGORITHM], options={"require": required})
        except (jwt.InvalidTokenError, UnicodeError):
            return None
        return str(claims["sub"])


class ScopeKind(StrEnum):
    EXECUTION = "execution"
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where user code runs that calls the platform, and what it may therefore do.

    id: of the one execution; or of the deployment whose pod it is, which has many, one after the
    other, and is at work before the first of them.
    """

    kind: ScopeKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @classmethod
    def of(cls, text: str) -> Self:
        """The scope that `str` has written."""
        kind, _, identifier = text.partition(":")
        return cls(ScopeKind(kind), identifier)


class ScopedTokens:
    """Signed tokens that name a scope."""

    def __init__(self, sealer: Sealer, purpose: str, life_s: int | None) -> None:
        self._tokens = SignedTokens(sealer, purpose, life_s)

    def issue(self, scope: Scope) -> str:
        return self._tokens.issue(str(scope))

    def scope(self, token: str) -> Scope | None:
        """Where the token's holder runs; None when it is not one of these, or too old."""
        subject = self._tokens.subject(token)
        return None if subject is None else Scope.of(subject)


def execution_tokens(sealer: Sealer) -> ScopedTokens:
    """What user code finds in its environment in the place of an SDK token."""
    return ScopedTokens(sealer, "execution-token", None)
