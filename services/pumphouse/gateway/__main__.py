"""The gateway as a process of its own."""

from pumphouse.gateway.app import running
from pumphouse.gateway.settings import Settings
from pumphouse.service import run_service

run_service("gateway", Settings, running)
