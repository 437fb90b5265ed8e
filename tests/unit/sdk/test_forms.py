"""Forms with files, piece by piece."""

import io

import pytest
from python_multipart.multipart import parse_options_header

from pumphouse.sdk.forms import MultipartForm
from pumphouse.sdk.sources import Source


def written(form: MultipartForm) -> bytes:
    return b"".join(piece if isinstance(piece, bytes) else piece.read() for piece in form.pieces())


@pytest.mark.parametrize("content", [b"", b"content", Source(io.BytesIO(b"\0" * 1000), "it")])
def test_the_length_of_a_form_is_known_before_it_is_written(content: bytes | Source) -> None:
    file = ("tâble.csv", content, "application/octet-stream")
    form = MultipartForm({"naïve": "é"}, {"table": file})
    assert form.length == len(written(form))


def test_the_length_is_not_known_of_what_must_be_read_first() -> None:
    class Once(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return b""

    form = MultipartForm({}, {"table": ("table", Source(Once(), "it"), "text/csv")})
    assert form.length is None


@pytest.mark.parametrize("name", ['a"b', "a\r\nContent-Type: text/html\r\n\r\nb", "a;b=c"])
def test_a_name_stays_in_its_place(name: str) -> None:
    form = MultipartForm({}, {name: (name, b"content", "text/csv")}, boundary="edge")
    head, _, content = written(form).partition(b"\r\n\r\n")
    edge, disposition, content_type = head.split(b"\r\n")
    kind, options = parse_options_header(disposition.partition(b": ")[2])
    escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").encode()
    assert (edge, kind, content_type) == (b"--edge", b"form-data", b"Content-Type: text/csv")
    assert options == {b"name": escaped, b"filename": escaped}
    assert content == b"content\r\n--edge--\r\n"
