from hypothesis import given
from hypothesis import strategies as st

from pumphouse.storage import LARGEST_ON_BUS, oversized


@given(st.lists(st.integers(min_value=0, max_value=2 * LARGEST_ON_BUS), max_size=12))
def test_the_largest_are_put_away_until_the_rest_fits_and_no_more(sizes: list[int]) -> None:
    away = oversized(sizes)
    stays = [size for position, size in enumerate(sizes) if position not in away]
    assert len(set(away)) == len(away)
    assert sum(stays) <= LARGEST_ON_BUS
    if away:
        assert min(sizes[position] for position in away) >= max(stays, default=0)
        assert sum(stays) + sizes[away[-1]] > LARGEST_ON_BUS


def test_values_that_fit_exactly_travel() -> None:
    assert oversized([LARGEST_ON_BUS - 1, 1]) == []
    assert oversized([1, LARGEST_ON_BUS]) == [1]
    assert oversized([]) == []
