"""Loads what the store has for the explorer; makes nothing."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from flutils.artifacts import Artifact
from flutils.config import DATASETS
from flutils.experiment import LABELS, Classifier, Experiment
from flutils.explorer.material import Lazy, Material
from flutils.explorer.network import KerasNetwork
from flutils.explorer.state import Explorer
from flutils.margins import MarginTable


def load_state(
    profile: str, seed: int, *, datasets: Sequence[str] = DATASETS, home: Path | None = None
) -> Explorer:
    """Return an explorer of the models that the store has; they are loaded when they are first shown.

    Args:
        profile: ``"smoke"``, ``"quick"`` or ``"paper"``.
        seed: the run's one seed.
        datasets: which to offer; those without a model are left out.
        home: folder that holds ``artifacts/``; see `flutils.artifacts.find_home`.

    Returns:
        An `Explorer`.

    Raises:
        ValueError: if there is no such profile or dataset.
        FileNotFoundError: if the store has no model of these datasets; nothing is trained here.
    """
    found = {}
    for dataset in datasets:
        experiment = Experiment(dataset, profile, seed, home=home)
        artifacts = {name: artifact for name, artifact in experiment.list_artifacts() if artifact is not None}
        if any(name in artifacts for name in LABELS):
            found[dataset] = partial(_load_material, experiment, artifacts)
    if not found:
        raise FileNotFoundError(
            f"no trained model of {' or '.join(datasets)} at profile {profile!r} with seed {seed}; run "
            "notebook 01 (Ori., Adv.) and 04 (F.L., Reduced F.L.) at that profile, or "
            f"`make reproduce PROFILE={profile}`"
        )
    return Explorer(Lazy(found))


def _load_material(experiment: Experiment, artifacts: dict[str, Artifact]) -> Material:
    """Load samples and directions now, models and tables when they are asked for."""
    search, (x, y) = experiment.config.search, experiment.samples
    stored = {name: label for name, label in LABELS.items() if name in artifacts}
    searched = {label: f"margins-{name}" for name, label in stored.items() if f"margins-{name}" in artifacts}
    return Material(
        dataset=experiment.config.dataset,
        x=x,
        y=y,
        class_names=experiment.class_names,
        bounds=experiment.bounds,
        directions=experiment.directions,
        unit=search.unit,
        step=search.step,
        search_range=search.search_range,
        networks=Lazy(
            {
                label: partial(_load_network, Classifier(name, artifacts[name]))
                for name, label in stored.items()
            }
        ),
        tables=Lazy(
            {label: partial(MarginTable.load, artifacts[table].path) for label, table in searched.items()}
        ),
        clip=search.clip,
    )


def _load_network(classifier: Classifier) -> KerasNetwork:
    return KerasNetwork(classifier.load())
