"""The long steps without the notebooks: models, searches and attacks, one after the other."""

import time
from collections.abc import Iterable

from flutils import data
from flutils.artifacts import check_room
from flutils.experiment import Experiment
from flutils.folders import gather_temporary_files
from flutils.margins.cluster import use_scheduler
from flutils.reproduce.joining import join_run


def compute(
    *,
    profile: str,
    datasets: Iterable[str],
    steps: Iterable[str] | None = None,
    seed: int = 0,
    scheduler: str | None = None,
) -> None:
    """Make every artifact that is not there, in order, and say when each is done.

    A run that was stopped continues: trainings by epoch, searches by block, attacks one by one.

    Args:
        profile, datasets, seed, scheduler: as for `flutils.reproduce.reproduce`.
        steps: names of `Experiment.list_steps`; None for all.

    Raises:
        ValueError: if a choice is unknown, before anything is done.
        ConnectionError: if the scheduler cannot be reached, likewise.
        PermissionError: if the home folder cannot be written.
        OSError: if the data cannot be had, or there is no room for a run.
    """
    wanted = None if steps is None else list(steps)
    with use_scheduler(scheduler):
        experiments = {dataset: Experiment(dataset, profile, seed) for dataset in datasets}
        for experiment in experiments.values():
            known = experiment.list_steps()
            unknown = [name for name in wanted or () if name not in known]
            if unknown:
                raise ValueError(f"unknown step {unknown[0]!r}: choose from {', '.join(known)}")
        for dataset, experiment in experiments.items():
            check_room(experiment.store.folder)
            data.fetch(dataset)  # now, and not after hours of work on another
        for dataset, experiment in experiments.items():
            with gather_temporary_files(), join_run(experiment.store.folder.parent):
                for name, step in experiment.list_steps().items():
                    if wanted is None or name in wanted:
                        started = time.perf_counter()
                        step.make()
                        print(f"{dataset} {name}: {time.perf_counter() - started:.1f} s", flush=True)
