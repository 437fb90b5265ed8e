"""The scheduler as a process of its own."""

from pumphouse.scheduler.app import running
from pumphouse.scheduler.settings import Settings
from pumphouse.service import run_service

run_service("scheduler", Settings, running)
