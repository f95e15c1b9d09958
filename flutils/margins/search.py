"""The boundary search: margins from samples to the decision boundary along directions."""

import time

import numpy as np

from flutils import progress
from flutils.margins import checks
from flutils.margins.engines import Engine, Model, build_engine
from flutils.margins.rays import Observer, Rays
from flutils.margins.sweep import sweep
from flutils.margins.table import NOT_FOUND, MarginTable, SearchCost, SearchSettings

STRATEGIES = {"sweep": sweep}
REFERENCES = ("label", "prediction")
BLOCK_RAYS = 16_384


def search(
    model: Model,
    x: np.ndarray,
    y: np.ndarray,
    directions: np.ndarray,
    *,
    step: float,
    search_range: float,
    bounds: tuple[float, float],
    both_signs: bool = False,
    clip: bool = True,
    reference: str = "label",
    unit: str = "rms",
    strategy: str = "sweep",
    batch_size: int = 250,
) -> MarginTable:
    """Measure the distance from each sample to the decision boundary along each direction.

    A ray leaves a sample along a direction; its margin is the first of the lengths 0, step, 2*step, ...
    up to `search_range` at which the model's class differs from the reference class.

    Args:
        model: a Keras model, or any callable from a (b, H, W, C) float32 array to (b, classes) logits.
        x: (n, H, W, C) images with pixels inside `bounds`.
        y: (n,) integer true classes.
        directions: (k, H, W, C) directions of unit length, the same for all samples;
            `flutils.directions.random_orthogonal` makes them.
        step: grid step, in units of the directions (with RMS 1: in pixel units).
        search_range: largest length looked at, in the same units.
        bounds: (low, high) of valid pixels.
        both_signs: also search along the negated directions; rays are then k positive, k negative ones.
        clip: keep points inside `bounds`; the margin stays the nominal length.
        reference: ``"label"`` compares with the true class, so that a misclassified sample has margin 0;
            ``"prediction"`` with the model's class at the sample itself.
        unit: the length that `directions` have: ``"rms"`` or ``"l2"``.
        strategy: ``"sweep"``, the exact search of every grid step.
        batch_size: points evaluated at once.

    Returns:
        A `MarginTable` with one margin and one adjacent class for each sample and ray.

    Raises:
        ValueError: if an argument is not as described, or the model does not return logits; the message
            says what was expected, what came, and what to do. Checked before the search starts.

    Source: paper, Algorithm 1, step 3, and §V. Departures: directions have RMS 1, not Euclidean norm 1,
        and points are clipped, as in He, Li, Song (ICLR 2018), whose search the paper adopts.
    """
    x = checks.check_images(x, bounds)
    y = checks.check_labels(y, len(x))
    directions = checks.check_directions(directions, x.shape[1:], unit)
    num_steps = checks.check_grid(step, search_range)
    checks.check_choice("reference", reference, REFERENCES)
    checks.check_choice("strategy", strategy, tuple(STRATEGIES))
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")

    started = time.perf_counter()
    engine = build_engine(model, x, directions, bounds=bounds, clip=clip, batch_size=batch_size)
    logits = _logits_at_samples(engine, len(x))
    checks.check_logits(logits, len(x), y)
    predicted = logits.argmax(axis=1)
    origin = y if reference == "label" else predicted
    lengths = (np.arange(num_steps + 1) * step).astype(np.float32)

    k = len(directions)
    direction = np.tile(np.arange(k, dtype=np.int32), 2 if both_signs else 1)
    sign = np.repeat(np.array([1, -1], np.int8), k)[: len(direction)]
    crossing = np.zeros((len(x), len(direction)), np.int16)
    adjacent = np.broadcast_to(predicted.astype(np.int16)[:, None], crossing.shape).copy()
    evaluations = len(x)

    # Samples that differ at step 0 are done; the others' rays go block by block.
    image = np.flatnonzero(predicted == origin).astype(np.int32)
    with progress.bar(len(image) * len(direction), "boundary search", "ray") as bar:
        per_block = max(1, BLOCK_RAYS // len(direction))
        for start in range(0, len(image), per_block):
            block = image[start : start + per_block]
            rays = _leave(block, direction, sign, origin)
            observe = Observer(engine, rays, lengths)
            found, classes = STRATEGIES[strategy](observe)
            crossing[block] = found.reshape(len(block), -1)
            adjacent[block] = classes.reshape(len(block), -1)
            evaluations += observe.evaluations
            bar.advance(len(rays), not_found=f"{(found == NOT_FOUND).mean():.0%}")

    return MarginTable(
        crossing=crossing,
        adjacent=adjacent,
        origin=origin.astype(np.int64),
        direction=direction,
        sign=sign,
        settings=SearchSettings(
            step=float(step),
            search_range=float(search_range),
            bounds=(float(bounds[0]), float(bounds[1])),
            both_signs=both_signs,
            clip=clip,
            reference=reference,
            unit=unit,
            strategy=strategy,
            num_classes=logits.shape[1],
        ),
        cost=SearchCost(evaluations=evaluations, seconds=time.perf_counter() - started, engine=engine.name),
    )


def _logits_at_samples(engine: Engine, num_samples: int) -> np.ndarray:
    """Evaluate every sample itself, in full batches: points of length 0 along the first direction."""
    batch, parts = engine.batch_size, []
    for start in range(0, num_samples, batch):
        image = np.minimum(np.arange(start, start + batch), num_samples - 1).astype(np.int32)
        answer = np.asarray(engine(image, np.zeros(batch, np.int32), np.zeros(batch, np.float32)))
        parts.append(answer[: num_samples - start] if answer.ndim and len(answer) == batch else answer)
    return np.concatenate(parts) if parts[0].ndim else parts[0]


def _leave(block: np.ndarray, direction: np.ndarray, sign: np.ndarray, origin: np.ndarray) -> Rays:
    """List the rays of a block of samples, sample by sample."""
    image = np.repeat(block, len(direction))
    return Rays(
        image=image,
        direction=np.tile(direction, len(block)),
        sign=np.tile(sign, len(block)).astype(np.float32),
        reference=origin[image],
    )
