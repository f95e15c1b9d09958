"""The boundary search: margins from samples to the decision boundary along directions."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from flutils import arguments
from flutils.margins import checks
from flutils.margins.blocks import SearchJob, combine_audits
from flutils.margins.engines import ENGINES, Engine, EngineRecipe, Model
from flutils.margins.rays import classify
from flutils.margins.runner import run_job
from flutils.margins.table import MarginTable, SearchCost, SearchSettings

STRATEGIES = ("chord", "sweep")
REFERENCES = ("label", "prediction")
# Below this many rays the pilot of the fast strategy costs more than it saves.
FEW_RAYS = 4_000
_PILOT_SHARE, _PILOT_RAYS = 1 / 150, (200, 1_000)


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
    strategy: str = "chord",
    engine: str = "auto",
    batch_size: int = 250,
    block_rays: int = 65_536,
    audit_rate: float = 0.01,
    seed: int = 0,
    checkpoint: Path | str | None = None,
    client: Any = None,
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
        strategy: ``"chord"`` looks where the boundary should be, rules out what it skips by a bound learnt
            from some of the rays, and audits itself; ``"sweep"`` looks at every step in order and is
            exact. Searches of few rays are always swept.
        engine: ``"keras"``, ``"openvino"`` (Keras models, on a CPU), or ``"auto"``: the faster one that
            gives the same logits.
        batch_size: points evaluated at once.
        block_rays: rays searched together, in whole samples; bounds the memory.
        audit_rate: fraction of rays that the fast strategy also sweeps.
        seed: of the random choice of pilot and audited rays.
        checkpoint: folder for finished blocks; a search that was killed continues from them, with the
            same result. The caller deletes it.
        client: a `distributed.Client`; blocks then run on its workers, with the same result.

    Returns:
        A `MarginTable` with one margin and one adjacent class for each sample and ray.

    Raises:
        ValueError: if an argument is not as described, or the model does not return logits; the message
            says what was expected, what came, and what to do. Checked before the search starts.

    Source: paper, Algorithm 1, step 3, and §V. Departures: directions have RMS 1, not Euclidean norm 1,
        and points are clipped, as in He, Li, Song (ICLR 2018), whose search the paper adopts.
    """
    started = time.perf_counter()
    x = arguments.check_images(x, bounds)
    y = arguments.check_labels(y, len(x))
    directions = checks.check_directions(directions, x.shape[1:], unit)
    num_steps = checks.check_grid(step, search_range)
    arguments.check_choice("reference", reference, REFERENCES)
    arguments.check_choice("strategy", strategy, STRATEGIES)
    arguments.check_choice("engine", engine, ENGINES)
    arguments.check_count("batch_size", batch_size)
    arguments.check_count("block_rays", block_rays)
    if not 0 <= audit_rate <= 1:
        raise ValueError(f"audit_rate must be a fraction from 0 to 1, got {audit_rate!r}")

    recipe = EngineRecipe(model, x, directions, bounds if clip else None, batch_size, engine)
    built = recipe.build()
    logits = _logits_at_samples(built, y)
    predicted = logits.argmax(axis=1)
    origin = (y if reference == "label" else predicted).astype(np.int64)
    k = len(directions)
    direction = np.tile(np.arange(k, dtype=np.int32), 2 if both_signs else 1)
    # Samples that differ at step 0 are done: all their rays cross there, into the class predicted.
    image = np.flatnonzero(predicted == origin).astype(np.int32)
    num_rays = len(image) * len(direction)
    swept = strategy == "sweep" or num_rays < FEW_RAYS
    job = SearchJob(
        image=image,
        origin=origin,
        gap=classify(logits, origin)[1],
        direction=direction,
        sign=np.repeat(np.array([1, -1], np.int8), k)[: len(direction)],
        lengths=(np.arange(num_steps + 1) * step).astype(np.float32),
        block_rays=block_rays,
        audit_rate=audit_rate,
        pilot_rays=0 if swept else int(np.clip(num_rays * _PILOT_SHARE, *_PILOT_RAYS)),
        seed=seed,
    )
    blocks, pilot_evaluations = run_job(job, recipe, built, checkpoint=checkpoint, client=client)
    crossing = np.zeros((len(x), len(direction)), np.int16)
    adjacent = np.broadcast_to(predicted.astype(np.int16)[:, None], crossing.shape).copy()
    if blocks:
        crossing[image] = np.concatenate([block.crossing for block in blocks]).reshape(len(image), -1)
        adjacent[image] = np.concatenate([block.adjacent for block in blocks]).reshape(len(image), -1)
    settings = SearchSettings(
        step=float(step),
        search_range=float(search_range),
        bounds=(float(bounds[0]), float(bounds[1])),
        both_signs=both_signs,
        clip=clip,
        reference=reference,
        unit=unit,
        strategy="sweep" if swept else strategy,
        num_classes=logits.shape[1],
    )
    cost = SearchCost(
        evaluations=len(x) + pilot_evaluations + sum(block.evaluations for block in blocks),
        pilot_evaluations=pilot_evaluations,
        seconds=time.perf_counter() - started,
        engine=built.name,
    )
    audit = None if swept else combine_audits(blocks)
    return MarginTable(crossing, adjacent, origin, direction, job.sign, settings, cost, audit)


def _logits_at_samples(engine: Engine, y: np.ndarray) -> np.ndarray:
    """Evaluate every sample itself, in full batches: points of length 0 along the first direction."""
    batch, num_samples, parts = engine.batch_size, len(y), []
    for start in range(0, num_samples, batch):
        image = np.minimum(np.arange(start, start + batch), num_samples - 1).astype(np.int32)
        answer = np.asarray(engine(image, np.zeros(batch, np.int32), np.zeros(batch, np.float32)))
        arguments.check_answer(answer, batch)
        parts.append(answer[: num_samples - start])
        arguments.check_logits(parts[-1], y)
    return np.concatenate(parts)
