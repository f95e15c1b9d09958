"""Typed results as JSON; see `flutils.records`."""

from flutils.records import from_json, to_json

__all__ = ["from_json", "to_json"]
