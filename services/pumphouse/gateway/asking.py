"""What the query of a request asks for."""

from pumphouse.gateway.bodies import ApiRequest


def is_asked_to_wait(request: ApiRequest) -> bool:
    """Whether the query asks for the end; older clients have another word for it."""
    query = request.query_params
    asked = (query.get("wait_for_completion", ""), query.get("wait_for_results", ""))
    return "true" in (text.lower() for text in asked)
