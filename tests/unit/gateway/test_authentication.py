"""Signed tokens."""

import jwt
import pytest

from pumphouse.gateway.authentication import result_tickets, upload_permits
from pumphouse.sealing import Sealer
from pumphouse.sealing.tokens import SignedTokens

SEALER = Sealer("0123456789abcdef0123456789abcdef")


def test_a_token_names_its_subject() -> None:
    tokens = result_tickets(SEALER)

    assert tokens.subject(tokens.issue("someone")) == "someone"


def test_a_token_of_another_purpose_or_installation_is_refused() -> None:
    token = result_tickets(SEALER).issue("x")

    assert upload_permits(SEALER).subject(token) is None
    assert result_tickets(Sealer("another secret of 32 characters!!")).subject(token) is None


def test_an_old_token_is_refused() -> None:
    tokens = SignedTokens(SEALER, "test", life_s=-1)

    assert tokens.subject(tokens.issue("x")) is None


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "\u00e9", "\0", "..", "a" * 100_000])
def test_what_is_no_token_is_refused(text: str) -> None:
    assert result_tickets(SEALER).subject(text) is None


def test_an_unsigned_token_is_refused() -> None:
    unsigned = jwt.encode({"sub": "x", "exp": 2**40}, "", algorithm="none")

    assert result_tickets(SEALER).subject(unsigned) is None
