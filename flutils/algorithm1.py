"""Algorithm 1 of the paper, feedback learning: its steps, and all of them on anybody's classifier.

An experiment runs the same steps one by one, and keeps what each gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flutils import data, directions, feedback, margins, robustness
from flutils.arguments import Bounds, check_bounds, check_count, check_positive, require
from flutils.config import FeedbackConfig, SearchConfig, TrainingConfig
from flutils.feedback import CrossingReport, FeedbackExamples, Selection
from flutils.margins import MarginTable
from flutils.randomness import stream
from flutils.records import Summarized

PAPER_SELECTION = (20, 100, 150)  # samples of a class of high, medium and low level, of 150 searched (§IV-B)


@dataclass(frozen=True, eq=False, repr=False)
class FeedbackLearning(Summarized):
    """What Algorithm 1 found and made.

    Attributes:
        model: the retrained model; the one that was passed stays as it was.
        rows: (n,) which training samples were searched.
        before, after: their margin tables, of the model passed and of the retrained one, on the same rays.
        selection: level of each class, and which samples the examples were made from.
        examples: the feedback examples.
        crossing: which of them the model passed misclassifies.
        history: loss, accuracy and seconds of each epoch of retraining.
        accuracy: of the test samples before and after, fractions; None without test samples.
    """

    model: Any
    rows: np.ndarray
    before: MarginTable
    after: MarginTable
    selection: Selection
    examples: FeedbackExamples
    crossing: CrossingReport
    history: list[dict[str, float]]
    accuracy: tuple[float, float] | None
    caption = "Feedback learning"

    @property
    def levels(self) -> np.ndarray:
        """(c,) str, the robustness level of each class before."""
        return self.selection.levels

    def summary(self) -> dict[str, str]:
        """Describe the result in a few words, in reading order; an arrow leads from before to after."""
        tables, limit = (self.before, self.after), self.before.settings.search_range
        mean = [np.nan_to_num(table.margin, nan=limit).mean() for table in tables]
        level = [
            robustness.robustness_level(
                robustness.mean_margin_matrix(table, self.selection.num_classes)[0], limit
            )
            for table in tables
        ]
        rows = {
            "searched": f"{self.before.num_samples:,} samples along {self.before.num_rays:,} rays each",
            **{
                f"{name} level": ", ".join(map(str, np.flatnonzero(self.levels == name))) or "none"
                for name in robustness.LEVELS
            },
            "feedback examples": f"{len(self.examples):,} of {len(self.selection.rows):,} samples",
            "examples that cross": f"{self.crossing.crossing_rate:.1%}",
            "mean margin": f"{mean[0]:.4g} → {mean[1]:.4g}, a ray without a crossing as {limit:g}",
            "rays without a crossing": " → ".join(f"{table.not_found_rate:.1%}" for table in tables),
            "robustness level R": " → ".join(f"{value:.4g}" for value in level),
        }
        if self.accuracy is not None:
            rows["test accuracy"] = " → ".join(f"{value:.2%}" for value in self.accuracy)
        return rows


def feedback_learning(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    bounds: Bounds,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    num_samples: int | None = None,
    num_directions: int | None = None,
    both_signs: bool = True,
    step: float | None = None,
    search_range: float | None = None,
    selection: Sequence[int] | None = None,
    equal: bool = False,
    rays_per_sample: int = 40,
    strength: tuple[float, float] = (1.5, 2.0),
    optimizer: str = "adam",
    learning_rate: float = 1e-4,
    epochs: int = 1,
    batch_size: int = 128,
    seed: int = 0,
) -> FeedbackLearning:
    """Retrain a classifier on examples that cross its boundary where that is nearest.

    Example:
        found = algorithm1.feedback_learning(model, x_train, y_train, bounds=(0, 1), test=(x_test, y_test))
        found.model, found.summary()

    Args:
        model: a trained Keras model from images to logits (no softmax); a copy of it is retrained.
        x: (n, H, W, C) training samples, pixels as the model takes them, inside `bounds`.
        y: (n,) integers, the class of each, from 0.
        bounds: (low, high), the range of valid pixels, such as (0, 1) or (0, 255).
        test: images and classes to measure accuracy on, before and after.
        num_samples: how many samples to search, a multiple of the number of classes; by default 20 of each
            class, or as many as the smallest class has. The paper has 1,500.
        num_directions: random orthogonal directions; by default 100, or H*W*C. The paper has 784 and 1,000.
        both_signs: search each direction both ways.
        step: distance of the points looked at, in pixel values; by default a 50th of the pixel range.
        search_range: largest distance looked at, in pixel values; by default half of the pixel range.
        selection: how many searched samples of a class of high, medium and low level to make examples of;
            by default all of low level and as large a share of the others as in the paper (20, 100, 150).
        equal: take as many of every class as of those of low level: the paper's Reduced F.L.
        rays_per_sample: examples per sample, along its rays of smallest margin.
        strength: (low, high), how many margins an example is away from its sample.
        optimizer: ``"adam"``, or ``"sgd"`` with momentum 0.9.
        learning_rate: peak of retraining's one-cycle rate; by default a tenth of a usual one of Adam.
        epochs: how often retraining sees all samples and examples.
        batch_size: of retraining.
        seed: fixes samples, directions, examples and the order of retraining.

    Returns:
        A `FeedbackLearning`; it prints a summary.

    Raises:
        ValueError: if an argument is not as described, before anything is done; or if no ray of a chosen
            sample meets the boundary.

    Source: paper, Algorithm 1; §IV-B and §V for the defaults. Departures: directions of RMS 1, points clipped
        to `bounds`; as `flutils.margins.search` and `flutils.feedback.make_examples` say.
    """
    from flutils.models import copy_model
    from flutils.training import measure_accuracy, train_feedback
    from flutils.training.checks import check_recipe, check_samples

    low, high = check_bounds(bounds)
    x, y = check_samples(model, x, y, bounds)
    if test is not None:
        require(
            isinstance(test, (tuple, list)) and len(test) == 2,
            f"test must be images and classes, got {type(test).__name__}; pass test=(x_test, y_test)",
        )
        test = check_samples(model, *test, bounds, names=("test[0]", "test[1]"))
    copied = copy_model(model)  # now, for one that cannot be copied should fail before the search
    searched = _search_settings(
        x, y, (low, high), num_samples, num_directions, both_signs, step, search_range
    )
    each = searched.num_samples // len(np.unique(y))
    shares = tuple(-(-count * each // PAPER_SELECTION[-1]) for count in PAPER_SELECTION)
    counts = shares if selection is None else selection
    settings = _feedback_settings(counts, rays_per_sample, strength, learning_rate, epochs)
    recipe = _training_settings(optimizer, learning_rate, epochs, batch_size)
    check_recipe(recipe)

    # 1. Training: the model comes trained.
    # 2. Sample selection.
    rows = select_samples(y, searched, seed=seed)
    # 3. Direction and margin calculation.
    along = draw_directions(x.shape[1:], searched, seed=seed)
    before = measure_margins(model, x[rows], y[rows], along, searched, bounds=bounds, seed=seed)
    # 4. Example generation.
    chosen = select_vulnerable(before, settings, equal=equal, seed=seed)
    examples = generate_examples(before, x[rows], y[rows], along, chosen, settings, seed=seed)
    require(len(examples) > 0, "no ray of a chosen sample meets the boundary; raise search_range")
    crossing = feedback.measure_crossing(model, examples)
    # 5. Retraining and testing.
    trained = train_feedback(copied, x, y, examples.images, examples.labels, recipe, settings, seed=seed)
    after = measure_margins(trained.model, x[rows], y[rows], along, searched, bounds=bounds, seed=seed)
    accuracy = None
    if test is not None:
        accuracy = measure_accuracy(model, *test), measure_accuracy(trained.model, *test)
    return FeedbackLearning(
        trained.model, rows, before, after, chosen, examples, crossing, trained.history, accuracy
    )


def select_samples(y: np.ndarray, search: SearchConfig, *, seed: int) -> np.ndarray:
    """Choose the samples to search (step 2): (s,) indices into the (n,) classes `y`, ascending."""
    rng = stream(seed, "samples")
    return data.choose_samples(y, search.num_samples, sampling=search.sampling, rng=rng)


def draw_directions(shape: tuple[int, ...], search: SearchConfig, *, seed: int) -> np.ndarray:
    """Draw the directions of a search (step 3): (k, H, W, C) float32 for images of a shape."""
    return directions.random_orthogonal(search.num_directions, shape=shape, seed=seed, unit=search.unit)


def measure_margins(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    along: np.ndarray,
    search: SearchConfig,
    *,
    bounds: Bounds,
    seed: int,
    checkpoint: Path | None = None,
    client: Any = None,
) -> MarginTable:
    """Search the boundary from samples along directions (step 3); see `flutils.margins.search`."""
    return margins.search(
        model,
        x,
        y,
        along,
        step=search.step,
        search_range=search.search_range,
        bounds=bounds,
        both_signs=search.both_signs,
        clip=search.clip,
        reference=search.reference,
        unit=search.unit,
        seed=seed,
        checkpoint=checkpoint,
        client=client,
    )


def select_vulnerable(
    table: MarginTable, settings: FeedbackConfig, *, equal: bool = False, seed: int
) -> Selection:
    """Choose samples, more of vulnerable classes (step 4); see `flutils.feedback.choose_samples`."""
    return feedback.choose_samples(
        table,
        samples_high=settings.samples_high,
        samples_medium=settings.samples_medium,
        samples_low=settings.samples_low,
        equal=equal,
        seed=seed,
    )


def generate_examples(
    table: MarginTable,
    x: np.ndarray,
    y: np.ndarray,
    along: np.ndarray,
    chosen: Selection,
    settings: FeedbackConfig,
    *,
    seed: int,
) -> FeedbackExamples:
    """Move the chosen samples across the boundary (step 4); see `flutils.feedback.make_examples`."""
    return feedback.make_examples(
        table,
        x,
        along,
        chosen,
        rays_per_sample=settings.rays_per_sample,
        strength=(settings.strength_min, settings.strength_max),
        labels=y,
        seed=seed,
    )


def _search_settings(
    x: np.ndarray,
    y: np.ndarray,
    bounds: Bounds,
    num_samples: int | None,
    num_directions: int | None,
    both_signs: bool,
    step: float | None,
    search_range: float | None,
) -> SearchConfig:
    """Fill in what the caller left open, from the samples and their pixel range."""
    counts = np.unique(y, return_counts=True)[1]
    scale = bounds[1] - bounds[0]
    return SearchConfig(
        num_samples=min(20, int(counts.min())) * len(counts) if num_samples is None else num_samples,
        sampling="stratified",
        num_directions=min(100, int(np.prod(x.shape[1:]))) if num_directions is None else num_directions,
        both_signs=both_signs,
        step=scale / 50 if step is None else step,
        search_range=scale / 2 if search_range is None else search_range,
        unit="rms",
        clip=True,
        reference="label",
    )


def _feedback_settings(
    counts: Sequence[int], rays: int, strength: tuple[float, float], learning_rate: float, epochs: int
) -> FeedbackConfig:
    require(
        np.shape(counts) == (3,) and np.shape(strength) == (2,),
        f"selection must be samples of a class of high, medium and low level, and strength (low, high), got "
        f"{counts!r} and {strength!r}; the paper has {PAPER_SELECTION} and (1.5, 2.0)",
    )
    low, high = (check_positive("strength", value) for value in strength)
    require(
        low <= high,
        f"strength must be (low, high) with low <= high, got {strength!r}; the paper has (1.5, 2.0)",
    )
    names = ("samples_high", "samples_medium", "samples_low")
    return FeedbackConfig(
        **{name: check_count(name, count, least=0) for name, count in zip(names, counts, strict=True)},
        rays_per_sample=check_count("rays_per_sample", rays),
        strength_min=low,
        strength_max=high,
        learning_rate=learning_rate,
        epochs=epochs,
    )


def _training_settings(optimizer: Any, learning_rate: float, epochs: int, batch_size: int) -> TrainingConfig:
    return TrainingConfig(
        optimizer=optimizer,
        momentum=0.9,
        learning_rate=learning_rate,
        warmup=0.25,
        epochs=epochs,
        batch_size=batch_size,
        flip=False,
        pad=0,
        train_size=None,
        test_size=None,
    )
