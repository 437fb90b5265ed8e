"""How a service becomes a process: settings, bus, health, signals and exit codes."""

from pumphouse.service.health import answering_health
from pumphouse.service.lifetime import run_until_stopped
from pumphouse.service.process import ProcessSettings, run_service

__all__ = ["ProcessSettings", "answering_health", "run_service", "run_until_stopped"]
