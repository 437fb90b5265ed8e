"""A copy of the registry's definitions in the memory of a service."""

from pumphouse.catalog.catalog import Catalog
from pumphouse.catalog.following import following

__all__ = ["Catalog", "following"]
