"""Settings of the executor, each from PUMPHOUSE_<FIELD>."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """s3_url: `http://KEY:SECRET@host:port/BUCKET`. work_dir: for this host's executors.

    elastic_prefetch: executions that one of the elastic queues may have running here at once.
    elastic_spares: blank interpreters that stand ready in one environment. kept_archives: extracted
    code kept. warm_environments: environments that have such interpreters, beside the executor's
    own Python. kept_environments: installed ones kept. build_timeout_s: for one build.
    shutdown_grace_s: how long running executions may go on once the executor is told to stop.
    sample_every_s: pause between two looks at how busy this machine is.
    docker_url: `unix:///path` or `tcp://host:port` of the engine for pipelines with a Dockerfile.
    docker_network: what their containers are connected to.
    gateway_url: how functions reach the gateway; without it they are not told of it, nor given a
    token for it.
    """

    secret_key: str
    s3_url: str
    work_dir: str
    gateway_url: str | None = None
    docker_url: str | None = None
    docker_network: str = "bridge"
    elastic_prefetch: int = 4
    elastic_spares: int = 2
    kept_archives: int = 200
    warm_environments: int = 4
    kept_environments: int = 20
    build_timeout_s: float = 1800
    pod_start_timeout_s: float = 300
    shutdown_grace_s: float = 10
    sample_every_s: float = 10
