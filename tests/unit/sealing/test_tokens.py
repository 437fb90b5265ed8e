"""Signed tokens and what they are good for."""

import jwt
import pytest

from pumphouse.sealing import Sealer
from pumphouse.sealing.tokens import (
    Scope,
    ScopedTokens,
    ScopeKind,
    SignedTokens,
    execution_tokens,
)

SEALER = Sealer("k" * 32)
ONE = Scope(ScopeKind.EXECUTION, "01a")
POD = Scope(ScopeKind.DEPLOYMENT, "01a")


def test_a_scope_is_read_as_it_was_written() -> None:
    tokens = execution_tokens(SEALER)
    assert [tokens.scope(tokens.issue(scope)) for scope in (ONE, POD)] == [ONE, POD]


def test_a_pod_has_the_same_token_for_ever() -> None:
    assert execution_tokens(SEALER).issue(POD) == execution_tokens(SEALER).issue(POD)
    claims = jwt.decode(execution_tokens(SEALER).issue(POD), options={"verify_signature": False})
    assert claims == {"sub": "deployment:01a"}


def test_a_token_of_another_purpose_or_installation_names_no_scope() -> None:
    tokens = execution_tokens(SEALER)
    assert tokens.scope(SignedTokens(SEALER, "access-token", 60).issue("execution:01a")) is None
    assert tokens.scope(execution_tokens(Sealer("l" * 32)).issue(ONE)) is None
    assert ScopedTokens(SEALER, "other", 60).scope(tokens.issue(ONE)) is None


def test_a_token_that_must_have_an_end_is_refused_without_one() -> None:
    endless, mortal = (ScopedTokens(SEALER, "same", life_s) for life_s in (None, 60))
    assert mortal.scope(endless.issue(ONE)) is None
    assert ScopedTokens(SEALER, "same", -1).scope(mortal.issue(ONE)) == ONE


@pytest.mark.parametrize("life_s", [-1, 0])
def test_an_old_token_is_refused(life_s: int) -> None:
    tokens = ScopedTokens(SEALER, "same", life_s)
    assert tokens.scope(tokens.issue(ONE)) is None


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é", "\0", "..", "a" * 100_000])
def test_what_is_no_token_is_refused(text: str) -> None:
    assert execution_tokens(SEALER).scope(text) is None


def test_a_tampered_token_is_refused() -> None:
    head, _, signature = execution_tokens(SEALER).issue(ONE).split(".")
    _, other, _ = execution_tokens(SEALER).issue(POD).split(".")
    assert execution_tokens(SEALER).scope(f"{head}.{other}.{signature}") is None
