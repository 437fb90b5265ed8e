"""What is accepted as the code of a pipeline."""

import gzip
import io
import tarfile

import pytest

from pumphouse.archives import MAX_CONTENT_BYTES, MAX_MEMBERS, check_archive, check_context
from pumphouse.errors import Invalid, TooLarge

MAIN = b"def main():\n    pass\n"


def file(name: str, content: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def special(name: str, kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "main.py"
    return member, b""


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


@pytest.mark.parametrize(
    "source",
    [
        b"def main(): pass",
        b"async def main(): pass",
        b"from other import main",
        b"from other import *",
        b"main = lambda: None",
        b"main: object = print",
        b"try:\n    import fast\nexcept ImportError:\n    def main(): pass",
        b"if True:\n    pass\nelse:\n    def main(): pass",
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\ndef main(): pass",
        b"\xef\xbb\xbfdef main(): pass",
    ],
)
def test_every_way_to_define_the_function_is_found(source: bytes) -> None:
    check_archive(packed(file("main.py", source)), "main.py", "main")


def test_what_the_official_client_packs_is_accepted() -> None:
    members = [
        special("", tarfile.DIRTYPE),
        file("main.py", MAIN),
        special("package", tarfile.DIRTYPE),
        file("package/data.bin", b"\0" * 1000),
        file("./main.py", MAIN),
    ]

    check_archive(packed(*members), "./main.py", "main")


def test_a_file_that_is_there_twice_counts_once() -> None:
    large = file("large", b"\0" * (MAX_CONTENT_BYTES - len(MAIN)))

    check_archive(packed(file("main.py", MAIN), large, large), "main.py", "main")


def test_the_requirements_must_be_a_file_in_the_archive() -> None:
    archive = packed(
        file("main.py", MAIN), special("app", tarfile.DIRTYPE), file("./app/wanted.txt", b"six")
    )

    check_archive(archive, "main.py", "main", "app/wanted.txt")
    for path in ("wanted.txt", "app"):
        with pytest.raises(Invalid, match=f"no file '{path}': see requirements_path"):
            check_archive(archive, "main.py", "main", path)


DAMAGED = {
    "empty": b"",
    "text": b"not a tar",
    "gzip of text": gzip.compress(b"not a tar" * 1000),
    "cut short": packed(file("main.py", MAIN))[:-20],
    "tar without gzip": gzip.decompress(packed(file("main.py", MAIN))),
    "tar cut short": gzip.compress(gzip.decompress(packed(file("main.py", MAIN * 100)))[:700]),
    "nothing after its header": gzip.compress(b"")[:12],
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_what_is_no_gzip_tar_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        check_archive(content, "main.py", "main")


@pytest.mark.parametrize("name", ["../main.py", "/main.py", "a/../../main.py", "a/.."])
def test_a_member_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="stay inside"):
        check_archive(packed(file("main.py", MAIN), file(name, MAIN)), "main.py", "main")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_refused(kind: bytes) -> None:
    with pytest.raises(Invalid, match="links and devices"):
        check_archive(packed(file("main.py", MAIN), special("x", kind)), "main.py", "main")


def test_too_much_content_is_refused() -> None:
    halves = [file(name, b"\0" * (MAX_CONTENT_BYTES // 2 + 1)) for name in ("one", "two")]
    with pytest.raises(TooLarge, match="5 MiB"):
        check_archive(packed(file("main.py", MAIN), *halves), "main.py", "main")


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(TooLarge):
        check_archive(gzip.compress(b"\0" * 200_000_000, 1), "main.py", "main")


def test_too_many_members_are_refused() -> None:
    empty = [file(f"f{number}") for number in range(MAX_MEMBERS)]
    with pytest.raises(TooLarge, match="members"):
        check_archive(packed(*empty, file("main.py", MAIN)), "main.py", "main")


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (b"def other(): pass", "no function 'main'"),
        (b"def outer():\n    def main(): pass", "no function 'main'"),
        (b"x = 1\ndef main(:\n", "line 2"),
        (b"x = '\0'", "null bytes"),
        (b"x = '\xff'", "main.py"),
        (b"x = " + b"(" * 5000, "main.py"),
        (b"x = " + b"-" * 100_000 + b"1", "main.py"),
    ],
    ids=["absent", "inside", "syntax", "null", "encoding", "nested", "recursive"],
)
def test_a_file_without_the_function_is_refused(source: bytes, named: str) -> None:
    with pytest.raises(Invalid, match=named):
        check_archive(packed(file("main.py", source)), "main.py", "main")


@pytest.mark.parametrize("path", ["other.py", "main.py/x", "MAIN.py"])
def test_an_absent_file_is_named(path: str) -> None:
    with pytest.raises(Invalid, match="no file"):
        check_archive(packed(file("main.py", MAIN)), path, "main")


def test_a_context_has_its_dockerfile() -> None:
    content = packed(file("docker/Dockerfile", b"FROM scratch"))
    check_context(content, "docker/Dockerfile")
    with pytest.raises(Invalid, match="no file 'Dockerfile': see dockerfile_path"):
        check_context(content, "Dockerfile")
    with pytest.raises(Invalid, match="is not a gzip-compressed tar file"):
        check_context(b"no archive", "Dockerfile")
