"""The file that was one input or one output of an execution."""

from dataclasses import dataclass

from litestar import Response

from pumphouse.contracts.executions import PlannedInput, ProducedOutput
from pumphouse.contracts.mappings import FileTarget, StoredFile
from pumphouse.errors import NotFound
from pumphouse.gateway.answers import no_content
from pumphouse.gateway.file_answers import FileAnswer, attachment
from pumphouse.gateway.sharing import Shared
from pumphouse.storage import Bucket, Storage


@dataclass(frozen=True)
class SingleFiles(Shared):
    """Answers with the bytes, or with no content when there are none, or none any more.

    A file of the data store is what its path holds now. Raises Unavailable.
    """

    storage: Storage

    async def of_input(self, item: PlannedInput) -> Response[bytes]:
        if isinstance(item.source, StoredFile):
            return await _answer(self.storage.data, item.source.path, _last(item.source.path))
        if item.reference is None:
            return no_content()
        saved_as = item.reference.name or item.name
        return await _answer(self.storage.platform, item.reference.key, saved_as)

    async def of_output(self, item: ProducedOutput) -> Response[bytes]:
        if isinstance(item.destination, FileTarget):
            if item.written is None:
                return no_content()
            path = item.destination.path
            return await _answer(self.storage.data, path, _last(path))
        if item.reference is None:
            return no_content()
        return await _answer(self.storage.platform, item.reference.key, item.name)


async def _answer(bucket: Bucket, key: str, saved_as: str) -> Response[bytes]:
    try:
        await bucket.info(key)
    except NotFound:
        return no_content()
    return FileAnswer(bucket, key, {"Content-Disposition": attachment(saved_as)})


def _last(path: str) -> str:
    return path.rpartition("/")[2]
