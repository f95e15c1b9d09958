"""The results that the notebooks saved of each dataset, and which of them are not there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flutils.artifacts import find_home
from flutils.config import DATASETS, load_profile
from flutils.reproduce.notebooks import ALL

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Dataset, or ``"all"`` -> name of a result -> its values."""

NOTEBOOKS: Mapping[str, str] = MappingProxyType(
    {
        "train": "01",
        "table1": "03",
        "feedback": "04",
        "fig3": "05",
        "table2": "06",
        "table3": "07",
        "fig4": "08",
        "table4": "09",
    }
)
"""Result of each dataset -> number of the notebook that saves it."""

GENERAL: Mapping[str, str] = MappingProxyType({"theory": "10", "paper_check": "11"})
"""Result of both datasets together -> number of the notebook that saves it."""

SHOWN: Mapping[str, tuple[str, ...]] = MappingProxyType({"fig3": ("mnist",), "table2": ("cifar10",)})
"""Results of a table or figure that the paper shows for some datasets only -> those."""


@dataclass(frozen=True)
class Missing:
    """A result that was not saved: its dataset and name, and the number of the notebook that saves it."""

    dataset: str
    result: str
    notebook: str


def read_results(
    profile: str, datasets: Sequence[str] = DATASETS, *, home: Path | None = None
) -> dict[str, dict[str, dict[str, Any]]]:
    """Read all results that the notebooks saved at a profile.

    Args:
        profile: whose results.
        datasets: which datasets; results of both together are read too.
        home: folder that holds ``artifacts/``; see `flutils.artifacts.find_home`.

    Returns:
        Dataset, or ``"all"`` -> name -> values; nothing for a result that is not there.

    Raises:
        ValueError: if the profile is unknown, or a file of a result cannot be read.
    """
    load_profile(DATASETS[0], profile)
    folder = (find_home() if home is None else Path(home)) / "artifacts" / profile
    return {dataset: _read_folder(folder / dataset) for dataset in (*datasets, ALL)}


def find_missing(found: Results) -> list[Missing]:
    """List the results that the paper's tables, figures and claims need and that are not there.

    Args:
        found: what `read_results` gave.

    Returns:
        One entry each, by dataset and notebook; none for a table that the paper does not show of a dataset.
    """
    datasets = [name for name in found if name != ALL]
    wanted = [
        Missing(dataset, name, notebook)
        for dataset in datasets
        for name, notebook in NOTEBOOKS.items()
        if dataset in SHOWN.get(name, DATASETS)
    ]
    wanted += [Missing(ALL, name, notebook) for name, notebook in GENERAL.items()]
    return [item for item in wanted if item.result not in found.get(item.dataset, {})]


def _read_folder(folder: Path) -> dict[str, dict[str, Any]]:
    results = {}
    for name in (*NOTEBOOKS, *GENERAL, "runtime"):
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        try:
            results[name] = dict(json.loads(path.read_text(encoding="utf-8"))["values"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"expected {folder.name}/{path.name} to be a result with values, but it is not ({error!r});"
                " delete it and run the notebook that saves it"
            ) from error
    return results
