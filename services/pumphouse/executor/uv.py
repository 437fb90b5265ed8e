"""uv: which program it is, what it is told, and which settings it gets from ours."""

import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from pumphouse.errors import NotSupported

_PACKAGE = "uv"

_PASSED_ON = (
    *("PATH", "HOME", "LANG", "TMPDIR", "NETRC"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "SSH_AUTH_SOCK"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)

_OF_PIP = {
    "PIP_INDEX_URL": ("UV_INDEX_URL", "UV_DEFAULT_INDEX"),
    "PIP_EXTRA_INDEX_URL": ("UV_EXTRA_INDEX_URL", "UV_INDEX"),
    "PIP_NO_INDEX": ("UV_NO_INDEX",),
    "PIP_FIND_LINKS": ("UV_FIND_LINKS",),
    "PIP_DEFAULT_TIMEOUT": ("UV_HTTP_TIMEOUT",),
    "PIP_CERT": ("SSL_CERT_FILE",),
}
"""Settings of pip, each with the names for uv: it is passed on as the first when none is set."""

_PATHS = (
    *("NETRC", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "SSH_AUTH_SOCK"),
    "UV_CONFIG_FILE",
)
"""Settings that are a path."""

_COMPILE = ("--generate-hashes", "--no-header", "--no-annotate", "--python")


def program() -> Path:
    """uv as its wheel brings it. Raises NotSupported."""
    try:
        found = [file for file in files(_PACKAGE) or () if file.name in ("uv", "uv.exe")]
    except PackageNotFoundError:
        found = []
    if not found:
        raise NotSupported(f"The package {_PACKAGE} is not installed: install it.")
    return Path(str(found[0].locate())).resolve()


def environment(cache: Path, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What uv finds in its environment: nothing of the platform's, and no settings of user code."""
    found = {
        name: text for name, text in given.items() if name in _PASSED_ON or name.startswith("UV_")
    }
    for pip_name, names in _OF_PIP.items():
        if (text := given.get(pip_name)) and not any(name in found for name in names):
            found[names[0]] = ",".join(text.split()) if "FIND_LINKS" in pip_name else text
    if "UV_CONFIG_FILE" not in found:
        found["UV_NO_CONFIG"] = "1"
    return found | {
        "UV_CACHE_DIR": str(cache),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONUNBUFFERED": "1",
    }


def files_of(environment: Mapping[str, str]) -> list[Path]:
    """Files and folders of this host that its settings name, as far as they are there."""
    named = [environment[name] for name in _PATHS if name in environment]
    named += environment.get("UV_FIND_LINKS", "").split(",")
    return [Path(text).absolute() for text in named if text and os.path.exists(text)]


def compile_arguments(source: str, lock: Path, python: Path) -> list[str]:
    """Write a lock of what `source` asks for. source: relative to the code's folder."""
    return ["pip", "compile", *_COMPILE, str(python), "-o", str(lock), source]


def venv_arguments(folder: Path, python: Path) -> list[str]:
    """Make a virtual environment with nothing in it."""
    return ["venv", "--no-project", "--quiet", "--python", str(python), str(folder)]


def sync_arguments(folder: Path, lock: Path, *, requires_hashes: bool) -> list[str]:
    """Install what is locked. requires_hashes: refuse what has none."""
    hashes = "--require-hashes" if requires_hashes else "--verify-hashes"
    python = folder / "bin" / "python"
    return ["pip", "sync", hashes, "--compile-bytecode", "--python", str(python), str(lock)]


def find_arguments(version: str) -> list[str]:
    """Print the path of an interpreter of this version."""
    return ["python", "find", "--system", "--no-project", version]


def list_arguments() -> list[str]:
    """Print the interpreters that there are, as JSON."""
    return ["python", "list", "--only-installed", "--output-format", "json"]
