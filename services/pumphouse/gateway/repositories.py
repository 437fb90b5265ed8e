"""Which git repositories and branches pipelines may name, and with which keys.

what: how the message of an Invalid names the place that the value is from.
"""

import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from pumphouse.errors import Invalid

MAX_CHARACTERS = 1_000
MAX_KEY_CHARACTERS = 20_000

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_USER = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_HTTPS = re.compile(rf"https://{_HOST}/.+")
_SSH = re.compile(rf"ssh://(?:{_USER}@)?{_HOST}/.+")
_SHORT_SSH = re.compile(rf"{_USER}@[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?:(?![-:]).+")
_CREDENTIALS = re.compile(r"https://[^/]*@|ssh://[^/@]*:[^/]*@")
_NOT_IN_BRANCHES = re.compile(
    r"[\0-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|^[-./]|[./]$|^@$"
)


def repository_url(text: str, what: str) -> str:
    """An address that is fetched by https or ssh. Raises Invalid, which repeats no credentials."""
    if len(text) > MAX_CHARACTERS or not text.isprintable() or " " in text:
        raise Invalid(f"{what} has spaces or control characters, or is too long.")
    if _CREDENTIALS.match(text):
        raise Invalid(
            f"{what} must be without credentials: for a private repository set its ssh address,"
            " and repository_deploy_key."
        )
    if _HTTPS.fullmatch(text) and not {"?", "#"} & set(text):
        return text
    if _SSH.fullmatch(text) or (_SHORT_SSH.fullmatch(text) and "://" not in text):
        return text
    raise Invalid(
        f"{what} must be the address of a git repository: https://host/path, git@host:path, or"
        " ssh://git@host/path."
    )


def is_ssh(url: str) -> bool:
    """Whether an address that `repository_url` takes needs a key."""
    return not url.startswith("https://")


def branch(text: str, what: str) -> str:
    """A name that git takes for a branch. Raises Invalid."""
    if len(text) > MAX_CHARACTERS or not text.isprintable() or _NOT_IN_BRANCHES.search(text):
        raise Invalid(f"{what} {text[:80]!r} cannot be the name of a branch.")
    return text


def deploy_key(text: str, what: str) -> str:
    """A private key, in the form that every ssh takes. Raises Invalid, which repeats none of it."""
    try:
        key = _private_key(text)
    except TypeError as error:
        raise Invalid(
            f"{what} is protected by a passphrase, which nobody can enter: set a key without one."
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(what) from error
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise _no_key(what)
    try:
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(what) from error


def _private_key(text: str) -> object:
    content = text.strip()[:MAX_KEY_CHARACTERS].replace("\r\n", "\n").encode() + b"\n"
    if content.startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----"):
        return load_ssh_private_key(content, None, unsafe_skip_rsa_key_validation=True)
    return load_pem_private_key(content, None, unsafe_skip_rsa_key_validation=True)


def _no_key(what: str) -> Invalid:
    return Invalid(
        f"{what} is not a private key that ssh takes: send the whole file, from its line"
        " -----BEGIN … PRIVATE KEY----- to its last."
    )
