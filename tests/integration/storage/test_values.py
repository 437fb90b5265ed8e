import pytest

from pumphouse.contracts.references import Reference
from pumphouse.errors import NotFound, PumphouseError
from pumphouse.storage import Storage, get_value, put_value


async def test_a_value_comes_back_as_it_was_put_away(storage: Storage) -> None:
    encoded = b'"' + b"x" * 100_000 + b'"'
    reference = await put_value(storage.platform, "runs/1/inputs/0", encoded)
    assert (reference.key, reference.size) == ("runs/1/inputs/0", 100_002)
    assert await get_value(storage.platform, reference) == encoded


async def test_a_value_that_was_changed_is_not_taken(storage: Storage) -> None:
    reference = await put_value(storage.platform, "key", b'"first"')
    for other in (b'"other"', b'"longer than it was"'):
        await storage.platform.put("key", other)
        with pytest.raises(PumphouseError, match="not the value put there") as caught:
            await get_value(storage.platform, reference)
        assert type(caught.value) is PumphouseError


async def test_a_value_that_is_gone_is_not_found(storage: Storage) -> None:
    with pytest.raises(NotFound, match="'gone'"):
        await get_value(storage.platform, Reference(key="gone", size=1))
