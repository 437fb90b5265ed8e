"""The data store: files of yours on the platform, by their paths."""

from collections.abc import Iterator
from typing import cast

from pumphouse.sdk.encoding import to_json
from pumphouse.sdk.results import DataStoreObject, DataStoreObjectDeleted
from pumphouse.sdk.sources import Readable, opened
from pumphouse.sdk.targets import Writable, writing
from pumphouse.sdk.transport import Connected
from pumphouse.sdk.uploads import Upload

_UNITS = ("B", "KB", "MB", "GB", "TB")


class DataStore(Connected):
    def upload_data_store_object(
        self, filepath_or_buffer: Readable, object_path_in_datastore: str
    ) -> None:
        """Store a file; it replaces what is at the path, when all of it has arrived.

        filepath_or_buffer: a path, bytes, or a stream opened in binary mode, which is sent from
        its beginning if it can go there. Large files are sent in parts, a few at a time, and no
        more than those are held in memory.
        Raises InvalidParameters, Unreachable, and OSError for a file that cannot be read.
        """
        what = "'filepath_or_buffer'"
        with opened(filepath_or_buffer, what, from_its_beginning=True) as source:
            Upload(self._transport, object_path_in_datastore).send(source)

    def download_data_store_object(
        self, object_path_in_datastore: str, filepath_or_buffer: Writable
    ) -> None:
        """Fetch a file.

        filepath_or_buffer: a path, where a file appears or is replaced when all of it has
        arrived, or a stream opened in binary mode, which is then put back to its beginning.
        Raises InvalidParameters, NotFound, Unreachable, and OSError for a file that cannot be
        written.
        """
        with writing(filepath_or_buffer) as write:
            form = {"path_to_object": object_path_in_datastore}
            link = self._transport.call("POST", "data-store", "download", form=form)
            self._transport.store.get(link["signed_url"], write, object_path_in_datastore)

    def get_data_store_object_information(self, object_path_in_datastore: str) -> DataStoreObject:
        """Raises NotFound."""
        body = to_json({"path_to_object": object_path_in_datastore}, "'object_path_in_datastore'")
        found = self._transport.call("POST", "data-store", "information", body=body)
        return _shown(found)

    def list_data_store_objects(self, folder_path: str | None = None) -> list[DataStoreObject]:
        """All objects, or those below a folder, by their paths."""
        return list(self.iter_data_store_objects(folder_path))

    def iter_data_store_objects(self, folder_path: str | None = None) -> Iterator[DataStoreObject]:
        """As list_data_store_objects, asking for the next thousand when they are wanted."""
        query = {"folder_path": folder_path} if folder_path else {}
        while True:
            page = self._transport.call("GET", "data-store", "list", query=query)
            yield from map(_shown, page["items"])
            token = page.get("continuation_token")
            if token is None:
                return
            query["continuation_token"] = token

    def delete_data_store_object(self, object_path_in_datastore: str) -> DataStoreObjectDeleted:
        """Raises NotFound."""
        form = {"path_to_object": object_path_in_datastore}
        deleted = self._transport.call("DELETE", "data-store", "delete", form=form)
        return cast(DataStoreObjectDeleted, deleted)


def size_as_text(size: float) -> str:
    """A number of bytes as `1.50 KB`, in powers of 1024."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.2f} {_UNITS[unit]}"


def _shown(item: dict[str, object]) -> DataStoreObject:
    return cast(DataStoreObject, {**item, "size": size_as_text(cast(float, item["size"]))})
