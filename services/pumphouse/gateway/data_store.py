"""Routes of the data store: what clients ask for before they speak to the store themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler

from pumphouse.errors import Invalid, NotFound
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.bodies import (
    ApiRequest,
    only_once,
    only_texts,
    read_body_as,
    read_fields,
)
from pumphouse.gateway.data_store_views import (
    ListedObjects,
    PartLink,
    ShownObject,
    StoredPath,
    UploadForm,
    show_object,
)
from pumphouse.gateway.described import Parameter, described, form
from pumphouse.gateway.inside import FOR_EXECUTIONS
from pumphouse.gateway.links import Links
from pumphouse.gateway.pipeline_views import SignedLink
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.uploads import (
    Configuration,
    EndedPart,
    Linked,
    PartNumber,
    PartSize,
    Uploads,
    WholeSize,
    check_part,
)
from pumphouse.mapping import clean_folder, clean_path
from pumphouse.storage import Bucket, ObjectInfo

PAGE_OBJECTS = 1000
MAX_TOKEN_CHARACTERS = 1024


_TAG = "Data store"
_PATH = "path_to_object"
_FOLDER = Parameter("folder_path", "Those below this folder alone.")
_AFTER = Parameter(
    "continuation_token",
    "What the page before gave.",
    Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": MAX_TOKEN_CHARACTERS})],
)


class Target(msgspec.Struct, frozen=True):
    """An object by its path in the data store, with `/` between folders."""

    path_to_object: str


class PartAnnounced(msgspec.Struct, frozen=True):
    """chunk_size: of every part but the last, in bytes. size: of the object, with the last part."""

    path_to_object: str
    multipart_upload_configuration: Any
    chunk_size: PartSize
    part_number: PartNumber
    size: WholeSize | None = None


class UploadEnded(msgspec.Struct, frozen=True):
    """All parts of an upload, each with the ETag that the store answered."""

    path_to_object: str
    multipart_upload_configuration: Any
    parts: list[EndedPart]


@dataclass(frozen=True)
class DataStoreRoutes(Shared):
    """is_store_inside: executions reach the store where the services do, and not as clients do."""

    bucket: Bucket
    is_store_inside: bool
    uploads: Uploads
    links: Links

    def routes(self) -> list[HTTPRouteHandler]:
        """Routes below /api/v1 for users."""
        multipart = "/data-store/upload/multipart"
        return [
            post("/data-store/information", opt=FOR_EXECUTIONS)(self.information),
            get("/data-store/list", opt=FOR_EXECUTIONS)(self.page),
            get("/data-store/upload", opt=FOR_EXECUTIONS)(self.upload),
            post(multipart, opt=FOR_EXECUTIONS)(self.begin),
            post(f"{multipart}/part", opt=FOR_EXECUTIONS)(self.part),
            post(f"{multipart}/end", opt=FOR_EXECUTIONS)(self.end),
            post("/data-store/download", opt=FOR_EXECUTIONS)(self.download),
            delete("/data-store/delete", status_code=HTTPStatus.OK, opt=FOR_EXECUTIONS)(
                self.delete
            ),
        ]

    @described(
        "get_data_store_object_information",
        "Show an object",
        tag=_TAG,
        body=Target,
        answers=ShownObject,
        refusals=(NotFound,),
    )
    async def information(self, request: ApiRequest) -> Response[bytes]:
        key = _key((await read_body_as(Target, request)).path_to_object)
        return json_answer(show_object(await self._found(key)))

    @described(
        "list_data_store_objects",
        "List objects, a page at a time",
        tag=_TAG,
        query=(_FOLDER, _AFTER),
        answers=ListedObjects,
    )
    async def page(self, request: ApiRequest) -> Response[bytes]:
        query = request.query_params
        after = query.get(_AFTER.name, "")
        if len(after) > MAX_TOKEN_CHARACTERS:
            raise Invalid("continuation_token is not one that a page of this list gave.")
        prefix = _named(_FOLDER.name, clean_folder, query.get(_FOLDER.name, ""))
        page = await self.bucket.page(prefix, after, PAGE_OBJECTS)
        return json_answer(ListedObjects([show_object(found) for found in page.objects], page.next))

    @described(
        "upload_data_store_object",
        "Get a form that uploads an object",
        tag=_TAG,
        query=(Parameter(_PATH, "Where to.", is_required=True),),
        answers=UploadForm,
    )
    async def upload(self, request: ApiRequest) -> Response[bytes]:
        key = _key(request.query_params.get(_PATH))
        await self.bucket.page(key, limit=1)  # a client learns best here that the store is down
        signed = self._linked(request)(self.bucket).upload_form(key)
        url = self.links.reachable(signed.url, request)
        return json_answer(UploadForm(url, signed.fields))

    @described(
        "begin_multipart_upload",
        "Begin an upload in parts",
        tag=_TAG,
        body=Target,
        answers=Configuration,
    )
    async def begin(self, request: ApiRequest) -> Response[bytes]:
        key = _key((await read_body_as(Target, request)).path_to_object)
        return json_answer(await self.uploads.begin(key))

    @described(
        "announce_upload_part",
        "Get a link that uploads a part",
        tag=_TAG,
        body=PartAnnounced,
        answers=PartLink,
        refusals=(NotFound,),
    )
    async def part(self, request: ApiRequest) -> Response[bytes]:
        announced = await read_body_as(PartAnnounced, request)
        key = _key(announced.path_to_object)
        check_part(announced.part_number, announced.chunk_size, announced.size)
        upload = self.uploads.known(key, announced.multipart_upload_configuration)
        if announced.size is not None:
            await self.uploads.remember_size(upload, announced.size)
        url = self.uploads.part_url(
            upload, announced.part_number, announced.chunk_size, self._linked(request)
        )
        return json_answer(PartLink(self.links.reachable(url, request), {}))

    @described(
        "end_multipart_upload",
        "Make the object of the parts",
        tag=_TAG,
        body=UploadEnded,
        answers=StoredPath,
        refusals=(NotFound,),
    )
    async def end(self, request: ApiRequest) -> Response[bytes]:
        ended = await read_body_as(UploadEnded, request)
        key = _key(ended.path_to_object)
        upload = self.uploads.known(key, ended.multipart_upload_configuration)
        await self.uploads.complete(upload, ended.parts)
        return json_answer(StoredPath(key))

    @described(
        "download_data_store_object",
        "Get a link that downloads an object",
        tag=_TAG,
        body=form(Target),
        answers=SignedLink,
        refusals=(NotFound,),
    )
    async def download(self, request: ApiRequest) -> Response[bytes]:
        key = await _key_in_form(request)
        await self._found(key)
        url = self._linked(request)(self.bucket).download_url(key)
        return json_answer(SignedLink(self.links.reachable(url, request)))

    @described(
        "delete_data_store_object",
        "Delete an object",
        tag=_TAG,
        body=form(Target),
        answers=StoredPath,
        refusals=(NotFound,),
    )
    async def delete(self, request: ApiRequest) -> Response[bytes]:
        key = await _key_in_form(request)
        await self._found(key)
        await self.bucket.delete(key)
        return json_answer(StoredPath(key))

    def _linked(self, request: ApiRequest) -> Linked:
        """From a bucket to the same with links that the sender of the request can use."""
        is_near = self.is_store_inside and request.auth is not None
        return lambda bucket: bucket.nearby() if is_near else bucket

    async def _found(self, key: str) -> ObjectInfo:
        try:
            return await self.bucket.info(key)
        except NotFound as error:
            raise NotFound(f"The data store has no object {key!r}.") from error


async def _key_in_form(request: ApiRequest) -> str:
    fields = only_once(only_texts(await read_fields(request)))
    return _key(fields.get(_PATH))


def _key(path: str | None) -> str:
    if path is None:
        raise Invalid(f"{_PATH} is missing.")
    return _named(_PATH, clean_path, path)


def _named(name: str, clean: Callable[[str], str], path: str) -> str:
    try:
        return clean(path)
    except Invalid as error:
        raise Invalid(f"{name}: {error.message}.") from error
