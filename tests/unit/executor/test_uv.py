"""What uv is told by the environment, and what it is quoted with when it fails."""

from pathlib import Path

from pumphouse.executor import uv
from pumphouse.executor.logs import Log
from pumphouse.executor.tool import Account, words_of

CACHE = Path("/cache")


def test_nothing_of_the_platform_is_passed_on() -> None:
    given = {"PUMPHOUSE_SECRET_KEY": "s", "PATH": "/bin", "PYTHONPATH": "/x", "AWS_KEY": "k"}
    found = uv.environment(CACHE, given)
    assert found["PATH"] == "/bin"
    assert not {"PUMPHOUSE_SECRET_KEY", "PYTHONPATH", "AWS_KEY"} & found.keys()
    assert found["UV_CACHE_DIR"] == str(CACHE)
    assert found["UV_PYTHON_DOWNLOADS"] == "never"


def test_settings_of_pip_are_settings_of_uv() -> None:
    found = uv.environment(
        CACHE,
        {
            "PIP_INDEX_URL": "https://a/simple",
            "PIP_EXTRA_INDEX_URL": "https://b/simple https://c/simple",
            "PIP_FIND_LINKS": "/one /two",
            "PIP_CERT": "/ca.pem",
        },
    )
    assert found["UV_INDEX_URL"] == "https://a/simple"
    assert found["UV_EXTRA_INDEX_URL"] == "https://b/simple https://c/simple"
    assert found["UV_FIND_LINKS"] == "/one,/two"
    assert found["SSL_CERT_FILE"] == "/ca.pem"


def test_settings_of_uv_come_before_those_of_pip() -> None:
    found = uv.environment(
        CACHE,
        {"UV_DEFAULT_INDEX": "https://mine", "PIP_INDEX_URL": "https://a", "UV_CACHE_DIR": "/x"},
    )
    assert found["UV_DEFAULT_INDEX"] == "https://mine"
    assert "UV_INDEX_URL" not in found
    assert found["UV_CACHE_DIR"] == str(CACHE)


def test_the_code_cannot_configure_uv_and_the_operator_can() -> None:
    assert uv.environment(CACHE, {})["UV_NO_CONFIG"] == "1"
    found = uv.environment(CACHE, {"UV_CONFIG_FILE": "/etc/uv.toml"})
    assert found["UV_CONFIG_FILE"] == "/etc/uv.toml"
    assert "UV_NO_CONFIG" not in found


def test_uv_is_quoted_from_its_last_error_on() -> None:
    lines = ["Resolved", "error: first", "warning: x", "error: No solution", "  cause: because"]
    assert words_of(lines) == "No solution\n  cause: because"


def test_older_versions_of_uv_are_quoted_too() -> None:
    lines = ["warning: x", "  \u00d7 No solution found", "  \u2570\u2500\u25b6 Because"]
    assert words_of(lines).startswith("\u00d7 No solution found\n")


def test_without_an_error_the_last_lines_are_quoted() -> None:
    assert words_of([f"line {i}" for i in range(20)]).splitlines()[0] == "line 10"
    assert words_of([]) == ""


def test_a_log_has_neither_secret_values_nor_credentials_of_urls() -> None:
    log = Log()
    Account(log, {"TOKEN": "s3cret"}).take(b"GET https://bob:pw@x/a s3cret \xff", 0)
    assert [line.text for line in log.lines] == ["GET https://****@x/a ${TOKEN} \ufffd"]
