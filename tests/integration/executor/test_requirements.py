"""What requirements files can say, and what becomes of those that cannot be met."""

import hashlib
from pathlib import Path

import pytest

from pumphouse.contracts.vocabulary import PipelineStatus, Status
from tests.integration.executor.building import USE, Building, from_shelf, wheel


async def version_of(building: Building, requirements: str, **files: str) -> object:
    source = {"main.py": USE, **{name.replace("__", "/"): text for name, text in files.items()}}
    finished = await building.run(await building.built(source, requirements))
    assert finished.status is Status.SUCCEEDED, finished.error
    return finished.outputs[0].value


async def test_the_log_of_a_build_tells_what_was_installed(building: Building, tiny: Path) -> None:
    pipeline = await building.pipeline(USE, from_shelf(tiny, "tiny==1.0"))
    await building.ask(pipeline)
    await building.end(pipeline)
    log = building.log(pipeline)
    assert " + tiny==1.0" in log
    assert log[-1] == "[the environment is ready]"
    assert not any("\x1b" in line for line in log)


async def test_a_package_of_the_real_index_is_installed(building: Building) -> None:
    code = await building.built(
        "import six\n\ndef main():\n    return {'v': six.__version__}", "six==1.16.0\n"
    )
    assert (await building.run(code)).outputs[0].value == "1.16.0"


async def test_variables_stand_in_requirements(building: Building, tiny: Path) -> None:
    await building.platform.set_variable("SHELF", str(tiny))
    await building.platform.set_variable("TINY_VERSION", "1.0")
    requirements = "--no-index\n--find-links ${SHELF}\ntiny==${TINY_VERSION}  # ${NOT_A_VARIABLE}\n"
    assert await version_of(building, requirements) == "1.0"


async def test_values_of_variables_are_in_no_log_and_in_no_lock(
    building: Building, tiny: Path
) -> None:
    await building.platform.set_variable("TOKEN", "f00-baa")
    pipeline = await building.pipeline(
        USE,
        from_shelf(tiny, "tiny")
        + "--extra-index-url http://user:${TOKEN}@127.0.0.1:9/simple\n# ${TOKEN}\n"
        + "other @ http://127.0.0.1:9/${TOKEN}/other-1.0-py3-none-any.whl\n",
    )
    await building.ask(pipeline)
    end = await building.end(pipeline)
    assert end.status is PipelineStatus.FAILED
    said = [end.message or "", *building.log(pipeline)]
    assert not any("f00" in line for line in said)
    assert any("${TOKEN}" in line for line in said)
    code = await building.built(
        USE,
        from_shelf(tiny, "tiny") + "--extra-index-url http://user:${TOKEN}@127.0.0.1:9/simple\n",
    )
    assert code.environment is not None
    assert code.environment.lock is not None
    lock = (await building.platform.storage.platform.get(code.environment.lock.key)).decode()
    assert "http://user:${TOKEN}@127.0.0.1:9/simple" in lock
    assert "f00" not in lock


async def test_a_missing_variable_fails_the_build_by_name(building: Building) -> None:
    message, log = await building.failure("tiny==${NO_SUCH_VERSION}\n")
    assert "'NO_SUCH_VERSION'" in message
    assert log[-1] == f"[{message}]"


async def test_files_and_folders_are_meant_from_beside_the_file(building: Building) -> None:
    name, content = wheel("tiny", "1.0")
    newer, newer_content = wheel("tiny", "2.0")
    source: dict[str, str | bytes] = {
        "main.py": USE,
        "deploy/all.txt": "--no-index\n--find-links ../shelf\n-r more.txt\n-c limits.txt\n",
        "deploy/more.txt": "tiny\n",
        "deploy/limits.txt": "tiny<${LIMIT}\n",
        f"shelf/{name}": content,
        f"shelf/{newer}": newer_content,
    }
    await building.platform.set_variable("LIMIT", "2")
    code = await building.built(source, requirements_path="deploy/all.txt")
    assert (await building.run(code)).outputs[0].value == "1.0"


async def test_hashes_in_requirements_are_obeyed(building: Building, tiny: Path) -> None:
    digest = hashlib.sha256((tiny / "tiny-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    good = from_shelf(tiny, f"tiny==1.0 --hash=sha256:{digest}")
    assert await version_of(building, good) == "1.0"
    bad = from_shelf(tiny, f"tiny==2.0 \\\n    --hash=sha256:{digest}")
    message, _ = await building.failure(bad)
    assert digest in message


async def test_a_folder_of_the_code_is_installed_with_a_note(building: Building) -> None:
    files = {
        "lib/pyproject.toml": '[project]\nname = "tiny"\nversion = "3"\n'
        '[build-system]\nrequires = []\nbuild-backend = "made"\nbackend-path = ["."]\n',
        "lib/made.py": BACKEND,
    }
    codes = []
    for version in ("3.0", "3.1"):
        source = {"main.py": USE, **files, "lib/version.txt": version}
        codes.append(await building.built(source, "-e ./lib\n"))
    values = [(await building.run(code)).outputs[0].value for code in codes]
    assert values == ["3.0", "3.1"]
    assert any(
        "./lib" in line and "hash" in line
        for said in building.logged
        for line in [entry.text for entry in said.lines]
    )


BACKEND = """
import os, zipfile

NOTES = {
    "METADATA": "Metadata-Version: 2.1\\nName: tiny\\nVersion: 3\\n",
    "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "RECORD": "",
}

def build_wheel(folder, config_settings=None, metadata_directory=None):
    version = open("version.txt").read().strip()
    name = "tiny-3-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("tiny.py", f"VERSION = {version!r}")
        for file, text in NOTES.items():
            wheel.writestr(f"tiny-3.dist-info/{file}", text)
    return name

build_editable = build_wheel
"""


@pytest.mark.parametrize("text", ["", "# nothing\n\n", "--no-index\n"])
async def test_requirements_of_nothing_install_nothing(building: Building, text: str) -> None:
    code = await building.built("def main():\n    return {'v': 1}", text)
    assert building.environments() == []
    assert (await building.run(code)).status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tiny==9\n", "there is no version of tiny==9"),
        ("nowhere\n", "nowhere was not found"),
        ("tiny = 1\n", "no such comparison operator"),
        ("-r /etc/passwd\n", "not inside of the code"),
        ("-r ../../up.txt\n", "not inside of the code"),
        ("-r missing.txt\n", "'missing.txt'"),
    ],
)
async def test_requirements_that_cannot_be_met_fail_with_the_reason(
    building: Building, tiny: Path, text: str, words: str
) -> None:
    message, log = await building.failure(from_shelf(tiny, text))
    assert words in message
    assert any(words in line for line in log)
    assert building.environments() == []


async def test_a_missing_requirements_file_is_named(building: Building) -> None:
    message, _ = await building.failure(None, requirements_path="deploy/none.txt")
    assert "'deploy/none.txt'" in message
