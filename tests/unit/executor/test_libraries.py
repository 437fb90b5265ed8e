"""What the text of a pipeline's code says of the libraries that it will import."""

from pathlib import Path

import pytest

from pumphouse.executor.libraries import is_library, libraries_of


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "main.py").write_text(
        "import numpy as np, os.path\nfrom pandas.api import types\nfrom . import beside\n"
        "def main():\n    from sklearn import svm\n    import package.part, helper\n"
    )
    (tmp_path / "helper.py").write_text(
        "try:\n    import ujson\nexcept ImportError:\n    import json"
    )
    (tmp_path / "package" / "part.py").write_text("import yaml\nfrom ..helper import x")
    expected = {"numpy", "os.path", "pandas.api", "sklearn", "ujson", "json", "yaml"}
    assert libraries_of(tmp_path) == expected


@pytest.mark.parametrize("text", ["def (", "import \0", "\ud800", "import a\n" * 300_000])
def test_what_cannot_be_read_is_left_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "main.py").write_text(text, errors="surrogatepass")
    (tmp_path / "other.py").write_text("import yaml")
    assert libraries_of(tmp_path) == {"yaml"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("try: import yaml\nexcept ImportError: import json; import csv", {"yaml", "json", "csv"}),
        ("import a.b as c, \\\n    d as e", {"a.b", "d"}),
        ("from a import(b,\n    c)", {"a"}),
        ("from a \\\n  import b # from c import d\n# import e", {"a"}),
        ("important = 1\nreimport = imports\nimport_ = 2\nfrom_ = 3", set()),
        ("from . import a\nfrom .b import c\nfrom .. import d", set()),
        ("import \nfrom\nfrom a\nimport ,", set()),
        ("import é\r\nfrom ü import x\r\n", {"é", "ü"}),
        ("\"\"\"See #1:\nimport a\n\"\"\"\nimport b\n'''\nimport c\n'''", {"b"}),
        ("import a\ndef (", {"a"}),
        ("x = " + "[" * 150 + "a" + " for a in b]" * 150 + "\nimport c", {"c"}),
    ],
)
def test_each_way_to_write_an_import_is_seen(tmp_path: Path, text: str, expected: set[str]) -> None:
    (tmp_path / "main.py").write_text(text)
    assert libraries_of(tmp_path) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("numpy", True),
        ("numpy.random", True),
        ("antigravity", False),
        ("idlelib.run", False),
        ("unittest.__main__", False),
        ("../evil", False),
        ("a-b", False),
        ("", False),
    ],
)
def test_only_modules_without_consequences_are_loaded_ahead(name: str, expected: bool) -> None:
    assert is_library(name) is expected
