"""One pipeline, four endpoints that feed it differently."""

from contextlib import suppress
from pathlib import Path

from pumphouse.sdk import Input, InputSource, NotFound, Output, OutputDestination, PumphouseSdk

PIPELINE = "mapped-add"
VARIABLES = ("MAPPED_ADD_NUMBER1", "MAPPED_ADD_NUMBER2")


def renamed(sdk: PumphouseSdk) -> None:
    endpoint = sdk.create_deployment(
        PIPELINE,
        "mapped-add-renamed",
        execution_rule="endpoint",
        inputs_mapping=[
            InputSource("number1", endpoint_input_name="number_a"),
            InputSource("number2", endpoint_input_name="number_b"),
        ],
        outputs_mapping=[OutputDestination("number3", endpoint_output_name="result")],
    )
    inputs = {"number_a": 9, "number_b": 6}
    called = sdk.trigger_endpoint(endpoint["name"], endpoint["endpoint_token"], inputs)
    print("renamed:", called["outputs"])


def constants(sdk: PumphouseSdk) -> None:
    endpoint = sdk.create_deployment(
        PIPELINE,
        "mapped-add-constants",
        execution_rule="endpoint",
        inputs_mapping=[
            InputSource("number1", constant_value=6),
            InputSource("number2", constant_value=3),
        ],
    )
    called = sdk.trigger_endpoint(endpoint["name"], endpoint["endpoint_token"])
    print("constants:", called["outputs"])


def environment_variables(sdk: PumphouseSdk) -> None:
    first, second = VARIABLES
    sdk.create_or_update_environment_variable(first, 6)
    sdk.create_or_update_environment_variable(second, 4)
    endpoint = sdk.create_deployment(
        PIPELINE,
        "mapped-add-variables",
        execution_rule="endpoint",
        inputs_mapping=[
            InputSource("number1", environment_variable_name=first),
            InputSource("number2", environment_variable_name=second),
        ],
    )
    before = sdk.trigger_endpoint(endpoint["name"], endpoint["endpoint_token"])
    sdk.create_or_update_environment_variable(first, 60)
    after = sdk.trigger_endpoint(endpoint["name"], endpoint["endpoint_token"])
    print("variables:", before["outputs"], "then", after["outputs"])


def nulls(sdk: PumphouseSdk) -> None:
    endpoint = sdk.create_deployment(
        PIPELINE,
        "mapped-add-nulls",
        execution_rule="endpoint",
        inputs_mapping=[
            InputSource("number1", is_null=True),
            InputSource("number2", is_null=True),
        ],
        outputs_mapping=[OutputDestination("number3", is_null=True)],
    )
    called = sdk.trigger_endpoint(endpoint["name"], endpoint["endpoint_token"])
    print("nulls:", called["outputs"])


def remove(sdk: PumphouseSdk) -> None:
    with suppress(NotFound):
        sdk.delete_pipeline(PIPELINE, force_deployments_deletion=True)
    for variable in VARIABLES:
        with suppress(NotFound):
            sdk.delete_environment_variable(variable)


def main() -> None:
    with PumphouseSdk() as sdk:
        remove(sdk)
        sdk.create_pipeline(
            PIPELINE,
            function_path="main.py",
            function_name="add",
            container_config={"local_folder": str(Path(__file__).parent)},
            inputs=[Input("number1", "number"), Input("number2", "number")],
            outputs=[Output("number3", "number")],
        )
        renamed(sdk)
        constants(sdk)
        environment_variables(sdk)
        nulls(sdk)
        remove(sdk)


if __name__ == "__main__":
    main()
