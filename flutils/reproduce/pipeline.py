"""The whole reproduction: every chosen notebook in order, and what came of it."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from flutils import data
from flutils.artifacts import Store, check_room, check_writable, find_home
from flutils.config import DATASETS
from flutils.margins.cluster import use_scheduler
from flutils.report import write_page
from flutils.reproduce.joining import join_run
from flutils.reproduce.notebooks import EXPLORER
from flutils.reproduce.plan import (
    Plan,
    count_there,
    describe_plan,
    describe_time,
    has_artifacts,
    make_plan,
)
from flutils.reproduce.runner import NotebookError, NotebookRun, kernel_environment, run_notebook
from flutils.results.base import ALL


@dataclass(frozen=True)
class Reproduction:
    """What a run did: each notebook's `NotebookRun`, and the figures and results written."""

    plan: Plan
    runs: tuple[NotebookRun, ...]
    written: tuple[Path, ...]


def reproduce(
    *,
    profile: str = "paper",
    datasets: Iterable[str] = DATASETS,
    notebooks: Iterable[str] | None = None,
    seed: int = 0,
    fresh: bool = False,
    dry_run: bool = False,
    scheduler: str | None = None,
    folder: Path | None = None,
    home: Path | None = None,
) -> Reproduction:
    """Run the notebooks headlessly and in order, and say what each did.

    Args:
        profile: ``"smoke"``, ``"quick"`` or ``"paper"``.
        datasets: ``"mnist"``, ``"cifar10"`` or both.
        notebooks: numbers or names, such as ``"03"`` or ``"03_table1"``; None for all.
        seed: non-negative.
        fresh: delete this profile's artifacts of the chosen datasets first.
        dry_run: print the plan and what is cached, and do nothing.
        scheduler: address of a Dask scheduler, on whose workers the boundary searches run, with the same
            results; see `flutils.margins.cluster.use_scheduler`.
        folder: of the notebooks; see `flutils.reproduce.find_notebooks`.
        home: folder that holds ``artifacts/`` and ``figures/``; see `flutils.artifacts.find_home`.

    Returns:
        A `Reproduction`; without runs for a dry run.

    Raises:
        ValueError: if a choice is unknown, before anything is done.
        PermissionError: if the home folder cannot be written.
        ConnectionError: if the scheduler cannot be reached, before anything is done.
        OSError: if the data cannot be had; see `flutils.data.fetch`; if there is no room for a run; or if
            artifacts are to be deleted that another run works with.
        NotebookError: if a notebook fails; those after it are not run.
    """
    home = find_home(home).resolve()
    plan = make_plan(profile=profile, datasets=datasets, notebooks=notebooks, seed=seed, folder=folder)
    if dry_run:
        print(describe_plan(plan, home, fresh=fresh))
        return Reproduction(plan, (), ())
    with use_scheduler(scheduler):
        return _reproduce(plan, home, fresh=fresh)


def _reproduce(plan: Plan, home: Path, *, fresh: bool) -> Reproduction:
    for target in (*plan.folders(home), home / "figures" / plan.run_name):
        check_writable(target)
    check_room(home)
    print(
        f"profile {plan.profile}, seed {plan.seed}: {len(plan.steps)} notebook runs;"
        f" {count_there(plan, home)}; {describe_time(plan, home)}",
        flush=True,
    )
    for name in plan.datasets:
        fetched = data.fetch(name)
        print(f"data: {name} from {fetched.source}, {fetched.folder}", flush=True)
    with join_run(home / "artifacts" / plan.run_name, delete=plan.folders(home) if fresh else ()):
        from_nothing = not has_artifacts(plan, home)
        started = time.perf_counter()
        runs = _run_steps(plan, home)
        total = round(time.perf_counter() - started, 1)
    written = tuple(dict.fromkeys(path for run in runs for path in run.written))
    if plan.complete and from_nothing and not _had_help(runs):
        written += (_save_runtime(plan, home, runs, total),)
    _print_end(written, home, len(runs), total)
    print(f"all of it on one page: {_write_page(plan, home)}")
    return Reproduction(plan, runs, written)


def _run_steps(plan: Plan, home: Path) -> tuple[NotebookRun, ...]:
    runs: list[NotebookRun] = []
    with kernel_environment(home) as place:
        for number, step in enumerate(plan.steps, start=1):
            run = NotebookRun(step.notebook.name, step.dataset)
            title = f"[{number}/{len(plan.steps)}] {step.notebook.name} {step.dataset}"
            folder = home / "artifacts" / plan.run_name / step.dataset / "notebooks"
            try:
                run_notebook(
                    step.notebook.path,
                    folder / f"{step.notebook.name}.ipynb",
                    run,
                    parameters=step.parameters,
                    title=title,
                    place=place,
                )
            except NotebookError as error:
                later = ", ".join(item.label for item in plan.steps[number:])
                raise NotebookError(f"{error}\nnot run: {later or 'nothing'}") from error
            print(run.summarize(), flush=True)
            runs.append(run)
    return tuple(runs)


def _had_help(runs: tuple[NotebookRun, ...]) -> bool:
    """Say whether another run, at the same time, made some of what this one used."""
    made = {name for run in runs for name in run.computed}
    return any(name not in made for run in runs for name in run.cached)


def _write_page(plan: Plan, home: Path) -> Path:
    """Make one page of the executed notebooks of the run, and of those that were there; return its path."""
    folder = home / "artifacts" / plan.run_name
    found = [(path.parent.parent.name, path) for path in folder.glob("*/notebooks/[0-9][0-9]_*.ipynb")]
    found = [item for item in found if not item[1].name.endswith(".failed.ipynb")]
    found = [item for item in found if not item[1].name.startswith(EXPLORER)]  # its sliders need a kernel
    order = sorted(found, key=lambda item: (item[1].name, DATASETS.index(item[0]) if item[0] != ALL else 0))
    return write_page(order, folder / "index.html", title=f"Feedback learning, reproduced: {plan.run_name}")


def _save_runtime(plan: Plan, home: Path, runs: tuple[NotebookRun, ...], total: float) -> Path:
    """Keep how long everything took; only a run that computed everything is a measurement."""
    notebooks = [{key: value for key, value in asdict(run).items() if key != "written"} for run in runs]
    values = {"seconds_total": total, "notebooks": notebooks, "from_nothing": True}
    store = Store(plan.profile, ALL, seed=plan.seed, home=home)
    store.save_result("runtime", values)
    return store.folder / "runtime.json"


def _print_end(written: tuple[Path, ...], home: Path, count: int, total: float) -> None:
    print(f"{count} notebook runs in {total:.1f} s; their executed copies are beside the artifacts")
    if written:
        print(f"figures and tables written, in {home}:")
    for path in written:
        print(f"  {path.relative_to(home) if path.is_relative_to(home) else path}")
