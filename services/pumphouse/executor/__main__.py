"""`python -m pumphouse.executor`: the executor as a process of its own."""

from pumphouse.executor.app import running
from pumphouse.executor.settings import Settings
from pumphouse.service import run_service

run_service("executor", Settings, running)
