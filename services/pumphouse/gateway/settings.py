"""What the gateway is told at start."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """PUMPHOUSE_<FIELD> in the environment.

    port: 0 takes a free one. public_url: how clients reach this gateway, when that differs from
    the address of their requests. s3_url: of the object store, `http://KEY:SECRET@host/BUCKET`;
    s3_public_url: scheme, host and port that clients reach it by, when they are others.
    s3_relay: whether clients reach it through this gateway; None lets those who could not
    otherwise, because the store listens on this machine alone and they are on another, or on a
    Unix socket: then nobody could, so False counts only beside s3_public_url.
    hold_s: longest wait for the outputs in the call that triggers them; result_hold_s: in each
    call that follows a redirect; definition_hold_s: for a status of a pipeline or deployment.
    reply_patience_s: age at which the registry is asked about an execution as well as the bus.
    stop_s: how long answers may take to leave once the gateway stops.
    project_…: what pipelines fall back to, by the keys of `container_config`.
    disabled_templates: names of shipped templates that no pipeline may be created from.
    dockerfiles: whether pipelines may bring a Dockerfile, because the executors have an engine.
    vector_database_url: `https://host` of a database that users bring along, without port or path,
    and vector_database_token: what it is opened with; both or none.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str | None = None
    secret_key: str
    s3_url: str
    s3_public_url: str | None = None
    s3_relay: bool | None = None
    hold_s: float = 25.0
    result_hold_s: float = 45.0
    definition_hold_s: float = 8.0
    reply_patience_s: float = 10.0
    stop_s: int = 10
    project_language: str | None = None
    project_repository_url: str | None = None
    project_repository_branch: str | None = None
    project_repository_deploy_key: str | None = None
    project_included_folders: tuple[str, ...] = ()
    project_requirements_path: str | None = None
    project_system_dependencies: tuple[str, ...] = ()
    disabled_templates: tuple[str, ...] = ()
    dockerfiles: bool = False
    vector_database_url: str | None = None
    vector_database_token: str | None = None
