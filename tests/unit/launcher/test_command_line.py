import subprocess
import sys
from importlib.metadata import version

import pytest

from pumphouse.launcher.command_line import main


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
    code, text = said(capsys, "up", f"--port={port}")
    assert code == 2
    assert f"{port!r} is not a port" in text


def test_a_command_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys)[0] == 2


def test_a_service_of_its_own_does_not_load_the_others() -> None:
    program = (
        "import sys; from pumphouse.launcher.services import running_of; running_of('registry');"
        "sys.exit('litestar' in sys.modules or 'pumphouse.executor' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
