"""Are the artifacts what they say? Checksums, keys, accuracies measured anew, and rays swept again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flutils import guard, margins
from flutils.artifacts import find_home, name_run, read_provenance
from flutils.config import DATASETS, SearchConfig, load_profile
from flutils.experiment import Experiment
from flutils.randomness import stream
from flutils.results.base import ALL

RAYS = 500  # of each table that are swept again
DIFFERENT_RAYS = 2  # of those that may differ: rounding of another processor turns ties, and a search may err
_TRACED = 50  # at once, for all images along a ray are in memory
DIFFERENT_IMAGES = 5  # of the test set that another processor may classify otherwise


@dataclass(frozen=True)
class Verification:
    """What came of one file: whether it is what it says, and in words what was found."""

    path: Path
    sound: bool
    found: str


def verify(
    profile: str, dataset: str, *, seed: int = 0, home: Path | None = None, quick: bool = False
) -> Iterator[Verification]:
    """Verify the artifacts of a dataset, one after the other.

    Args:
        profile: whose artifacts.
        dataset: ``"mnist"`` or ``"cifar10"``; ``"all"`` for results and figures of no dataset alone.
        seed: of the run.
        home: folder that holds ``artifacts/``; see `flutils.artifacts.find_home`.
        quick: checksums and keys only; no model is loaded.

    Yields:
        A `Verification` of each file that has a provenance, models first, then of each result, those that
        ship included, and of each figure.

    Raises:
        ValueError: if there is no such profile or dataset.
    """
    load_profile(DATASETS[0] if dataset == ALL else dataset, profile)
    home, run = find_home(home), name_run(profile, seed)
    folder, reported = (home / "artifacts" / part / run / dataset for part in ("", "reported"))
    abouts = {path.with_suffix(""): path for path in sorted(folder.glob("*.*.json"))}
    models: dict[str, Path] = {}
    experiment: Experiment | None = None
    for path in sorted(abouts, key=lambda path: path.suffix != ".keras"):
        try:
            about = read_provenance(abouts[path])
            if path.stem != f"{about['name']}-{about['key'][:12]}":
                raise ValueError(f"it is {about['name']} of key {about['key'][:12]}, under another's name")
        except ValueError as error:
            yield Verification(path, False, str(error))
            continue
        if path.suffix == ".keras":
            models[about["sha256"]] = path
        if quick or not _is_checked(path):
            yield Verification(path, True, "checksum and key as recorded")
            continue
        inputs = about["inputs"]
        experiment = experiment or Experiment(dataset, profile, seed, home=home)  # its data load once
        if path.suffix == ".keras":
            yield _measure_again(path, about, experiment)
        elif inputs["model"] not in models:
            yield Verification(path, False, "its model is not there")
        else:
            yield _sweep_again(path, inputs, experiment, models[inputs["model"]])
    figures = (home / "figures" / run).glob("*.json")
    sealed = [
        *(path for path in folder.glob("*.json") if path not in abouts and "." not in path.stem),
        *reported.glob("*.json"),
        *(path for path in figures if _name_dataset(path) == dataset),
    ]
    yield from map(_check_seal, sorted(sealed))


def _name_dataset(figure: Path) -> str:
    """Return which dataset a figure's numbers are of, from its name: ``08_mnist_levels`` or ``12_claims``."""
    part = figure.stem.split("_")[1]
    return part if part in DATASETS else ALL


def _check_seal(path: Path) -> Verification:
    """Verify a result, or the numbers of a figure."""
    try:
        content = guard.read_sealed(path)
        name = content["figure" if "figure" in content else "name"]
        if name != path.stem:
            raise ValueError(f"it is {name!r}, under another's name")
    except (ValueError, KeyError) as error:
        return Verification(path, False, guard.describe_error(error))
    sealed = guard.SEAL in content
    return Verification(path, True, "its seal fits" if sealed else "it was made before there were seals")


def _is_checked(path: Path) -> bool:
    return path.suffix == ".keras" or path.name.startswith("margins-")


def _measure_again(path: Path, about: dict[str, Any], experiment: Experiment) -> Verification:
    from flutils import models, training

    recorded, count = about["measured"]["test_accuracy"], len(experiment.test_set[1])
    measured = training.measure_accuracy(models.load_model(path), *experiment.test_set)
    differ = round(abs(measured - recorded) * count)
    return Verification(
        path, differ <= DIFFERENT_IMAGES, f"test accuracy {measured:.2%}, recorded {recorded:.2%}"
    )


def _sweep_again(path: Path, inputs: dict[str, Any], experiment: Experiment, model: Path) -> Verification:
    from flutils import models

    table, search = margins.MarginTable.load(path), SearchConfig(**inputs["search"])
    x, _ = experiment.searches.choose(search, inputs["samples"])
    directions = experiment.draw_directions(search)
    rng = stream(experiment.seed, f"verify/{path.name}")
    sample, ray = rng.integers(table.num_samples, size=RAYS), rng.integers(table.num_rays, size=RAYS)
    loaded, parts = models.load_model(model), []
    for start in range(0, RAYS, _TRACED):
        rows, columns = sample[start : start + _TRACED], ray[start : start + _TRACED]
        sign = table.sign[columns, None, None, None].astype(np.float32)
        trace = margins.trace(
            loaded,
            x[rows],
            directions[table.direction[columns]] * sign,
            step=search.step,
            search_range=search.search_range,
            bounds=experiment.bounds,
            clip=search.clip,
        )
        parts.append(trace.logits.argmax(axis=2))
    predicted = np.concatenate(parts)
    differs = predicted != table.origin[sample, None]
    crossing = np.where(differs.any(axis=1), differs.argmax(axis=1), -1)
    adjacent = np.where(crossing < 0, -1, predicted[np.arange(RAYS), crossing])
    wrong = (crossing != table.crossing[sample, ray]) | (adjacent != table.adjacent[sample, ray])
    count = int(wrong.sum())
    return Verification(path, count <= DIFFERENT_RAYS, f"{count} of {RAYS} rays differ from the exact sweep")
