import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from pumphouse.errors import Invalid
from pumphouse.launcher.command_line import main, options_of, parser

URL = "http://key:secret@127.0.0.1:9000/bucket"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    output = capsys.readouterr()
    return ended.value.code, output.out + output.err


def test_the_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--version") == (0, f"pumphouse {version('pumphouse')}\n")


@pytest.mark.parametrize("service", ["mapping_resolver", "launcher", ""])
def test_an_unknown_service_is_refused(capsys: pytest.CaptureFixture[str], service: str) -> None:
    code, text = said(capsys, "serve", service)
    assert code == 2
    assert "'mapping-resolver'" in text


@pytest.mark.parametrize("port", ["65536", "-1", "eighty", "", "8O", "²"])
def test_what_is_no_port_is_refused(capsys: pytest.CaptureFixture[str], port: str) -> None:
    for option in ("--port", "--s3-port"):
        code, text = said(capsys, "up", f"{option}={port}")
        assert code == 2
        assert f"argument {option}: {port!r} is not a port" in text


@pytest.mark.parametrize(
    ("arguments", "environment", "asked_for"),
    [
        ([], {}, (None, None)),
        ([], {"PUMPHOUSE_S3_URL": ""}, (None, None)),
        ([], {"PUMPHOUSE_S3_URL": URL, "PUMPHOUSE_S3_PORT": "9000"}, (URL, 9000)),
        (["--s3-url", URL], {"PUMPHOUSE_S3_URL": "http://other"}, (URL, None)),
        (["--s3-port", "0"], {}, (None, 0)),
        (["--s3-port", "9001"], {"PUMPHOUSE_S3_PORT": "9000"}, (None, 9001)),
    ],
)
def test_the_object_store_is_chosen_by_option_else_by_environment(
    arguments: list[str],
    environment: dict[str, str],
    asked_for: tuple[str | None, int | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PUMPHOUSE_S3_URL", "PUMPHOUSE_S3_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    options = options_of(parser().parse_args(["up", *arguments]))
    assert (options.s3_url, options.s3_port) == asked_for


@pytest.mark.parametrize("name", ["S3_URL", "DATABASE_URL", "AMQP_URL"])
def test_a_server_can_be_named_in_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url").write_text(f"{URL}\n")
    monkeypatch.delenv(f"PUMPHOUSE_{name}", raising=False)
    monkeypatch.setenv(f"PUMPHOUSE_{name}_FILE", str(tmp_path / "url"))
    assert getattr(options_of(parser().parse_args(["up"])), name.lower()) == URL
    (tmp_path / "url").unlink()
    with pytest.raises(Invalid, match=f"PUMPHOUSE_{name}_FILE"):
        options_of(parser().parse_args(["up"]))


def test_a_command_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys)[0] == 2


def test_a_service_of_its_own_does_not_load_the_others() -> None:
    program = (
        "import sys; from pumphouse.launcher.services import running_of; running_of('registry');"
        "sys.exit('litestar' in sys.modules or 'pumphouse.executor' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
