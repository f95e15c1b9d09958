"""Boundary search: the margin of every ray, and the table that holds them."""

from flutils.margins.audit import SearchAudit
from flutils.margins.search import search
from flutils.margins.table import MarginTable, SearchCost, SearchSettings
from flutils.margins.trace import RayTrace, trace

__all__ = ["MarginTable", "RayTrace", "SearchAudit", "SearchCost", "SearchSettings", "search", "trace"]
