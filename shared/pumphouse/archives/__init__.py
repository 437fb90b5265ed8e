"""What is accepted as the code of a pipeline: a gzip tar with the function in it."""

import ast
import gzip
import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from posixpath import normpath

from pumphouse.errors import Invalid, TooLarge

MAX_CONTENT_BYTES = 5 * 1024 * 1024
"""Of the files in an archive together, uncompressed."""

MAX_MEMBERS = 20_000
MAX_TAR_BYTES = MAX_CONTENT_BYTES + MAX_MEMBERS * 1024


def check_archive(
    content: bytes, function_path: str, function_name: str, requirements_path: str | None = None
) -> None:
    """Return when an executor can unpack `content` and find the function in it.

    The paths are those of files in the archive. Blocks: an archive takes a moment.
    Raises Invalid, and TooLarge for more than MAX_CONTENT_BYTES.
    """
    with _opened(content) as archive:
        files = _files(archive)
        source = _content(archive, files, function_path, "function_path")
        if requirements_path is not None:
            _content(archive, files, requirements_path, "requirements_path")
    _check_function(source, function_path, function_name)


def check_context(content: bytes, dockerfile_path: str) -> None:
    """The same for code that its Dockerfile makes an image of. Raises Invalid, TooLarge."""
    with _opened(content) as archive:
        _content(archive, _files(archive), dockerfile_path, "dockerfile_path")


def path_inside(path: str, what: str) -> str:
    """A path inside an archive without detours. Raises Invalid for one that leads out of it."""
    if path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise Invalid(f"{what} {path[:200]!r} must be relative and stay inside the archive.")
    return normpath(path) if path else "."


@contextmanager
def _opened(content: bytes) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=io.BytesIO(_decompressed(content)), mode="r:") as archive:
            yield archive
    except (tarfile.TarError, EOFError, OverflowError, ValueError) as error:
        raise Invalid("The archive is not a gzip-compressed tar file, or is damaged.") from error


def _decompressed(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            tar = file.read(MAX_TAR_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Invalid("The archive is not a gzip-compressed tar file, or is damaged.") from error
    if len(tar) > MAX_TAR_BYTES:
        raise _too_large()
    return tar


def _files(archive: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """The files in it, by path. Raises Invalid for members of another kind, and TooLarge."""
    files: dict[str, tarfile.TarInfo] = {}
    size = 0
    for count, member in enumerate(archive, start=1):
        if count > MAX_MEMBERS:
            raise TooLarge(f"The archive has more than {MAX_MEMBERS:,} members.")
        path = path_inside(member.name, "The archive member")
        if member.isreg() and not member.issparse():
            size += member.size - (files[path].size if path in files else 0)
            files[path] = member
        elif not member.isdir():
            raise Invalid(
                f"The archive member {member.name[:200]!r} is neither a file nor a folder: links"
                " and devices are not accepted."
            )
        if size > MAX_CONTENT_BYTES:
            raise _too_large()
    return files


def _content(
    archive: tarfile.TarFile, files: dict[str, tarfile.TarInfo], path: str, what: str
) -> bytes:
    found = files.get(path_inside(path, what))
    content = None if found is None else archive.extractfile(found)
    if content is None:
        raise Invalid(f"The archive has no file {path[:200]!r}: see {what}.")
    return content.read()


def _too_large() -> TooLarge:
    return TooLarge(
        f"The archive holds more than {MAX_CONTENT_BYTES // 1024**2} MiB of files: leave folders"
        " out with included_folders."
    )


def _check_function(source: bytes, path: str, name: str) -> None:
    try:
        module = ast.parse(source, filename=path)
    except SyntaxError as error:
        raise Invalid(f"{path}, line {error.lineno}: {error.msg}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Invalid(f"{path} cannot be read as Python: {error}.") from error
    names = set(_names(module.body))
    if name not in names and "*" not in names:
        raise Invalid(f"{path} defines no function {name!r} at its top level: see function_name.")


def _names(statements: Iterable[ast.stmt]) -> Iterator[str]:
    """The names that running these statements gives a meaning to; `*` for unknown ones."""
    for statement in statements:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from (alias.asname or alias.name for alias in aliases)
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.If() | ast.Try() | ast.TryStar() | ast.With():
                yield from _names(_inner(statement))


def _inner(statement: ast.stmt) -> list[ast.stmt]:
    inner = [node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.stmt)]
    handlers = getattr(statement, "handlers", [])
    return inner + [node for handler in handlers for node in handler.body]
