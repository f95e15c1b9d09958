"""Result files as markdown: the tables of README."""

import json
from pathlib import Path
from typing import Any

from flutils.config import DATASETS, PROFILES
from flutils.reproduce.notebooks import ALL

_TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
Result = dict[str, Any]


def render_report(folder: Path) -> str:
    """Render reported results as markdown.

    Args:
        folder: with ``<profile>/<dataset>/<name>.json``, as `flutils.artifacts.Store.save_result` wrote them.

    Returns:
        One section a profile: the models, Table I, its claims, and the measured run times.

    Raises:
        ValueError: if a file there is no result.
    """
    sections = []
    for profile in reversed(PROFILES):
        found = {dataset: _load_results(folder / profile / dataset) for dataset in (*DATASETS, ALL)}
        if not any(found.values()):
            continue
        parts = [_render_models(found), _render_table_1(found), _render_runtime(found[ALL].get("runtime"))]
        sections.append("\n\n".join([f"### Profile `{profile}`", *filter(None, parts)]))
    return "\n\n".join(sections) or "No results are reported yet; `make report` writes them."


def _load_results(folder: Path) -> dict[str, Result]:
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


def _render_table(header: list[str], rows: list[list[str]]) -> str:
    align = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, align, *rows))


def _render_models(found: dict[str, dict[str, Result]]) -> str:
    rows = []
    for results in found.values():
        if "train" in results:
            values = results["train"]["values"]
            rows.append(
                [
                    f"{_TITLES.get(values['dataset'], values['dataset'])}: {values['model']}",
                    f"{100 * values['test_accuracy']:.2f} %",
                    f"{values['parameters']:,}",
                    f"{_spell_seconds(values['training_seconds'])} ({_count(values['epochs'], 'epoch')})",
                ]
            )
    return _render_table(["Model", "test accuracy", "parameters", "training time"], rows) if rows else ""


def _render_table_1(found: dict[str, dict[str, Result]]) -> str:
    parts = []
    for results in found.values():
        if "table1" not in results:
            continue
        values = results["table1"]["values"]
        rows = [
            [label, *(_spell_percent(value) for value in values[f"{label.lower()}_percent"])]
            for label in ("Paper", "Ours")
        ]
        title = _TITLES.get(values["dataset"], values["dataset"])
        caption = (
            f"Table I, {title}: proportion of adjacent classes in percent of rays; ours from"
            f" {values['num_samples']:,} samples, {values['num_rays']:,} rays each."
        )
        parts += [caption, _render_table([title, *values["class_names"], "N/A"], rows)]
        claims = "\n".join(
            f"- {item['claim']}: **{item['verdict']}** ({item['evidence']})"
            for item in values.get("claims", ())
        )
        parts += [claims] if claims else []
    return "\n\n".join(parts)


def _render_runtime(result: Result | None) -> str:
    if result is None:
        return ""
    values = result["values"]
    rows = [
        [
            f"{item['notebook']}",
            _TITLES.get(item["dataset"], "both"),
            _spell_seconds(item["seconds"]),
            ", ".join(f"{name} {_spell_seconds(seconds)}" for name, seconds in item["computed"].items())
            or "–",
        ]
        for item in values["notebooks"]
    ]
    total = f"Everything from nothing took {_spell_seconds(values['seconds_total'])} on {result['device']}."
    return f"{total}\n\n{_render_table(['Notebook', 'dataset', 'time', 'computed'], rows)}"


def _spell_percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _spell_seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
