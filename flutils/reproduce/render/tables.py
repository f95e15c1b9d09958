"""Table I, R and Table III as markdown, the paper's numbers beside ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from flutils import paper
from flutils.reproduce.collect import CellReport, Results, collect_cells
from flutils.reproduce.render.markdown import make_table, spell_dataset, spell_number

_WEAK = 0.1  # share of the images an attack may find nothing on


def render_table_1(found: Results) -> str:
    """Render Table I of each dataset; empty if none is reported."""
    parts = []
    for results in found.values():
        if "table1" not in results:
            continue
        values = results["table1"]
        rows = [
            [label, *(spell_number(value) for value in values[f"{label.lower()}_percent"])]
            for label in ("Paper", "Ours")
        ]
        title = spell_dataset(values["dataset"])
        caption = (
            f"Table I, {title}: proportion of adjacent classes in percent of rays; ours from"
            f" {values['num_samples']:,} samples, {values['num_rays']:,} rays each."
        )
        parts += [caption, make_table([title, *values["class_names"], paper.NOT_FOUND], rows)]
        # Claims without an id are of results older than the list of claims.
        parts += [
            "\n".join(
                f"- {item['claim']}: **{item['verdict']}** ({item['evidence']})"
                for item in values.get("claims", ())
                if "id" not in item
            )
        ]
    return "\n\n".join(filter(None, parts))


def render_robustness(found: Results) -> str:
    """Render the robustness levels R of each model; empty if none of ours is reported."""
    cells = [cell for cell in collect_cells(found) if cell.table == "R"]
    datasets = _list_measured(cells)
    if not datasets:
        return ""
    by_place = {(cell.dataset, cell.column): cell for cell in cells}
    rows = [
        [model, *(text for dataset in datasets for text in _spell_pair(by_place[dataset, model]))]
        for model in paper.MODELS
    ]
    titles = [f"{spell_dataset(dataset)}, {source}" for dataset in datasets for source in ("paper", "ours")]
    caption = "Robustness level R (Eq. 2, a sum over pairs of classes), in pixel values."
    return f"{caption}\n\n{make_table(['model', *titles], rows)}"


def render_table_3(found: Results) -> str:
    """Render Table III, paper / ours in each place; empty if none of ours is reported."""
    cells = [cell for cell in collect_cells(found) if cell.table == "III"]
    datasets = _list_measured(cells)
    if not datasets:
        return ""
    by_place = {(cell.dataset, cell.row, cell.column): cell for cell in cells}
    models = list(dict.fromkeys(cell.column for cell in cells))
    places = [(dataset, model) for dataset in datasets for model in models]
    rows = [
        [
            attack,
            " / ".join(dict.fromkeys(_spell_images(found[dataset], attack) for dataset in datasets)),
            *(" / ".join(_spell_pair(by_place[dataset, attack, model])) for dataset, model in places),
        ]
        for attack in paper.ATTACKS
    ]
    clean = {dataset: found[dataset].get("table3", {}).get("clean_by_images", {}) for dataset in datasets}
    for count in dict.fromkeys(count for each in clean.values() for count in each):
        ours = [clean[dataset].get(count, {}).get(model) for dataset, model in places]
        rows.append(["none", f"{int(count):,}", *(f"– / {spell_number(rate)}" for rate in ours)])
    titles = [f"{spell_dataset(dataset)} {model}" for dataset, model in places]
    caption = (
        "Table III: accuracy under attack in percent, paper / ours. Strengths are calibrated on Ori. with"
        " part of the images, so its columns agree up to that; the other models are what is compared. n is"
        " the number of test images, and *none* the accuracy without an attack on as many."
    )
    weak = [
        f"{spell_dataset(dataset)} {item['attack']} on {item['model']}"
        f" ({item['nothing found']} of {item['correct images']})"
        for dataset in datasets
        for item in found[dataset].get("table3", {}).get("distances", ())
        if item["model"] in models and item["nothing found"] > _WEAK * item["correct images"]
    ]
    warning = (
        "An attack that finds nothing, at any distance, on more than a tenth of the images that a model gets"
        f" right is weak, and the accuracy under it says little: {'; '.join(weak)}."
    )
    missed = [
        f"{spell_dataset(dataset)} {attack} ({strength['reason']})"
        for dataset in datasets
        for attack, strength in found[dataset].get("table3", {}).get("strengths", {}).items()
        if not strength["reached"]
    ]
    note = f"Not calibrated: {'; '.join(missed)}." if missed else ""
    table = make_table(["attack", "n", *titles], rows)
    return "\n\n".join(filter(None, (caption, table, note, warning if weak else "")))


def _list_measured(cells: Sequence[CellReport]) -> list[str]:
    """Return the datasets that have at least one number of ours."""
    return list(dict.fromkeys(cell.dataset for cell in cells if cell.ours is not None))


def _spell_images(results: Mapping[str, Any], attack: str) -> str:
    """Return the number of images that an attack was measured on, as far as it was."""
    count = results.get("table3", {}).get("num_images", {}).get(attack)
    return "–" if count is None else f"{count:,}"


def _spell_pair(cell: CellReport) -> tuple[str, str]:
    return spell_number(cell.paper), spell_number(cell.ours)
