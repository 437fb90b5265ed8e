"""What SeaweedFS is told: who may come in, the keys between its own parts, sizes."""

import json
import secrets
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ACCESS_KEY = "pumphouse"

_ACTIONS = ("Admin", "Read", "List", "Tagging", "Write")
_SIGNED = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
_SPEAKERS = ("master", "volume", "filer", "s3", "admin", "worker", "client")
_ELSEWHERE = ("master", "volume", "admin", "credential", "notification")
_SIGNATURE_LIFE_S = 600
_VOLUMES = 32
_SMALLEST_VOLUME, _LARGEST_VOLUME = 8, 1024
_CERTIFICATE_LIFE = timedelta(days=3650)


def write_settings(folder: Path, data: Path, secret: str) -> None:
    """Make `folder` anew, for SeaweedFS to run in, with its files in `data`.

    Its parts trust only the certificate and the keys in there, which every start makes up anew.
    A file for each of its settings also keeps it from those of another SeaweedFS on this machine.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    identity = {
        "name": ACCESS_KEY,
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": secret}],
        "actions": _ACTIONS,
    }
    _write(folder / "s3.json", json.dumps({"identities": [identity]}).encode())
    _write_certificate(folder)
    _write(folder / "security.toml", _security().encode())
    store = {"enabled": "true", "dir": json.dumps(str(data / "filerldb2"))}
    _write(folder / "filer.toml", _section("leveldb2", store).encode())
    for name in _ELSEWHERE:
        _write(folder / f"{name}.toml", b"")


def volume_megabytes(free_bytes: int) -> int:
    """How large to let a file of objects become, on a disk with so much room.

    Every bucket has files of its own and claims the rest of them, so they are small beside a
    small disk: else the first bucket would leave no room for the second one.
    """
    return min(max(free_bytes // _VOLUMES // 2**20, _SMALLEST_VOLUME), _LARGEST_VOLUME)


def _security() -> str:
    life = {"expires_after_seconds": str(_SIGNATURE_LIFE_S)}
    keys = [_section(name, {"key": json.dumps(secrets.token_hex(32))} | life) for name in _SIGNED]
    certificate = {"cert": '"own.crt"', "key": '"own.key"'}
    speakers = [_section(f"grpc.{name}", certificate) for name in _SPEAKERS]
    return "".join([*keys, _section("grpc", {"ca": '"own.crt"'}), *speakers])


def _section(name: str, values: Mapping[str, str]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in values.items()), ""])


def _write_certificate(folder: Path) -> None:
    """One certificate that is its own authority, which both ends of each connection show."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ACCESS_KEY)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _CERTIFICATE_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    _write(folder / "own.crt", certificate.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(folder / "own.key", private)


def _write(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)
