"""The mapping-resolver as a process of its own."""

from pumphouse.mapping_resolver.app import running
from pumphouse.mapping_resolver.settings import Settings
from pumphouse.service import run_service

run_service("mapping-resolver", Settings, running)
