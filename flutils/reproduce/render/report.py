"""All reported results as markdown."""

import json
from pathlib import Path
from typing import Any

from flutils.config import DATASETS, PROFILES
from flutils.reproduce.notebooks import ALL
from flutils.reproduce.render.claims import render_claims
from flutils.reproduce.render.control import render_control
from flutils.reproduce.render.models import render_models
from flutils.reproduce.render.review import render_review
from flutils.reproduce.render.runtime import render_runtime
from flutils.reproduce.render.tables import render_robustness, render_table_1, render_table_3


def render_report(folder: Path) -> str:
    """Render reported results as markdown.

    Args:
        folder: with ``<profile>/<dataset>/<name>.json``, as `flutils.artifacts.Store.save_result` wrote them.

    Returns:
        One section a profile, of what is there: the claims and how many hold, the models, Table I, R,
        Table III, accuracy at the standard radius, what the examples do beyond longer training, and the
        measured run times.

    Raises:
        ValueError: if a file there is no result.
    """
    sections = []
    for profile in reversed(PROFILES):
        loaded = {dataset: _load_results(folder / profile / dataset) for dataset in (*DATASETS, ALL)}
        found = {
            dataset: {name: result["values"] for name, result in results.items()}
            for dataset, results in loaded.items()
            if results or dataset == ALL
        }
        if not any(found.values()):
            continue
        parts = [
            render_claims(found, profile),
            render_models(found),
            render_table_1(found),
            render_robustness(found),
            render_table_3(found),
            render_review(found),
            render_control(found),
            render_runtime(loaded[ALL].get("runtime")),
        ]
        sections.append("\n\n".join([f"### Profile `{profile}`", *filter(None, parts)]))
    return "\n\n".join(sections) or "No results are reported yet; `make report` writes them."


def _load_results(folder: Path) -> dict[str, dict[str, Any]]:
    results = {}
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            results[content["name"]] = content
            content["values"].keys()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"expected {path} to be a result with name and values, but it is not ({error!r}); remove it"
            ) from error
    return results
