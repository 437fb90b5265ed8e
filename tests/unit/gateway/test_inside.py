"""What user code may call from inside an execution: every route of the API is in this table."""

import pytest

from pumphouse.gateway.authentication import UserGuard
from pumphouse.gateway.links import links_for
from pumphouse.gateway.settings import Settings
from tests.unconnected import handlers_of, unconnected_gateway

ALLOWED = """
    GET /users/me
    GET /environments/{environment_id:str}/vector-database
    GET /environment-variables
    PUT /environment-variables
    DELETE /environment-variables/{name:str}
    POST /data-store/information
    GET /data-store/list
    GET /data-store/upload
    POST /data-store/upload/multipart
    POST /data-store/upload/multipart/part
    POST /data-store/upload/multipart/end
    POST /data-store/download
    DELETE /data-store/delete
    GET /metrics/single-value
    PUT /metrics/single-value/{name:path}
    GET /metrics/list-values
    POST /metrics/list-values/{name:path}
    GET /pipelines
    GET /pipelines/{name:str}
    GET /pipelines/{name:str}/executions/latest
    GET /deployments
    GET /deployments/{name:str}
    GET /deployments/{name:str}/executions/latest
"""

REFUSED = """
    GET /users/{user_id:str}
    POST /users/me/sdk-token
    GET /project-information
    GET /pipeline-templates
    GET /pipeline-templates/{name:str}
    POST /pipelines
    DELETE /pipelines/{name:str}
    POST /pipelines/{name:str}/logs
    GET /pipelines/{name:str}/download
    POST /pipelines/{name:str}/run
    GET /pipelines/{name:str}/executions
    GET /executions/{execution_id:str}
    DELETE /executions/{execution_id:str}
    GET /executions/{execution_id:str}/outputs
    GET /executions/{execution_id:str}/outputs/{output_name:str}
    GET /executions/{execution_id:str}/inputs/{input_name:str}
    POST /executions/{execution_id:str}/logs
    POST /endpoints
    POST /endpoints/{name:str}/generate-new-token
    POST /periodic-deployment
    PATCH /deployments/{name:str}
    DELETE /deployments/{name:str}
    POST /deployments/{name:str}/executions
    POST /deployments/{name:str}/logs
    GET /resource-metrics
    GET /workers
"""

PUBLIC = {
    "GET /schema",
    "GET /schema/openapi.json",
    "GET /healthz",
    "POST /api/v1/auth/refresh",
    "GET /api/v1/environment-info",
    "POST /endpoints/{path:str}",
    "GET /endpoints/{path:str}/executions/{execution_id:str}",
    "POST /endpoints/{path:str}/executions/{execution_id:str}",
    "GET /endpoints/v1/{path:str}/executions/{execution_id:str}",
    "GET /endpoints/v1/{path:str}/executions/{execution_id:str}/outputs/{name:path}",
    "HEAD /endpoints/v1/{path:str}/executions/{execution_id:str}/outputs/{name:path}",
}


def below_api(table: str) -> set[str]:
    return {line.strip().replace(" ", " /api/v1", 1) for line in table.strip().splitlines()}


def routes() -> dict[str, tuple[bool, bool]]:
    """By method and path: whether it is guarded, and open to user code."""
    found: dict[str, tuple[bool, bool]] = {}
    for path, handler in handlers_of(unconnected_gateway()):
        is_guarded = any(isinstance(guard, UserGuard) for guard in handler.resolve_guards())
        is_open = bool(handler.opt.get("for_executions"))
        for method in handler.http_methods:
            found[f"{method} {path}"] = (is_guarded, is_open)
    return found


def test_every_route_is_allowed_refused_or_public() -> None:
    found = routes()
    guarded = {route: is_open for route, (is_guarded, is_open) in found.items() if is_guarded}
    assert {route for route, is_open in guarded.items() if is_open} == below_api(ALLOWED)
    assert {route for route, is_open in guarded.items() if not is_open} == below_api(REFUSED)
    assert found.keys() - guarded.keys() == PUBLIC


@pytest.mark.parametrize(
    ("s3_url", "public", "relay", "is_inside"),
    [
        ("http://k:s@minio:9000/bucket", "http://127.0.0.1:9000", None, True),
        ("http://k:s@minio:9000/bucket", "https://files.example.org", False, True),
        ("http://k:s@minio:9000/bucket", "https://files.example.org", True, False),
        ("http://k:s@minio:9000/bucket", None, None, False),
        ("http://k:s@127.0.0.1:9000/bucket", "https://files.example.org", None, False),
        ("http://k:s@127.0.0.1:9000/bucket", None, None, False),
    ],
)
def test_executions_have_links_of_their_own_where_the_public_address_is_for_clients_alone(
    s3_url: str, public: str | None, relay: bool | None, is_inside: bool
) -> None:
    settings = Settings(secret_key="k" * 32, s3_url=s3_url, s3_public_url=public, s3_relay=relay)
    assert links_for(settings).is_store_inside is is_inside
