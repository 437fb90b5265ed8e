"""Where the platform keeps what is not a user's object: keys in its own bucket.

Everything of a pipeline is below one prefix, of a deployment below one inside that, and of an
execution below one inside that: what is deleted goes with its prefix.
"""


def pipeline_prefix(pipeline_id: str) -> str:
    return f"pipelines/{pipeline_id}/"


def deployment_prefix(pipeline_id: str, deployment_id: str) -> str:
    return f"{pipeline_prefix(pipeline_id)}deployments/{deployment_id}/"


def execution_prefix(pipeline_id: str, deployment_id: str | None, execution_id: str) -> str:
    """deployment_id: None for a run."""
    parent = (
        f"{pipeline_prefix(pipeline_id)}runs/"
        if deployment_id is None
        else f"{deployment_prefix(pipeline_id, deployment_id)}executions/"
    )
    return f"{parent}{execution_id}/"


def archive_key(pipeline_id: str) -> str:
    """The code of a pipeline, a gzip tar."""
    return f"{pipeline_prefix(pipeline_id)}code.tgz"


def commit_archive_key(pipeline_id: str, commit_id: str) -> str:
    """The code of a pipeline as a commit of its repository has it, a gzip tar."""
    return f"{pipeline_prefix(pipeline_id)}commits/{commit_id}.tgz"


def input_key(prefix: str, position: int) -> str:
    """A file or value that the trigger of the execution with this prefix gave, by its position."""
    return f"{prefix}inputs/{position}"


def output_key(prefix: str, position: int) -> str:
    """An output of the execution with this prefix, by its position among the declared ones."""
    return f"{prefix}outputs/{position}"


def constant_key(prefix: str, sha256: str) -> str:
    """A constant of the deployment, or of the run, with this prefix."""
    return f"{prefix}constants/{sha256}"


UPLOADS_PREFIX = "uploads/"
"""Of what is remembered of uploads to the data store; nothing in it is of use after a day."""


def upload_prefix(name: str) -> str:
    """Of an unfinished upload, by a name that tells it from all others."""
    return f"{UPLOADS_PREFIX}{name}/"


def upload_size_key(prefix: str) -> str:
    """The declared size of the unfinished upload with this prefix."""
    return f"{prefix}size"


def small_part_key(prefix: str, number: int) -> str:
    """A part of the unfinished upload with this prefix, which the store would not take as one."""
    return f"{small_parts_prefix(prefix)}{number:05}"


def small_parts_prefix(prefix: str) -> str:
    return f"{prefix}parts/"


def lock_key(environment_id: str) -> str:
    """The locked requirements of an environment, which pipelines share."""
    return f"environments/{environment_id}.lock"
