"""A whole platform driven from outside, whatever it runs in."""

from io import BytesIO
from pathlib import Path

from pumphouse.sdk import Input, InputSource, Output, OutputDestination, PumphouseSdk

PIPELINE = "answer"

CODE = """
def answer(letter, name):
    with open(letter["path"]) as file:
        text = file.read()
    with open("answer.txt", "w") as file:
        file.write(text.upper())
    return {"greeting": f"Hello, {name}", "answer": {"path": "answer.txt"}}
"""


def furnish(sdk: PumphouseSdk, folder: Path) -> None:
    """Make a pipeline, and an object in the data store for it to read."""
    (folder / "main.py").write_text(CODE)
    sdk.create_pipeline(
        PIPELINE,
        "main.py",
        "answer",
        container_config={"local_folder": str(folder)},
        inputs=[Input("letter", "file"), Input("name", "string")],
        outputs=[Output("greeting", "string"), Output("answer", "file")],
    )
    sdk.upload_data_store_object(b"good morning", "letters/1.txt")


def drive(sdk: PumphouseSdk) -> None:
    """One run: a value and an object in, a value and an object out."""
    found = sdk.run_pipeline(
        PIPELINE,
        inputs={"name": "Ada"},
        inputs_mapping=[InputSource("letter", datastore_path="letters/1.txt")],
        outputs_mapping=[OutputDestination("answer", datastore_path="answers/1.txt")],
        timeout_s=60,
    )
    assert found["outputs"]["greeting"] == "Hello, Ada"
    fetched = BytesIO()
    sdk.download_data_store_object("answers/1.txt", fetched)
    assert fetched.getvalue() == b"GOOD MORNING"
    sdk.delete_data_store_object("answers/1.txt")
