"""Writing lists of metrics as JSON while their values are still being fetched.

A page of lists can hold more values than a process should hold at once.
"""

from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec

from pumphouse.bus import Bus
from pumphouse.contracts.metrics import MetricList, MetricPart, MetricValuesQueried
from pumphouse.gateway.metric_views import MetricHead

VALUES_AT_ONCE = 50_000
"""Of one message: about a megabyte of JSON."""

_encoder = msgspec.json.Encoder()


async def written(
    bus: Bus, total_count: int, lists: Sequence[tuple[MetricHead, MetricList]]
) -> AsyncIterator[bytes]:
    """The JSON of a page, in pieces.

    lists: what is shown of each beside its values. Raises Unavailable, which ends the answer
    before its end.
    """
    heads = {metric.id: head for head, metric in lists}
    yield b'{"total_count":%d,"metrics":[' % total_count
    opened: int | None = None
    has_values = False
    for parts in batches([metric for _, metric in lists], VALUES_AT_ONCE):
        answer = await bus.request(MetricValuesQueried(parts=parts))
        pieces: list[bytes] = []
        for part, values in zip(parts, answer.values, strict=True):
            if part.list_id != opened:
                pieces.append(b"" if opened is None else b"]},")
                pieces.append(_encoder.encode(heads[part.list_id])[:-1] + b',"values":[')
                opened, has_values = part.list_id, False
            if values:
                pieces.append(b"," if has_values else b"")
                pieces.append(_encoder.encode(values)[1:-1])
                has_values = True
        yield b"".join(pieces)
    yield b"]}" if opened is None else b"]}]}"


def batches(lists: Sequence[MetricList], most: int) -> Iterator[tuple[MetricPart, ...]]:
    """All values of all lists, in order, at most `most` of them in each batch."""
    batch: list[MetricPart] = []
    room = most
    for metric in lists:
        first = 0
        while first < metric.length:
            count = min(metric.length - first, room)
            batch.append(MetricPart(metric.id, first, count))
            first, room = first + count, room - count
            if room == 0:
                yield tuple(batch)
                batch, room = [], most
    if batch:
        yield tuple(batch)
