"""What a run will do: its steps in order, and what the store has of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flutils.artifacts import name_run, read_result
from flutils.config import DATASETS, load_profile
from flutils.folders import scratch_folder
from flutils.reproduce.notebooks import Notebook, choose_notebooks, find_notebooks, read_defaults
from flutils.results.base import ALL

_ROUGHLY = {"smoke": "a few minutes", "quick": "40 to 80 minutes", "paper": "about two days"}


@dataclass(frozen=True)
class Step:
    """One run of one notebook; `dataset` is ``"all"`` where the run is of all of them."""

    notebook: Notebook
    dataset: str
    parameters: dict[str, Any]

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return f"{self.notebook.name} ({self.dataset})"


@dataclass(frozen=True)
class Plan:
    """The steps of one run, in order; `complete` says that they are the whole pipeline as it is."""

    profile: str
    datasets: tuple[str, ...]
    seed: int
    steps: tuple[Step, ...]
    complete: bool

    @property
    def run_name(self) -> str:
        """Name of the folders of its artifacts and figures: those of another seed than 0 stand apart."""
        return name_run(self.profile, self.seed)

    def folders(self, home: Path) -> list[Path]:
        """List the folders whose artifacts the run may write."""
        names = [*self.datasets, *([ALL] if set(self.datasets) == set(DATASETS) else [])]
        return [home / "artifacts" / self.run_name / name for name in names]


def make_plan(
    *,
    profile: str,
    datasets: Iterable[str],
    notebooks: Iterable[str] | None,
    seed: int,
    folder: Path | None = None,
) -> Plan:
    """Check what the user of `reproduce` wants and put it in order; nothing is written.

    Returns:
        The plan: each wanted notebook once, in order.

    Raises:
        ValueError: if a choice is unknown or of another type, where the message names the choices; or if a
            notebook's parameters cell is not as it must be.
    """
    chosen = tuple(dict.fromkeys([datasets] if isinstance(datasets, str) else datasets))
    if not chosen:
        raise ValueError(f"expected at least one dataset, got none: choose from {', '.join(DATASETS)}")
    for dataset in chosen:
        load_profile(dataset, profile)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a non-negative integer, got {seed!r}")
    known = find_notebooks(folder)
    wanted = choose_notebooks(known, notebooks)
    for item in wanted:
        read_defaults(item.path)  # without a tagged cell it would run, but with its own values
    together = ALL if set(chosen) == set(DATASETS) else chosen[0]
    parameters = {"DATASET": together, "PROFILE": profile, "SEED": seed}
    steps = tuple(Step(item, together, parameters) for item in wanted)
    return Plan(profile, chosen, seed, steps, complete=wanted == known and together == ALL)


def describe_plan(plan: Plan, home: Path, *, fresh: bool = False) -> str:
    """Say which notebooks a run would execute, and which artifacts are there already.

    Args:
        plan: of the run.
        home: folder that holds ``artifacts/``.
        fresh: whether the run would delete the artifacts first.

    Returns:
        Lines of text.
    """
    from flutils.experiment import Experiment

    lines = [f"profile {plan.profile}, seed {plan.seed}, {len(plan.steps)} notebook runs:"]
    width = max(len(step.notebook.name) for step in plan.steps)
    for number, step in enumerate(plan.steps, start=1):
        lines.append(f"  {number:2}. {step.notebook.name:{width}}  {step.dataset}")
    lines.append("artifacts:")
    with scratch_folder() as empty:
        for dataset in plan.datasets:
            # An experiment makes its folder, and a dry run must not; an empty store has nothing cached.
            there = (home / "artifacts" / plan.run_name / dataset).is_dir() and not fresh
            experiment = Experiment(dataset, plan.profile, plan.seed, home=home if there else empty)
            for name, artifact in experiment.list_artifacts():
                state = "to make"
                if artifact is not None:
                    state = f"cached, took {artifact.about['seconds']:.1f} s to make"
                lines.append(f"  {dataset:8} {name:20} {state}")
    if fresh:
        found = [folder for folder in plan.folders(home) if folder.is_dir()]
        lines += [f"would delete {folder.relative_to(home)}/ first" for folder in found]
    return "\n".join(lines)


def count_there(plan: Plan, home: Path) -> str:
    """Say in words how many of the run's models and margin tables are there already."""
    from flutils.experiment import Experiment

    listed = [
        artifact
        for dataset in plan.datasets
        for _, artifact in Experiment(dataset, plan.profile, plan.seed, home=home).list_artifacts()
    ]
    there = sum(artifact is not None for artifact in listed)
    whole = ", none is made" if there == len(listed) else ""
    return f"{there} of {len(listed)} models and margin tables are there{whole}"


def describe_time(plan: Plan, home: Path) -> str:
    """Say how long a run takes: as measured, here or when the kept results were made, else roughly."""
    measured = [home / "artifacts" / plan.run_name / ALL / "runtime.json"]
    measured += sorted((home / "artifacts" / "reported").glob(f"{plan.profile}*/{ALL}/runtime.json"))
    for path in measured:
        if path.exists():
            minutes = read_result(path)["seconds_total"] / 60
            return f"from nothing, all notebooks took {minutes:.0f} minutes when last measured"
    return f"from nothing, all notebooks take {_ROUGHLY[plan.profile]} on two cores"


def has_artifacts(plan: Plan, home: Path) -> bool:
    """Say whether the store already has anything that a run could read or continue."""
    return any(
        path.is_file() and path.suffix not in (".json", ".ipynb")
        for folder in plan.folders(home)
        for path in folder.rglob("*")
    )
