"""The registry as a process of its own."""

from pumphouse.registry.app import running
from pumphouse.registry.settings import Settings
from pumphouse.service import run_service

run_service("registry", Settings, running)
