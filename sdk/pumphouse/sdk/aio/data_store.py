"""The data store: files of yours on the platform, by their paths."""

from collections.abc import AsyncIterator
from typing import cast

from pumphouse.sdk.aio.concurrency import entered
from pumphouse.sdk.aio.transport import Connected
from pumphouse.sdk.aio.uploads import Upload
from pumphouse.sdk.encoding import to_json
from pumphouse.sdk.objects import shown_object
from pumphouse.sdk.results import DataStoreObject, DataStoreObjectDeleted
from pumphouse.sdk.sources import Readable, opened
from pumphouse.sdk.targets import Writable, writing


class DataStore(Connected):
    async def upload_data_store_object(
        self, filepath_or_buffer: Readable, object_path_in_datastore: str
    ) -> None:
        """Store a file; it replaces what is at the path, when all of it has arrived.

        filepath_or_buffer: a path, bytes, or a stream opened in binary mode, which is sent from
        its beginning if it can go there. Large files are sent in parts, a few at a time, and no
        more than those are held in memory.
        Raises InvalidParameters, Unreachable, and OSError for a file that cannot be read.
        """
        what = "'filepath_or_buffer'"
        async with entered(opened(filepath_or_buffer, what, from_its_beginning=True)) as source:
            await Upload(self._transport, object_path_in_datastore).send(source)

    async def download_data_store_object(
        self, object_path_in_datastore: str, filepath_or_buffer: Writable
    ) -> None:
        """Fetch a file.

        filepath_or_buffer: a path, where a file appears or is replaced when all of it has
        arrived, or a stream opened in binary mode, which is then put back to its beginning.
        Raises InvalidParameters, NotFound, Unreachable, and OSError for a file that cannot be
        written.
        """
        async with entered(writing(filepath_or_buffer)) as write:
            form = {"path_to_object": object_path_in_datastore}
            link = await self._transport.call("POST", "data-store", "download", form=form)
            await self._transport.store.get(link["signed_url"], write, object_path_in_datastore)

    async def get_data_store_object_information(
        self, object_path_in_datastore: str
    ) -> DataStoreObject:
        """Raises NotFound."""
        body = to_json({"path_to_object": object_path_in_datastore}, "'object_path_in_datastore'")
        found = await self._transport.call("POST", "data-store", "information", body=body)
        return shown_object(found)

    async def list_data_store_objects(
        self, folder_path: str | None = None
    ) -> list[DataStoreObject]:
        """All objects, or those below a folder, by their paths."""
        found = []
        async for item in self.iter_data_store_objects(folder_path):
            found.append(item)
        return found

    async def iter_data_store_objects(
        self, folder_path: str | None = None
    ) -> AsyncIterator[DataStoreObject]:
        """As list_data_store_objects, asking for the next thousand when they are wanted."""
        query = {"folder_path": folder_path} if folder_path else {}
        while True:
            page = await self._transport.call("GET", "data-store", "list", query=query)
            for item in page["items"]:
                yield shown_object(item)
            token = page.get("continuation_token")
            if token is None:
                return
            query["continuation_token"] = token

    async def delete_data_store_object(
        self, object_path_in_datastore: str
    ) -> DataStoreObjectDeleted:
        """Raises NotFound."""
        form = {"path_to_object": object_path_in_datastore}
        deleted = await self._transport.call("DELETE", "data-store", "delete", form=form)
        return cast(DataStoreObjectDeleted, deleted)
