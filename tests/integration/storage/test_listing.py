import random

from pumphouse.storage import Bucket, Page


async def _pages(bucket: Bucket, prefix: str, limit: int) -> list[Page]:
    pages = [await bucket.page(prefix, "", limit)]
    while pages[-1].next is not None:
        pages.append(await bucket.page(prefix, pages[-1].next, limit))
    return pages


async def _fill(bucket: Bucket, keys: list[str]) -> None:
    for key in keys:
        await bucket.put(key, b"")


async def test_pages_follow_one_another_in_key_order_and_the_last_says_so(bucket: Bucket) -> None:
    keys = [f"folder/{number:02}" for number in range(6)]
    await _fill(bucket, keys[::-1])
    pages = await _pages(bucket, "", 3)
    assert [[item.key for item in page.objects] for page in pages] == [keys[:3], keys[3:]]
    assert [page.next for page in pages] == [keys[2], None]
    assert [len(page.objects) for page in await _pages(bucket, "", 4)] == [4, 2]
    assert [len(page.objects) for page in await _pages(bucket, "", 1000)] == [6]


async def test_an_empty_bucket_has_one_empty_page(bucket: Bucket) -> None:
    assert await bucket.page() == Page((), None)


async def test_a_prefix_need_not_be_a_folder(bucket: Bucket) -> None:
    await _fill(bucket, ["a/b/c", "a/bd", "a", "ab", "b"])

    async def below(prefix: str) -> set[str]:
        return {item.key for item in (await bucket.page(prefix)).objects}

    assert await below("a/") == {"a/b/c", "a/bd"}
    assert await below("a/b") == {"a/b/c", "a/bd"}
    assert await below("a") == {"a/b/c", "a/bd", "a", "ab"}
    assert await below("c") == set()


async def test_pages_of_any_size_lose_and_repeat_nothing(bucket: Bucket) -> None:
    """Names that are objects and folders at once, and ones that sort around a slash."""
    chance = random.Random(20)  # the same trees each time
    names = ["a", "b", "a.", "a-", "a0", "b c", "é+%"]
    for _ in range(6):
        keys = {"/".join(chance.choices(names, k=chance.randint(1, 4))) for _ in range(14)}
        await _fill(bucket, chance.sample(sorted(keys), len(keys)))
        for prefix in ("", "a", "a/"):
            expected = sorted(key for key in keys if key.startswith(prefix))
            for limit in (1, 2, 3, 5, 100):
                pages = await _pages(bucket, prefix, limit)
                found = sorted(item.key for page in pages for item in page.objects)
                assert found == expected, (prefix, limit)
        assert await bucket.delete_below("") == len(keys)


async def test_everything_below_a_prefix_goes_and_nothing_else(bucket: Bucket) -> None:
    gone = [f"runs/1/{number}" for number in range(30)] + ["runs/1/a b+c/é", "runs/1/x/y/z"]
    stays = ["runs/10/output", "runs/2", "runs/1"]
    await _fill(bucket, gone + stays)
    assert await bucket.delete_below("runs/1/") == len(gone)
    assert sorted(item.key for item in (await bucket.page()).objects) == sorted(stays)
    assert await bucket.delete_below("runs/1/") == 0


async def test_a_thousand_objects_and_more_are_deleted_over_pages(bucket: Bucket) -> None:
    await _fill(bucket, [f"many/{number:04}" for number in range(1001)])
    assert [len(page.objects) for page in await _pages(bucket, "many/", 1000)] == [1000, 1]
    assert await bucket.delete_below("many/") == 1001
    assert await bucket.page() == Page((), None)
