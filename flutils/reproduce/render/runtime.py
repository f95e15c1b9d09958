"""Measured run times as markdown."""

from collections.abc import Mapping
from typing import Any

from flutils.reproduce.render.markdown import TITLES, fold, make_table, spell_seconds


def render_runtime(result: Mapping[str, Any] | None) -> str:
    """Render what a run from nothing took, in all and by notebook; empty if none is reported."""
    if result is None:
        return ""
    values = result["values"]
    rows = [
        [
            f"{item['notebook']}",
            TITLES.get(item["dataset"], "both"),
            spell_seconds(item["seconds"]),
            ", ".join(f"{name} {spell_seconds(seconds)}" for name, seconds in item["computed"].items())
            or "–",
        ]
        for item in values["notebooks"]
    ]
    total = f"Everything from nothing took {spell_seconds(values['seconds_total'])} on {result['device']}."
    table = make_table(["Notebook", "dataset", "time", "computed"], rows)
    return f"{total}\n\n{fold('Time by notebook', table)}"
