import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.errors import Invalid
from pumphouse.sealing import Sealer, digest

SEALER = Sealer("k" * 32)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_can_be_opened_and_not_be_read(text: str) -> None:
    sealed = SEALER.seal(text)
    assert SEALER.open(sealed) == text
    assert len(text) < 4 or text not in sealed


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Invalid, match="PUMPHOUSE_SECRET_KEY"):
        Sealer("l" * 32).open(SEALER.seal("secret"))


def test_a_short_key_is_refused() -> None:
    with pytest.raises(Invalid, match="32"):
        Sealer("short")


def test_fingerprints_depend_on_the_text_and_on_the_key() -> None:
    assert SEALER.fingerprint("a") == SEALER.fingerprint("a")
    assert SEALER.fingerprint("a") != SEALER.fingerprint("b")
    assert SEALER.fingerprint("a") != Sealer("l" * 32).fingerprint("a")
    assert SEALER.fingerprint("a") != digest("a")
