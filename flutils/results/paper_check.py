"""The paper checked against itself: its printed numbers, point by point, without any measurement."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from flutils import paper, plots
from flutils.claims import format_signed
from flutils.experiment import Experiment
from flutils.paper import DATASETS, MODELS, ORI, bounds, consistency
from flutils.results import points
from flutils.results.base import Drawing, Result, tabulate
from flutils.results.points import Point, list_points


@dataclass(frozen=True, kw_only=True, eq=False)
class PaperCheck(Result):
    """What the printed numbers say of each other and of the text; the same at every profile.

    Attributes:
        points: what was checked, in order. The tables beside them follow from the printed digits alone.
    """

    NAME: ClassVar[str] = "paper_check"
    NOTEBOOK: ClassVar[str] = "11"
    TITLE: ClassVar[str] = "The paper against itself"
    JOINT: ClassVar[bool] = True

    points: tuple[Point, ...]

    @classmethod
    def compute_all(cls, experiments: Mapping[str, Experiment]) -> Self:
        """Check all points; nothing is read of the experiments but profile and seed."""
        first = next(iter(experiments.values()))
        return cls(**cls.start(first), points=list_points(first.seed), judged=())

    def frame(self) -> pd.DataFrame:
        """Return all points: what is printed or said, what comes out, and what follows."""
        columns = {"printed": "the paper prints or says", "consequence": "what follows"}
        frame = pd.DataFrame([asdict(each) for each in self.points]).set_index("point")
        return frame.rename(columns=columns)

    def summaries(self) -> pd.DataFrame:
        """Return the printed Avg. and Std. that are not the recomputed ones rounded; and Table I's sums."""
        found = consistency.recompute_summaries()
        texts = {
            (f"Table {s.table}", s.row, s.column): (str(s.printed), f"{s.recomputed:.4f}", s.verdict)
            for s in found
            if s.verdict != "rounded"
        }
        texts["Tables II, IV", "all others", ""] = "", "", f"{len(found) - len(texts)} rounded"
        for name, row in paper.TABLE_1.items():
            rounding = f"{len(row)} roundings may add {len(row) * 0.005:.3f}"
            texts["Table I", name, "sum (%)"] = str(sum(row.values())), "100", rounding
        columns = ("printed", "recomputed", "verdict")
        rows = {key: dict(zip(columns, text, strict=True)) for key, text in texts.items()}
        return tabulate(rows, "table", "row", "column")

    def strengths(self) -> pd.DataFrame:
        """Return FGSM beside PGD in Table III, in percent."""
        return tabulate(points.compare_strengths(), "dataset", "model")

    def not_found(self) -> pd.DataFrame:
        """Return Avg. of Table II and its bounds if N/A counted as the search range, in pixel values."""
        columns = ["Avg. printed", "lowest with N/A 127.5", "highest with N/A 127.5"]
        rows: dict[tuple[str, str], dict[str, Any]] = {
            key: dict(zip(columns, values, strict=True)) for key, values in points.bound_averages().items()
        }
        for (images, _), row in rows.items():
            above = row[columns[1]] > rows[images, ORI][columns[2]]
            row["above Ori. either way"] = "yes" if above else "open"
        return tabulate(rows, "images of", "model")

    def marks(self) -> pd.DataFrame:
        """Return the marks of Table IV that one of the two rules does not give."""
        unlike = [m for m in consistency.check_level_marks() if not m.printed == m.by_rank == m.by_threshold]
        rows = {
            (m.dataset, m.class_name): {
                "R_i of Ori.": str(m.class_robustness),
                "mark": m.printed,
                "by rank": m.by_rank,
                "by threshold": m.by_threshold,
            }
            for m in unlike
        }
        return tabulate(rows, "dataset", "class")

    def spread(self) -> pd.DataFrame:
        """Return R and two measures of how unequal the classes are, per model."""
        rows = {}
        for name in DATASETS:
            levels = paper.ROBUSTNESS[name]
            for model in MODELS:
                row = paper.TABLE_4[name][model]
                rows[name, model] = {
                    "R": str(levels[model]),
                    "R against Ori. (%)": format_signed(100 * (levels[model] / levels[ORI] - 1), 1),
                    "Std. of R_i": str(row.deviation),
                    "largest R_i / smallest": round(max(row.values) / min(row.values)),
                }
        return tabulate(rows, "dataset", "model")

    def changes(self) -> pd.DataFrame:
        """Return R_i of each class before retraining and after it."""
        rows = {
            (c.dataset, c.class_name): {
                "mark": c.level,
                "R_i Ori.": str(c.ori),
                "R_i F.L.": str(c.fl),
                "R_i Reduced F.L.": str(c.reduced_fl),
                "F.L. / Ori.": f"{c.fl / c.ori:.4g}",
            }
            for c in consistency.compare_class_robustness()
        }
        return tabulate(rows, "dataset", "class")

    def centers(self) -> pd.DataFrame:
        """Return what Table II says of each model against Ori., and its Std."""
        rows = {}
        for images, models in paper.TABLE_2.items():
            for model in MODELS:
                ratio = models[model].average / models[ORI].average
                fallen = consistency.list_fallen_classes(images, model)
                rows[images, model] = {
                    "Avg. against Ori. (%)": format_signed(100 * (ratio - 1), 1),
                    "classes below Ori.": ", ".join(fallen) or "none",
                    "Std.": str(models[model].deviation),
                }
        return tabulate(rows, "images of", "model")

    def averages(self) -> pd.DataFrame:
        """Return Avg. of R_i with and without its largest, and how much must leave the classes below 1."""
        rows = {}
        for flow in bounds.bound_outflow():
            row = paper.TABLE_4[flow.dataset][flow.model]
            rest = (sum(row.values) - flow.highest) / (len(row.values) - 1)
            rows[flow.dataset, flow.model] = {
                "Avg.": str(row.average),
                "Std.": str(row.deviation),
                "largest R_i": str(flow.highest),
                "Avg. without it": f"{rest:.3f}",
                "% of all margins that leave classes below 1, at least": (
                    f"{flow.at_least:.1f} from {', '.join(flow.vulnerable)}"
                ),
            }
        return tabulate(rows, "dataset", "model")

    def flows(self) -> pd.DataFrame:
        """Return, per class, the share of rays of Table I, R_i of Table IV, and the weight both give it."""
        rows = {
            (fit.dataset, name): {
                "p_i (%)": str(paper.TABLE_1[fit.dataset][name]),
                "R_i": str(value),
                "p_i (1/R_i − 1)": fit.weights[name],
            }
            for fit in bounds.fit_flows()
            for name, value in zip(fit.weights, paper.TABLE_4[fit.dataset][ORI].values, strict=True)
        }
        return tabulate(rows, "dataset", "class")

    def fits(self) -> pd.DataFrame:
        """Return what margins Tables I and IV ask for together."""
        rows = {
            fit.dataset: {
                "margins into classes with R_i > 1, over those into the others": fit.ratio,
                "at least, by rounding": fit.low,
                "at most, by rounding": fit.high,
                "class with a limit": fit.tightest if fit.largest_margin < 100 else "none",
                "largest mean margin into it (% of the last grid length)": (
                    fit.largest_margin if fit.largest_margin < 100 else np.nan
                ),
            }
            for fit in bounds.fit_flows()
        }
        return tabulate(rows, "dataset")

    def aligned(self) -> pd.DataFrame:
        """Return how many crossing rays of Table I must point against the gradient."""
        rows = {
            s.dataset: {
                "signs searched": s.signs,
                "rays that cross (%)": str(s.crossing),
                "of these, against one gradient (%), at least": float(s.beyond_half),
                "most frequent class": s.top,
                "its share of the others' rays (%)": float(s.top_of_others),
            }
            for s in bounds.bound_aligned_rays()
        }
        return tabulate(rows, "dataset")

    def made_up(self) -> pd.DataFrame:
        """Return R of small made-up tables, and of a classifier that always gives one class."""
        useless = {
            f"always the same class, search range of {name}": value
            for name, value in points.measure_useless().items()
        }
        return pd.DataFrame({"R": {**points.measure_made_up(), **useless}}).rename_axis("table of margins")

    def levels(self) -> pd.DataFrame:
        """Return every printed R beside its bound, and how few rays could make the difference to Ori."""
        rows = {
            (b.dataset, b.model): {
                "R": str(b.printed),
                "largest R": str(b.bound),
                "% of it": float(b.share),
                "empty cells, at most": b.empty_at_most,
                "lone rays that could make the difference": b.lone_rays,
                "of rays": b.rays,
            }
            for b in bounds.bound_levels()
        }
        return tabulate(rows, "dataset", "model")

    def drawings(self) -> dict[str, Drawing]:
        """Draw the printed R_i, and the printed R beside their bounds."""
        useless = points.measure_useless()
        shares: dict[str, dict[str, float]] = {name: {} for name in DATASETS}
        for bound in bounds.bound_levels():
            shares[bound.dataset][bound.model] = float(bound.share)
        for bound in bounds.bound_levels():
            shares[bound.dataset]["always one class"] = 100 * useless[bound.dataset] / float(bound.bound)
        printed = {n: {m: paper.TABLE_4[n][m].numbers for m in MODELS} for n in DATASETS}
        same = f"the same at every profile, here {self.profile}."
        return {
            "class_robustness": Drawing(
                plots.plot_printed_robustness(),
                f"Class robustness R_i as Table IV prints it, no unit, n = 10 classes per model; {same}",
                printed,
            ),
            "robustness_bound": Drawing(
                plots.plot_level_shares(shares),
                "Printed R (section V-B) in percent of its bound, 90 search ranges, and that of a classifier "
                f"that always gives one class, n = 90 cells; {same}",
                shares,
            ),
        }
