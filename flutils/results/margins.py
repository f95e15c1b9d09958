"""What the boundary search found on Ori.: margins, a few rays, and why directions have RMS 1."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from flutils import paper, plots
from flutils.experiment import Classifier, Experiment
from flutils.margins import MarginTable
from flutils.results.base import Drawing, Result, tabulate, to_pixels

NUM_IMAGES = 6  # of each ray that is shown
_ALL, _RMS, _EUCLIDEAN = "all classes", "RMS 1", "Euclidean norm 1"


@dataclass(frozen=True)
class ClassMargins:
    """Margins of the rays from one class, or from all.

    Attributes:
        samples: how many were searched.
        misclassified: how many of these Ori. gets wrong: all their margins are 0.
        not_found: fraction of the rays without a crossing.
        mean: of all margins, one without a crossing counting as the search range, pixel values.
        median: of the rays that cross, pixel values; NaN if none does.
    """

    samples: int
    misclassified: int
    not_found: float
    mean: float
    median: float

    @classmethod
    def read(cls, table: MarginTable) -> Self:
        """Summarize a margin table."""
        crossed = table.margin[table.crossing >= 0]
        return cls(
            samples=table.num_samples,
            misclassified=int((table.crossing[:, 0] == 0).sum()),
            not_found=table.not_found_rate,
            mean=float(np.nan_to_num(table.margin, nan=table.settings.search_range).mean()),
            median=float(np.median(crossed)) if crossed.size else float("nan"),
        )


@dataclass(frozen=True, eq=False)
class Rays:
    """Three rays in full: the shortest positive margin, a typical one, and one without a crossing.

    Attributes:
        sample: rows of the margin table.
        ray: columns of the margin table.
        origin: class that each starts from.
        length: (s,) grid lengths, pixel values.
        shown: grid steps of the images.
        images: (q, k, H, W, C) uint8, from the smallest pixel value to the largest.
        logits: (q, s, classes).
    """

    sample: tuple[int, ...]
    ray: tuple[int, ...]
    origin: tuple[int, ...]
    length: np.ndarray
    shown: tuple[int, ...]
    images: np.ndarray
    logits: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Margins(Result):
    """Margins of Ori. on the searched samples.

    Attributes:
        num_rays: rays per sample.
        step: of the grid, pixel values.
        search_range: pixel values.
        pixel_max: largest pixel value.
        classes: class, or all classes, -> its margins.
        rays_by_step: (s,) how many rays cross at each grid step.
        rays: what happens along three of them.
        length_rms: smallest and largest root mean square of the directions.
        found: length of the directions -> fraction of the rays from correctly classified samples that cross.
        evaluations: model evaluations per ray.
        seconds: the search took.
        engine: what evaluated the model.
        audited: rays that were also searched step by step; 0 where all were.
        mismatches: how many of these came out differently.
        mismatch_bound: largest rate of such rays that this leaves possible (95 %); NaN where all were swept.
    """

    NAME: ClassVar[str] = "margins"
    NOTEBOOK: ClassVar[str] = "02"
    TITLE: ClassVar[str] = "What the boundary search found"

    num_rays: int
    step: float
    search_range: float
    pixel_max: float
    classes: dict[str, ClassMargins]
    rays_by_step: np.ndarray
    rays: Rays
    length_rms: tuple[float, ...]
    found: dict[str, float]
    evaluations: float
    seconds: float
    engine: str
    audited: int
    mismatches: int
    mismatch_bound: float

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Search Ori. along directions of RMS 1, and of Euclidean norm 1; trace a few rays."""
        ori = experiment.models.ori()
        table = experiment.searches.margins(ori)
        euclidean = experiment.searches.margins(ori, unit="l2")
        correct = table.crossing[:, 0] != 0
        steps = round(table.last_length / table.settings.step)
        rms = np.sqrt((experiment.directions.astype(np.float64) ** 2).mean(axis=(1, 2, 3)))
        audit = table.audit
        return cls(
            **cls.start(experiment),
            num_rays=table.num_rays,
            step=table.settings.step,
            search_range=table.settings.search_range,
            pixel_max=float(experiment.bounds[1]),
            classes={
                _ALL: ClassMargins.read(table),
                **{
                    name: ClassMargins.read(table.take(np.flatnonzero(table.origin == k)))
                    for k, name in enumerate(experiment.class_names)
                    if np.any(table.origin == k)
                },
            },
            rays_by_step=np.bincount(table.crossing[table.crossing >= 0], minlength=steps + 1).astype(float),
            rays=trace_rays(experiment, ori, table),
            length_rms=(float(rms.min()), float(rms.max())),
            found={
                name: float((searched.crossing[correct] >= 0).mean()) if correct.any() else float("nan")
                for name, searched in ((_EUCLIDEAN, euclidean), (_RMS, table))
            },
            evaluations=table.evaluations_per_ray,
            seconds=table.cost.seconds,
            engine=table.cost.engine,
            audited=audit.rays if audit else 0,
            mismatches=audit.mismatches if audit else 0,
            mismatch_bound=audit.upper_bound if audit else float("nan"),
            judged=(),
        )

    def frame(self) -> pd.DataFrame:
        """Return the protocol and what came of it, the paper's above ours."""
        every = self.classes[_ALL]
        ours = {
            "samples": every.samples,
            "rays per sample": self.num_rays,
            "step (pixel values)": self.step,
            "search range (pixel values)": self.search_range,
            "rays without a crossing, N/A (%)": 100 * every.not_found,
        }
        rows = {"ours": ours}
        if self.dataset in paper.PROTOCOL:
            said = {name: each.number for name, each in paper.PROTOCOL[self.dataset].items()}
            printed = (
                int(said["samples"]),
                int(said["directions"] * said.get("signs", 1)),
                said["step"],
                said["search_range"],
                float(paper.TABLE_1[self.dataset][paper.NOT_FOUND]),
            )
            rows = {"paper": dict(zip(ours, printed, strict=True)), **rows}
        return tabulate(rows, "search of Ori.")

    def by_class(self) -> pd.DataFrame:
        """Return the margins of each class."""
        rows = {
            name: {
                "samples": each.samples,
                "misclassified, margin 0": each.misclassified,
                "N/A (%)": 100 * each.not_found,
                "mean margin, N/A as the search range": each.mean,
                "median of the rays that cross": each.median,
            }
            for name, each in self.classes.items()
        }
        return tabulate(rows, "origin class")

    def units(self) -> pd.DataFrame:
        """Return how many rays find a boundary, by the length of the directions."""
        rows = {
            f"directions of {name}, correctly classified samples": 100 * share
            for name, share in self.found.items()
        }
        rows[f"directions of {_RMS}, all samples"] = 100 * (1 - self.classes[_ALL].not_found)
        if self.dataset in paper.TABLE_1:
            rows["paper, Table I"] = 100 - float(paper.TABLE_1[self.dataset][paper.NOT_FOUND])
        return pd.DataFrame({"rays that find a boundary (%)": rows}).rename_axis("search")

    def directions(self) -> pd.DataFrame:
        """Return the length of the directions."""
        low, high = self.length_rms
        return pd.DataFrame(
            {"smallest": [low], "largest": [high]}, index=pd.Index(["RMS"], name="directions")
        )

    def costs(self) -> pd.DataFrame:
        """Return what the search took, and how its audit went; another machine takes another time."""
        row: dict[str, Any] = {
            "evaluations per ray": self.evaluations,
            "seconds": round(self.seconds),
            "engine": self.engine,
            "rays audited": self.audited,
            "of these different": self.mismatches,
            "rate at most (95 %)": "–" if np.isnan(self.mismatch_bound) else f"{self.mismatch_bound:.1e}",
        }
        return pd.DataFrame([row], index=pd.Index(["margins of Ori."], name="search"))

    def drawings(self) -> dict[str, Drawing]:
        """Draw the distribution of the margins, and the traced rays."""
        every, unit = self.classes[_ALL], f"pixel range 0 to {self.pixel_max:g}"
        rates = {name: each.not_found for name, each in self.classes.items() if name != _ALL}
        words, drawn = f"Ori. on {self.title} ({unit})", self.rays
        return {
            "margins": Drawing(
                plots.plot_margins(
                    self.rays_by_step, rates, step=self.step, all_classes=every.not_found, unit=unit
                ),
                self.caption(
                    f"Margins of {words}, and percent of rays without a crossing (N/A) by origin class",
                    samples=every.samples,
                    rays=self.num_rays,
                ),
                {"rays_by_step": self.rays_by_step, "not_found": rates},
            ),
            "rays": Drawing(
                plots.plot_rays(
                    drawn.images,
                    drawn.logits,
                    drawn.length,
                    shown=drawn.shown,
                    class_names=self.names,
                    origin=drawn.origin,
                    bounds=(0, 255),
                    unit=unit,
                ),
                self.caption(f"Images and logits along {len(drawn.ray)} rays, {words}"),
                {"length": drawn.length, "logits": drawn.logits, "origin": drawn.origin},
            ),
        }


def choose_rays(table: MarginTable) -> tuple[np.ndarray, np.ndarray]:
    """Choose the ray of the shortest positive margin, one of the median, and one that never crosses.

    Returns:
        (q,) rows and (q,) columns of the table; fewer than three where there are no such rays.
    """
    crossed = np.where(table.crossing > 0, table.margin, np.nan).ravel()
    order = np.argsort(crossed, kind="stable")[: np.isfinite(crossed).sum()]
    never = np.flatnonzero(table.crossing.ravel() < 0)
    found = (order[:1], order[len(order) // 2 :][:1], never[len(never) // 2 :][:1])
    # Once each; where no ray is of any of these kinds, the first.
    places = list(dict.fromkeys(np.concatenate(found).tolist())) or [0]
    sample, ray = np.unravel_index(np.array(places), table.crossing.shape)
    return sample, ray


def trace_rays(experiment: Experiment, classifier: Classifier, table: MarginTable) -> Rays:
    """Trace the rays of `choose_rays`, with images of a few of their grid steps."""
    sample, ray = choose_rays(table)
    trace = experiment.searches.trace(classifier, sample, ray)
    shown = np.linspace(0, len(trace.length) - 1, NUM_IMAGES).round().astype(int)
    return Rays(
        sample=tuple(sample.tolist()),
        ray=tuple(ray.tolist()),
        origin=tuple(table.origin[sample].tolist()),
        length=trace.length.astype(np.float64),
        shown=tuple(shown.tolist()),
        images=to_pixels(trace.images[:, shown], experiment.bounds),
        logits=trace.logits.astype(np.float64).round(4),
    )
