"""Which feedback examples a model really sees as another class."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flutils import guard
from flutils.arguments import (
    as_function,
    check_count,
    check_finite,
    check_steady,
    is_keras_model,
    require,
)
from flutils.feedback.examples import FeedbackExamples
from flutils.records import Summarized, load_record, save_record

_ARRAYS = ("predicted", "labels", "adjacent", "sample", "margin", "strength")


@dataclass(frozen=True, eq=False, repr=False)
class CrossingReport(Summarized):
    """What a model sees in m feedback examples.

    Attributes:
        predicted: (m,) int64, the model's class of each example.
        labels: (m,) int64, the class of its sample.
        adjacent: (m,) int64, class that the search found at the margin.
        sample: (m,) int64, row of the sample in the margin table.
        margin: (m,) float32, margin of the ray; 0 for a copy of a misclassified sample.
        strength: (m,) float32, how many margins the example is away from its sample.
        num_classes: number of classes c.
    """

    predicted: NDArray[np.int64]
    labels: NDArray[np.int64]
    adjacent: NDArray[np.int64]
    sample: NDArray[np.int64]
    margin: NDArray[np.float32]
    strength: NDArray[np.float32]
    num_classes: int
    caption = "Crossing report"

    @property
    def crossed(self) -> NDArray[np.bool_]:
        """(m,) bool, the model's class differs from the label."""
        crossed: NDArray[np.bool_] = self.predicted != self.labels
        return crossed

    @property
    def moved(self) -> NDArray[np.bool_]:
        """(m,) bool, the margin is positive: the example is no copy of a misclassified sample."""
        return self.margin > 0

    @property
    def reached_adjacent(self) -> NDArray[np.bool_]:
        """(m,) bool, the model's class is the adjacent class that the search found."""
        reached: NDArray[np.bool_] = self.predicted == self.adjacent
        return reached

    @property
    def crossing_rate(self) -> float:
        """Fraction of the examples that cross; NaN of none."""
        return float(self.crossed.mean()) if self.crossed.size else float("nan")

    def save(self, path: Path | str) -> None:
        """Write the report to a compressed ``.npz`` file that holds no pickled object."""
        save_record(path, {name: getattr(self, name) for name in _ARRAYS}, {"num_classes": self.num_classes})

    @classmethod
    def load(cls, path: Path | str) -> "CrossingReport":
        """Read a report that `save` wrote.

        Raises:
            ValueError: if the file is not such a report.
        """

        def build(arrays: dict[str, Any], about: dict[str, Any]) -> CrossingReport:
            classes = check_count("num_classes", about["num_classes"])
            rows = arrays["predicted"].shape
            for name in ("predicted", "labels", "adjacent"):
                guard.check_array(name, arrays[name], np.int64, rows, 0, classes - 1)
            guard.check_array("sample", arrays["sample"], np.int64, rows, 0)
            for name in ("margin", "strength"):
                guard.check_array(name, arrays[name], np.float32, rows, 0, np.inf)
            require(len(rows) == 1, f"expected one row of examples, got {rows}")
            return cls(**{name: arrays[name] for name in _ARRAYS}, num_classes=classes)

        advice = "pass a file that CrossingReport.save wrote, or measure again"
        return load_record(path, build, kind="a crossing report", advice=advice)

    def summary(self) -> dict[str, str]:
        """Describe the report in a few words, in reading order."""
        moved = self.moved
        count = np.count_nonzero
        return {
            "examples that cross": f"{count(self.crossed):,} of {len(self.labels):,}",
            "of those with a positive margin": f"{count(self.crossed[moved]):,} of {count(moved):,}",
            "in the adjacent class of the search": (
                f"{count(self.reached_adjacent[moved]):,} of those {count(moved):,}"
            ),
        }


def measure_crossing(model: Any, examples: FeedbackExamples, *, batch_size: int = 500) -> CrossingReport:
    """Classify feedback examples and see which lie across the boundary.

    Args:
        model: a Keras model, or any function from a (b, H, W, C) float32 array to (b, c) logits: the one that
            was searched, as it was then (`train_feedback` changes it), or another.
        examples: what `make_examples` returned.
        batch_size: how many to classify at once.

    Returns:
        A `CrossingReport`: the model's class of each example, and the fraction that crosses; its `crossed`,
        `moved` and `reached_adjacent` say which.

    Raises:
        ValueError: if there is no example, the model does not return finite logits of as many classes as the
            examples name, or `batch_size` is no whole number of at least 1.

    Source: paper §IV-B, whose strength "could guarantee boundary crossing": measured here, for a ray can
    return to its class and clipping bends it.
    """
    check_count("batch_size", batch_size)
    require(
        isinstance(examples, FeedbackExamples),
        f"examples must be FeedbackExamples, got {type(examples).__name__}; pass what make_examples returned",
    )
    m = len(examples)
    require(m > 0, "examples must not be empty, got 0; choose samples of which some ray crosses")
    evaluate = as_function(model, examples.images.shape[1:])
    size = min(batch_size, m)
    parts = []
    for start in range(0, m, size):
        # The last batch repeats its last example: one shape means one trace.
        batch = np.minimum(np.arange(start, start + size), m - 1)
        logits = evaluate(examples.images[batch])
        check_finite(logits, "for examples")
        if start == 0 and not is_keras_model(model):
            check_steady(evaluate, examples.images[batch], logits)
        parts.append(logits[: m - start].argmax(axis=1))
    known, named = logits.shape[1], max(examples.labels.max(), examples.adjacent.max())
    require(
        named < known,
        f"the model must tell apart the examples' classes 0..{named}, got logits of {known} classes; "
        "pass the model that was searched, or one of as many classes",
    )
    return CrossingReport(
        predicted=np.concatenate(parts).astype(np.int64),
        labels=examples.labels,
        adjacent=examples.adjacent,
        sample=examples.sample,
        margin=examples.margin,
        strength=examples.strength,
        num_classes=known,
    )
