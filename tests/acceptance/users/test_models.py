"""Models that are trained to the data store, served from there and trained again on a schedule.

The schedules fire while the other tests of the file run, so those that wait for them come last.
"""

import io
import random
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.acceptance.conftest import Platform
from tests.acceptance.users.client import Input, InputSource, Output, OutputDestination, logged
from tests.acceptance.users.folders import code_in
from tests.stack import eventually

pytestmark = pytest.mark.timeout(300)

DATASET = "get_started/dataset/iris.csv"
MODEL = "get_started/models/iris_knn_model.joblib"
CUSTOMERS = "churn/customers.csv"
FLOWERS = {"a": {"length": 1.1, "width": 0.4}, "b": {"length": 5.0, "width": 1.9}}
SERVED = {
    "inputs_mapping": [
        InputSource("input_data", endpoint_input_name="flowers"),
        InputSource("input_model", datastore_path=MODEL),
    ],
    "outputs_mapping": [OutputDestination("predictions", endpoint_output_name="iris_type")],
}
CHURN_OUTPUTS = {
    "best_model": "string",
    "best_accuracy": "number",
    "accuracies": "json",
    "customers": "number",
    "features": "array",
    "has_churn": "boolean",
    "mean_churn": "number",
}
MODELS = ("xgboost", "random-forest", "catboost")
SCORES = ("accuracy", "precision", "recall", "f1")

Create = Callable[..., str]


@pytest.fixture(scope="module")
def create(sdk: Any) -> Create:
    """Makes pipelines of functions in the folder `iris`, all of which share one environment."""
    container = code_in("iris", requirements_path="requirements.txt")

    def make(name: str, file: str, function: str, **declared: Any) -> str:
        path = f"src/{file}.py"
        sdk.create_pipeline(name, path, function, container_config=container, **declared)
        return name

    return make


@pytest.fixture(scope="module")
def trained(sdk: Any, create: Create) -> str:
    """The execution that trained the first model."""
    sdk.upload_data_store_object(io.BytesIO(_flowers(random.Random(0))), DATASET)
    create("iris-train", "train", "trainIris")
    execution_id: str = sdk.run_pipeline("iris-train")["execution_id"]
    return execution_id


@pytest.fixture(scope="module")
def endpoint(sdk: Any, create: Create, trained: str) -> dict[str, Any]:
    create(
        "iris-serve",
        "predict",
        "serveIris",
        inputs=[Input("input_data", "json"), Input("input_model", "file")],
        outputs=[Output("predictions", "json")],
    )
    deployed: dict[str, Any] = sdk.create_deployment(
        "iris-serve", "iris-endpoint", "endpoint", mode="low_latency", **SERVED
    )
    return deployed


@pytest.fixture(scope="module", autouse=True)
def schedules(sdk: Any, create: Create, endpoint: dict[str, Any]) -> None:
    """Once the first model has answered, it is replaced every minute; churn is learnt beside it."""
    given = {"flowers": FLOWERS}
    done = sdk.trigger_endpoint("iris-endpoint", endpoint["endpoint_token"], given)
    assert done["outputs"]["iris_type"]["neighbors"] == 5
    create("iris-retrain", "train", "retrainIris", outputs=[Output("model", "file")])
    sdk.create_deployment(
        "iris-retrain",
        "iris-every-minute",
        "periodic",
        schedule="* * * * *",
        outputs_mapping=[OutputDestination("model", datastore_path=MODEL)],
    )
    sdk.upload_data_store_object(io.BytesIO(_customers(random.Random(0))), CUSTOMERS)
    outputs = [Output(name, kind) for name, kind in CHURN_OUTPUTS.items()]
    create("churn-train", "churn", "train_churn", outputs=outputs)
    sdk.create_deployment(
        "churn-train",
        "churn-nightly",
        "periodic",
        schedule="0 2 * * *",
        outputs_mapping=[OutputDestination(name, is_null=True) for name in CHURN_OUTPUTS],
    )
    sdk.update_deployment("churn-nightly", schedule="* * * * *")


def test_training_stores_a_model_and_logs_how_good_it_is(sdk: Any, trained: str) -> None:
    assert sdk.get_data_store_object_information(MODEL)["path"] == MODEL
    eventually(lambda: "accuracy: 1.0" in logged(sdk, trained))
    assert sdk.get_pipeline("iris-train")["creation_info"]["last_execution_id"] == trained


def test_a_run_predicts_with_the_stored_model(sdk: Any, create: Create) -> None:
    create(
        "iris-predict",
        "predict",
        "predictIris",
        inputs=[Input("input_data", "json"), Input("input_model_path", "string")],
        outputs=[Output("predictions", "json")],
    )
    given = {"input_data": FLOWERS, "input_model_path": MODEL}
    done = sdk.run_pipeline("iris-predict", inputs=given)
    assert done["outputs"]["predictions"] == {"0": "setosa", "1": "virginica"}


def test_a_plain_request_predicts_with_the_model_that_the_mapping_names(
    platform: Platform, endpoint: dict[str, Any]
) -> None:
    answer = requests.post(
        f"{platform.url}/endpoints/{endpoint['endpoint_url_path']}",
        headers={"Authorization": f"EndpointToken {endpoint['endpoint_token']}"},
        json={"flowers": FLOWERS},
        timeout=60,
    )
    assert answer.status_code == 200
    assert answer.json()["outputs"]["iris_type"]["classes"] == ["setosa", "virginica"]


def test_a_schedule_is_read_back_in_words(sdk: Any) -> None:
    sdk.create_deployment(
        "iris-retrain",
        "iris-every-five",
        "periodic",
        schedule="*/5 * * * *",
        outputs_mapping=[OutputDestination("model", datastore_path="never/{date_time}.joblib")],
    )
    sdk.update_deployment("iris-every-five", is_enabled=False)
    deployed = sdk.get_deployment("iris-every-five")
    assert deployed["schedule"] == "*/5 * * * *"
    assert deployed["human_readable_schedule"] == "Every 5 minutes"
    assert deployed["status"] == "disabled"


def test_the_endpoint_answers_with_the_model_of_the_last_training(
    sdk: Any, endpoint: dict[str, Any]
) -> None:
    first_of(sdk, "iris-every-minute")
    given = {"flowers": FLOWERS}
    done = sdk.trigger_endpoint("iris-endpoint", endpoint["endpoint_token"], given)
    assert done["outputs"]["iris_type"]["neighbors"] == 3


def test_seven_outputs_mapped_to_nothing_leave_the_metrics(sdk: Any) -> None:
    execution_id = first_of(sdk, "churn-nightly")
    outputs = sdk.get_pipeline_execution(execution_id)["outputs"]
    went = {item["pipeline_output_name"]: item["destination"] for item in outputs}
    assert went == dict.fromkeys(CHURN_OUTPUTS, "is_null")
    metrics = {item["name"]: item["value"] for item in sdk.get_metrics(execution_id=execution_id)}
    assert set(metrics) == {f"{model}-{score}" for model in MODELS for score in SCORES}
    assert metrics["xgboost-precision"] > 0.5
    by_name = sdk.get_metrics(name="xgboost-precision", deployment_name="churn-nightly")
    assert execution_id in {item["execution_id"] for item in by_name}


def first_of(sdk: Any, deployment: str) -> str:
    """An execution that a schedule started and that has succeeded."""
    execution_id: str = eventually(
        lambda: sdk.get_deployment(deployment)["last_execution_id"], within_s=90
    )
    sdk.retrieve_pipeline_execution_outputs(execution_id)
    return execution_id


def _flowers(chance: random.Random) -> bytes:
    """50 flowers of each of two kinds, as CSV."""
    rows = [
        f"{chance.gauss(length, 0.1):.3f},{chance.gauss(width, 0.1):.3f},{kind}"
        for kind, length, width in (("setosa", 1.0, 0.3), ("virginica", 5.2, 2.0))
        for _ in range(50)
    ]
    return "\n".join(["length,width,target", *rows]).encode()


def _customers(chance: random.Random) -> bytes:
    """120 customers, of whom those left that spent little, as CSV."""
    customers = [(chance.randint(18, 80), chance.randint(1, 100)) for _ in range(120)]
    rows = [f"{age},{spent},{int(spent < 40)}" for age, spent in customers]
    return "\n".join(["age,spent,churned", *rows]).encode()
