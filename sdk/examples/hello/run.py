"""Run a function that takes nothing and gives nothing, then read what it printed."""

from contextlib import suppress
from pathlib import Path

from pumphouse.sdk import NotFound, PumphouseSdk


def main() -> None:
    with PumphouseSdk() as sdk:
        with suppress(NotFound):
            sdk.delete_pipeline("hello", force_deployments_deletion=True)
        sdk.create_pipeline(
            "hello",
            function_path="main.py",
            function_name="hello",
            container_config={"local_folder": str(Path(__file__).parent)},
        )
        execution_id = sdk.run_pipeline("hello")["execution_id"]
        print(sdk.get_pipeline_execution(execution_id)["status"])
        for line in sdk.get_pipeline_execution_logs(execution_id):
            print(line["message"])
        sdk.delete_pipeline("hello")


if __name__ == "__main__":
    main()
