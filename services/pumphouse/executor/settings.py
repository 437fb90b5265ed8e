"""Settings of the executor, each from PUMPHOUSE_<FIELD>."""

from pathlib import Path
from typing import Annotated

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """s3_url: `http://KEY:SECRET@host:port/BUCKET`. work_dir: for this host's executors.

    elastic_prefetch: executions that one of the elastic queues may have running here at once.
    elastic_spares: blank processes that stand ready in one environment. kept_archives: extracted
    code kept. warm_environments: environments that have such processes, beside the executor's
    own Python. kept_environments: installed ones kept. build_timeout_s: for one build.
    shutdown_grace_s: how long running executions may go on once the executor is told to stop.
    sample_every_s: pause between two looks at how busy this machine is.
    docker_url: `unix:///path` or `tcp://host:port` of the engine for pipelines with a Dockerfile.
    docker_network: what their containers are connected to.
    gateway_url: how functions reach the gateway; without it they are not told of it, nor given a
    token for it.

    isolation: the best level that is tried, see `isolation.Level`. require_isolation: the executor
    does not start with less. first_pool_user, pool_users: the first number of those that
    user code runs as, and how many there are, when the executor is root; the next number
    builds packages. readable_paths,
    shared_paths: folders of this host that user code may read; and that it may write to as well.

    Limits of one execution, where its deployment has none: execution_memory, like `2GiB`, None for
    four fifths of this machine's; execution_processes, in which threads count;
    execution_open_files; execution_disk, of all that it writes; execution_timeout_s.
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
    isolation: Annotated[int, msgspec.Meta(ge=1, le=3)] = 3
    require_isolation: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    first_pool_user: int = 58_000
    pool_users: int = 200
    readable_paths: tuple[Path, ...] = ()
    shared_paths: tuple[Path, ...] = ()
    execution_memory: str | None = None
    execution_processes: int = 1024
    execution_open_files: int = 4096
    execution_disk: str = "20GiB"
    execution_timeout_s: int = 24 * 3600
