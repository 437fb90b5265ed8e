"""What git is told, and what is taken from what it says."""

from pathlib import Path

import pytest

from pumphouse.executor.git import environment, fetch_arguments, ssh_command, words_of

HOME = Path("/private")


def test_git_sees_nothing_of_the_platform_and_nobodys_settings() -> None:
    given = {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy",
        "HOME": "/home/operator",
        "PUMPHOUSE_SECRET_KEY": "s3cret",
        "SSH_AUTH_SOCK": "/run/agent",
        "GIT_CONFIG_PARAMETERS": "'core.sshCommand=x'",
        "GIT_SSH_COMMAND": "x",
        "GIT_ASKPASS": "x",
        "XDG_CONFIG_HOME": "/home/operator/.config",
    }
    found = environment(HOME, None, given)
    assert {name: found[name] for name in ("PATH", "HTTPS_PROXY", "HOME")} == {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy",
        "HOME": "/private",
    }
    assert found["GIT_ALLOW_PROTOCOL"] == "https:ssh"
    assert not (given.keys() - {"PATH", "HTTPS_PROXY", "HOME"}) & found.keys()


@pytest.mark.parametrize(
    ("given", "authority"),
    [
        ({}, None),
        ({"SSL_CERT_FILE": "/general"}, "/general"),
        ({"SSL_CERT_FILE": "/general", "GIT_SSL_CAINFO": "/of-git"}, "/of-git"),
    ],
)
def test_git_trusts_whom_other_programs_trust(given: dict[str, str], authority: str | None) -> None:
    assert environment(HOME, None, given).get("GIT_SSL_CAINFO") == authority


def test_ssh_uses_one_key_and_asks_nobody() -> None:
    command = ssh_command("key", "../known hosts")
    assert command.startswith("ssh -F /dev/null ")
    assert "-o BatchMode=yes" in command
    assert "-o IdentitiesOnly=yes" in command
    assert "-o StrictHostKeyChecking=accept-new" in command
    assert "-o IdentityFile=key" in command
    assert "-o 'UserKnownHostsFile=../known hosts'" in command
    assert environment(HOME, command, {})["GIT_SSH_COMMAND"] == command


def test_an_address_is_never_an_option() -> None:
    arguments = fetch_arguments("--upload-pack=x", None)
    assert arguments[arguments.index("--") + 1] == "--upload-pack=x"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            [
                "git@host: Permission denied (publickey).",
                "fatal: Could not read from remote repository.",
                "",
                "Please make sure you have the correct access rights",
                "and the repository exists.",
            ],
            "git@host: Permission denied (publickey).",
        ),
        (["hint: try", "fatal: couldn't find remote ref HEAD"], "couldn't find remote ref HEAD"),
        (
            ["fatal: Could not read from remote repository."],
            "Could not read from remote repository.",
        ),
        ([], ""),
    ],
)
def test_the_words_of_git_are_shortened_to_what_matters(lines: list[str], words: str) -> None:
    assert words_of(lines) == words


def test_who_is_asked_for_a_password_is_told_how_else() -> None:
    line = "fatal: could not read Username for 'https://host': terminal prompts disabled"
    assert "repository_deploy_key" in words_of([line])
