"""The text of requirements files: variables in it, files and options that it names."""

import posixpath
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from pumphouse.executor.faults import BuildFailed

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_COMMENT = re.compile(r"(^|\s)#.*")
_FURTHER = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)(?:\s*=\s*|\s+|(?=[^-\s=]))(\S+)")
_FOLDER = re.compile(r"(-f|--find-links)(?:\s*=\s*|\s+)(\S+)")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_CONTINUED = re.compile(r"\\\r?\n")
_HASH = re.compile(r"\s--hash[=\s]\s*(\S+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OPTIONS = (
    *("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index"),
    *("--no-binary", "--only-binary", "--pre", "--prefer-binary"),
)


def variables_in(text: str) -> set[str]:
    """The names for which `${NAME}` stands in it, comments aside."""
    return {name for line in text.splitlines() for name in _VARIABLE.findall(_code(line))}


def filled_in(text: str, variables: Mapping[str, str]) -> str:
    """The text with values for `${NAME}`. Raises BuildFailed that names a missing variable."""
    if missing := sorted(variables_in(text) - variables.keys()):
        raise BuildFailed(
            f"The requirements use ${{{missing[0]}}}, and there is no environment variable"
            f" {missing[0]!r}: create it, then create the pipeline again."
        )

    def line_with_values(line: str) -> str:
        code = _code(line)
        filled = _VARIABLE.sub(lambda found: variables[found[1]], code)
        return filled + line[len(code) :]

    return "".join(map(line_with_values, text.splitlines(keepends=True)))


def further_files(text: str) -> list[str]:
    """Paths of the files that `-r` and `-c` include, relative to the including one."""
    found = (_FURTHER.match(_code(line)) for line in text.splitlines())
    return [match[1] for match in found if match is not None and "://" not in match[1]]


def index_options(text: str, folder: str) -> list[str]:
    """The options that say where packages come from, as they must be for the whole code.

    folder: of the file, relative to the code's; paths in it are relative to that.
    """
    lines = [_code(line).strip() for line in _CONTINUED.sub(" ", text).splitlines()]
    return [
        _FOLDER.sub(lambda found: f"{found[1]} {_from_root(found[2], folder)}", line)
        for line in lines
        if re.split(r"[\s=]", line, maxsplit=1)[0] in _OPTIONS
    ]


def without_values(text: str, variables: Mapping[str, str]) -> str:
    """The text with `${NAME}` for the values in its URLs.

    What a variable stands for in a URL is a credential or a place; elsewhere it is a version.
    """
    return _URL.sub(lambda found: hidden(found[0], variables), text)


def hidden(text: str, variables: Mapping[str, str]) -> str:
    """The text with `${NAME}` wherever a value stands, as it is or encoded for a URL."""
    for name, value in sorted(variables.items(), key=lambda item: -len(item[1])):
        for form in (value, quote(value, safe="")):
            if form:
                text = text.replace(form, f"${{{name}}}")
    return text


def hashes_in(text: str) -> dict[str, list[str]]:
    """The hashes that it gives, by the name of the package as PEP 503 writes it."""
    given = {_name(line): _HASH.findall(line) for line in requirements_in(text)}
    return {name: hashes for name, hashes in given.items() if name and hashes}


def locked(compiled: str, options: Iterable[str], hashes: Mapping[str, list[str]]) -> str:
    """A lock that tells where its packages come from, too. Nothing in it stays editable.

    hashes: those that were given: they are the only ones of their package.
    """
    plain = re.sub(r"^(-e|--editable)[\s=]+", "", compiled, flags=re.MULTILINE)
    lines = [*options]
    for requirement in requirements_in(plain):
        found = hashes.get(_name(requirement)) or _HASH.findall(requirement)
        bare = _HASH.sub("", requirement).strip()
        lines.append(" \\\n    ".join((bare, *(f"--hash={one}" for one in found))))
    return "".join(f"{line}\n" for line in lines)


def requirements_in(lock: str) -> list[str]:
    """Its requirements, each on one line with its hashes."""
    lines = (_code(line).strip() for line in _CONTINUED.sub(" ", lock).splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def without_hash(lock: str) -> list[str]:
    """Its requirements that no hash is known of: folders and repositories."""
    return [line for line in requirements_in(lock) if "--hash=" not in line]


def is_local(requirement: str) -> bool:
    """Whether it is a folder of the code, and so depends on the code."""
    return requirement.startswith((".", "/")) or "file:" in requirement


def _code(line: str) -> str:
    return _COMMENT.sub("", line.rstrip("\r\n"))


def _name(requirement: str) -> str:
    found = _NAME.match(requirement)
    return "" if found is None else re.sub(r"[-_.]+", "-", found[0]).lower()


def _from_root(path: str, folder: str) -> str:
    if "://" in path or path.startswith(("/", "$", "file:")):
        return path
    return "./" + posixpath.normpath(posixpath.join(folder, path))
