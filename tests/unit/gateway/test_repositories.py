"""Which repositories, branches and keys pipelines may name."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from pumphouse.errors import Invalid
from pumphouse.gateway.repositories import branch, deploy_key, is_ssh, repository_url

HTTPS = [
    "https://git.example.com/team/add.git",
    "https://git.example.com:8443/a/b",
    "https://10.0.0.1/x",
    "https://[::1]:8443/x",
    "https://host/caf\u00e9",
]
SSH = [
    "git@git.example.com:team/add.git",
    "git@host:/srv/git/add",
    "ssh://git@host/team/add.git",
    "ssh://git@host:2222/team/add.git",
    "ssh://host/~git/add",
]


@pytest.mark.parametrize("url", [*HTTPS, *SSH])
def test_addresses_for_https_and_ssh_are_taken(url: str) -> None:
    assert repository_url(url, "url") == url
    assert is_ssh(url) == (url in SSH)


@pytest.mark.parametrize(
    "url",
    [
        "http://host/x",
        "HTTPS://host/x",
        "git://host/x",
        "file:///etc/passwd",
        "/etc/passwd",
        "../x",
        "host/x",
        "host:x",
        "ext::sh -c touch% /tmp/x",
        "ext::sh",
        "a@ext::sh",
        "git@host::x",
        "git@host://x",
        "--upload-pack=touch",
        "git@-oProxyCommand=touch:x",
        "-oProxyCommand=x@host:y",
        "git@host:-x",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-o@host/x",
        "https://-host/x",
        "https://host",
        "https://host/",
        "https:///x",
        "https://host/x?private_token=y",
        "https://host/x#main",
        "https://host/x\ny",
        "https://host/x y",
        "https://host/\0",
        "https://host/" + "x" * 1000,
        "",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(Invalid, match=r"^here "):
        repository_url(url, "here")


@pytest.mark.parametrize(
    "url",
    [
        "https://me:s3cret@host/x",
        "https://s3cret@host/x",
        "https://s3cret@/x",
        "ssh://git:s3cret@host/x",
    ],
)
def test_credentials_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(Invalid, match="repository_deploy_key") as caught:
        repository_url(url, "here")
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize("name", ["main", "feature/x-1", "v1.0", "a@b", "caf\u00e9", "a.b"])
def test_branches_are_taken(name: str) -> None:
    assert branch(name, "branch") == name


@pytest.mark.parametrize(
    "name",
    [
        *("-x", "--upload-pack=x", "a b", "a\nb", "a\0", "a..b", "a~1", "a^", "a:b", "a?", "a*"),
        *("a[", "a\\b", "@", "a@{1}", "/a", "a/", "a//b", ".a", "a/.b", "a.", "a.lock", "a.lock/b"),
        "x" * 2000,
    ],
)
def test_what_git_takes_for_no_branch_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match=r"^here "):
        branch(name, "here")


RSA = rsa.generate_private_key(65537, 2048)
ELLIPTIC = ec.generate_private_key(ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()
FORMS = [
    (RSA, PrivateFormat.TraditionalOpenSSL),
    (RSA, PrivateFormat.PKCS8),
    (RSA, PrivateFormat.OpenSSH),
    (ELLIPTIC, PrivateFormat.TraditionalOpenSSL),
    (ELLIPTIC, PrivateFormat.OpenSSH),
    (EDWARDS, PrivateFormat.PKCS8),
    (EDWARDS, PrivateFormat.OpenSSH),
]
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def written(
    key: Key, form: PrivateFormat, protection: KeySerializationEncryption | None = None
) -> str:
    return key.private_bytes(Encoding.PEM, form, protection or NoEncryption()).decode()


def public(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


@pytest.mark.parametrize(("key", "form"), FORMS, ids=range(len(FORMS)))
def test_a_key_in_any_form_becomes_one_that_every_ssh_takes(key: Key, form: PrivateFormat) -> None:
    for text in (written(key, form), "\r\n " + written(key, form).replace("\n", "\r\n").strip()):
        taken = deploy_key(text, "key")
        assert taken.startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        assert taken.endswith("\n")
        found = load_ssh_private_key(taken.encode(), None)
        assert found.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) == public(
            key
        )


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_a_key_with_a_passphrase_is_refused(form: PrivateFormat) -> None:
    with pytest.raises(Invalid, match="passphrase"):
        deploy_key(written(RSA, form, BestAvailableEncryption(b"s3cret")), "key")


NO_KEYS = {
    "empty": "",
    "text": "s3cret",
    "surrogate": "\udc80",
    "public": public(EDWARDS).decode(),
    "cut": written(EDWARDS, PrivateFormat.OpenSSH)[:200],
    "other kind": x25519.X25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode(),
    "other curve": written(ec.generate_private_key(ec.SECP256K1()), PrivateFormat.PKCS8),
    "long": "-----BEGIN RSA PRIVATE KEY-----\n" + "A" * 100_000,
}


@pytest.mark.parametrize("text", NO_KEYS.values(), ids=NO_KEYS.keys())
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Invalid, match="the key is not a private key") as caught:
        deploy_key(text, "the key")
    assert "s3cret" not in caught.value.message
