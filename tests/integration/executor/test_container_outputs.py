"""What goes into containers on a real engine, and what comes out of them."""

import pytest

from pumphouse.contracts.executions import PlannedOutput
from pumphouse.contracts.mappings import EndpointOutput
from pumphouse.contracts.vocabulary import DataType, Status
from tests.integration.executor.dockerfiles import Containers
from tests.integration.executor.files import content_of, dropped_file, given_file, returned_file

OTHER_USER = """
FROM {base}
WORKDIR /app
COPY . .
RUN ["/bin/python", "-c", "import os; os.chmod('/app', 0o777)"]
USER 1234
ENTRYPOINT ["/bin/python", "main.py"]
"""


async def test_values_go_in_as_an_argument_and_come_out_as_files(containers: Containers) -> None:
    finished = await containers.run(
        "leave('all out', values)\nleave('é', files)",
        {"a": 3, "text": "naïve \0 ' \" $HOME", "none": None},
        {"all out": "json", "é": "json"},
    )
    assert finished.error is None
    assert {output.name: output.value for output in finished.outputs} == {
        "all out": {"a": 3, "text": "naïve \0 ' \" $HOME", "none": None},
        "é": {},
    }


async def test_a_command_gets_the_inputs_after_its_own_arguments(containers: Containers) -> None:
    code = await containers.code(
        "",
        'FROM {base}\nWORKDIR /app\nCOPY . .\nCMD ["/bin/python", "-u", "two.py"]\n',
        **{"two.py": "import sys\nopen('output-v', 'w').write(sys.argv[1])"},
    )
    plan = containers.platform.plan(code, {"a": 1}, {"v": "json"})
    await containers.platform.send(plan)
    assert (await containers.platform.end(plan)).outputs[0].value == {"a": 1}


async def test_files_go_in_and_out_as_they_are(containers: Containers) -> None:
    content = bytes(range(256)) * 5000
    finished = await containers.run(
        """
assert os.path.basename(files["f"]["path"]) == "photo é.png", files
with open(files["f"]["path"], "rb") as file, open("/app/output-f", "wb") as out:
    out.write(file.read()[::-1])
leave("names", sorted(files) + sorted(values))
""",
        (await given_file(containers.platform, "f", content, "photo é.png"),),
        (
            returned_file("f"),
            dropped_file("unused"),
            PlannedOutput(
                name="names", data_type=DataType.ARRAY, destination=EndpointOutput(name="names")
            ),
        ),
    )
    assert finished.error is None
    file, unused, names = finished.outputs
    assert await content_of(containers.platform, file) == content[::-1]
    assert unused.value is None
    assert names.value == ["f"]


async def test_the_user_of_the_image_may_read_the_files(containers: Containers) -> None:
    code = await containers.code(
        "assert os.getuid() == 1234\nleave('v', open(files['f']['path']).read())", OTHER_USER
    )
    given = await given_file(containers.platform, "f", b"readable")
    plan = containers.platform.plan(code, (given,), {"v": "string"})
    await containers.platform.send(plan)
    finished = await containers.platform.end(plan)
    assert (finished.error, [output.value for output in finished.outputs]) == (None, ["readable"])


async def test_inputs_that_are_no_argument_are_refused(containers: Containers) -> None:
    finished = await containers.run("", {"a": "x" * 200_000})
    assert finished.status is Status.FAILED
    assert "where a container takes 131,071 as its argument" in str(finished.error)


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("pass", "json", "without the file /app/output-v"),
        ("pass", "file", "without the file /app/output-v"),
        ("open('output-v', 'w').write('plain')", "json", "/app/output-v of the output 'v' is not"),
        ("leave('v', float('nan'))", "json", "is not JSON"),
        ("leave('v', 'text')", "number", "declared as number"),
        ("os.mkdir('output-v')", "json", "which is a folder"),
        ("os.symlink('/etc/passwd', 'output-v')", "file", "which is a link"),
        ("os.mkfifo('output-v')", "file", "which is a named pipe"),
        ("leave('v', 'x' * (9 << 20))", "string", "The outputs are too large: 9.0 MB"),
        ("open('output-v', 'w').write('[' * 300 + ']' * 300)", "json", "deeper than 200 levels"),
        ("open('output-v', 'w').write('[' * 9999 + ']' * 9999)", "json", "deeper than 200 levels"),
    ],
)
async def test_an_output_that_cannot_be_taken_is_named(
    containers: Containers, source: str, kind: str, words: str
) -> None:
    assert words in await containers.error(source, {"v": kind})
