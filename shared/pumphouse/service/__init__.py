"""How a service becomes a process: settings, bus, signals and exit codes."""

from pumphouse.service.lifetime import run_until_stopped
from pumphouse.service.process import BusSettings, run_service

__all__ = ["BusSettings", "run_service", "run_until_stopped"]
