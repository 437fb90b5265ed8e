"""Which owners of objects there are."""

from collections.abc import Collection

from pumphouse.postgres import Pool, connection
from pumphouse.registry.domain import parsed_ids
from pumphouse.registry.owners import Known, Owner

_PIPELINES = "select id from registry.pipelines where id = any($1::text[])"
_DEPLOYMENTS = "select id from registry.deployments where id = any($1::text[])"
_EXECUTIONS = "select id from registry.executions where id = any($1::uuid[])"


class Owners:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def known(self, owners: Collection[Owner]) -> Known:
        """Those of the owners, and of what they belong to, that the database has."""
        pipelines = [owner.pipeline_id for owner in owners]
        deployments = [o.deployment_id for o in owners if o.deployment_id is not None]
        executions = parsed_ids(o.execution_id for o in owners if o.execution_id is not None)
        async with connection(self._pool) as held:
            return Known(
                pipelines={row["id"] for row in await held.fetch(_PIPELINES, pipelines)},
                deployments={row["id"] for row in await held.fetch(_DEPLOYMENTS, deployments)},
                executions={str(row["id"]) for row in await held.fetch(_EXECUTIONS, executions)},
            )
