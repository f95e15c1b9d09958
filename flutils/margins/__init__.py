"""Boundary search: the margin of every ray, and the table that holds them."""

from flutils.margins.audit import SearchAudit
from flutils.margins.engines import EngineWarning
from flutils.margins.search import search
from flutils.margins.table import FORMAT, MarginTable, SearchCost, SearchSettings
from flutils.margins.trace import RayTrace, trace

__all__ = [
    "FORMAT",
    "EngineWarning",
    "MarginTable",
    "RayTrace",
    "SearchAudit",
    "SearchCost",
    "SearchSettings",
    "search",
    "trace",
]
