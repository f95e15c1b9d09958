"""How the time of a search grows with samples, with directions, and with grid steps.

Run by `make bench`; writes ``benchmarks/results/growth.json``, ``growth.png`` and ``growth.svg``.
"""

from typing import Any

import matplotlib.pyplot as plt
from compare import RESULTS
from subjects import Subject, load_subject

from flutils import margins
from flutils.artifacts import describe_origin, write_json

STRATEGIES = ("sweep", "predict")
SIZE = 50  # samples, and directions along both signs: just enough rays for the fast strategy
# The sweep shows its slope in fewer points, which cost it more.
SCALES = {"sweep": (1, 2), "predict": (1, 2, 4)}
FINER = {"sweep": (1, 2, 4), "predict": (1, 2, 4, 8)}


def time_search(
    subject: Subject, strategy: str, samples: int, directions: int, finer: int = 1
) -> dict[str, Any]:
    """Search and return rays, seconds and evaluations per ray."""
    x, y = subject.samples(samples)
    table = margins.search(
        subject.model,
        x,
        y,
        subject.directions(directions),
        strategy=strategy,
        audit_rate=0.0,
        **subject.grid(finer=finer),
    )
    rays = int((table.crossing != 0).sum())
    pilot = table.cost.pilot_evaluations
    found = {
        "samples": samples,
        "directions": directions,
        "steps": table.num_steps,
        "seconds": table.cost.seconds,
        "evaluations_a_ray": (table.cost.evaluations - pilot) / rays,
        "pilot_evaluations_a_ray": pilot / rays,
    }
    print(strategy, found, flush=True)
    return found


def plot(curves: dict[str, dict[str, list[dict[str, Any]]]], title: str) -> None:
    """Draw seconds against samples and directions, and evaluations per ray against grid steps."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    panels = (("samples", "seconds"), ("directions", "seconds"), ("steps", "evaluations_a_ray"))
    for axis, (x, y) in zip(axes, panels, strict=True):
        for strategy, marker in zip(STRATEGIES, "so", strict=True):
            points = curves[x][strategy]
            axis.plot([p[x] for p in points], [p[y] for p in points], marker=marker, label=strategy)
        axis.set(xscale="log", yscale="log", xlabel=x, ylabel=y.replace("_", " "))
        axis.legend(frameon=False)
        axis.set_xticks(sorted({p[x] for s in STRATEGIES for p in curves[x][s]}))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.minorticks_off()
    figure.suptitle(f"{title}: one search as it grows")
    axes[2].set_xlabel("grid steps in the same range")
    for suffix in ("png", "svg"):
        figure.savefig(RESULTS / f"growth.{suffix}", dpi=150)


if __name__ == "__main__":
    RESULTS.mkdir(exist_ok=True)
    model = load_subject("mnist")
    grown = {
        "samples": {s: [time_search(model, s, SIZE * k, SIZE) for k in SCALES[s]] for s in STRATEGIES},
        "directions": {s: [time_search(model, s, SIZE, SIZE * k) for k in SCALES[s]] for s in STRATEGIES},
        "steps": {s: [time_search(model, s, SIZE, SIZE, k) for k in FINER[s]] for s in STRATEGIES},
    }
    write_json(RESULTS / "growth.json", {"subject": model.name, "curves": grown, **describe_origin()})
    plot(grown, model.name)
