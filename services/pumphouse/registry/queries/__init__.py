"""Everything the registry asks Postgres; rows become contracts here and nowhere else."""

from pumphouse.registry.queries.builds import Builds
from pumphouse.registry.queries.catalog import CatalogLog
from pumphouse.registry.queries.definitions import Definitions, Draft
from pumphouse.registry.queries.discarded_files import DiscardedFiles
from pumphouse.registry.queries.executions import Executions
from pumphouse.registry.queries.folding import Folds, Outcome
from pumphouse.registry.queries.metrics import Metrics
from pumphouse.registry.queries.owners import Owners
from pumphouse.registry.queries.pod_logs import PodLogs
from pumphouse.registry.queries.samples import Samples
from pumphouse.registry.queries.users import Users
from pumphouse.registry.queries.workers import Workers

__all__ = [
    "Builds",
    "CatalogLog",
    "Definitions",
    "DiscardedFiles",
    "Draft",
    "Executions",
    "Folds",
    "Metrics",
    "Outcome",
    "Owners",
    "PodLogs",
    "Samples",
    "Users",
    "Workers",
]
