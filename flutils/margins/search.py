"""The boundary search: margins from samples to the decision boundary along directions."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from flutils import arguments
from flutils.margins import checks
from flutils.margins.blocks import SearchJob, combine_audits
from flutils.margins.checks import check_plausible
from flutils.margins.engines import ENGINES, Engine, EngineRecipe, Model
from flutils.margins.rays import classify
from flutils.margins.runner import run_job
from flutils.margins.table import MarginTable, SearchCost, SearchSettings, fingerprint

STRATEGIES = ("predict", "sweep")
REFERENCES = ("label", "prediction")
# Below this many rays the pilot of the fast strategy costs more than it saves.
FEW_RAYS = 4_000
# Two rays of each sample tell its mean curve, as far as they are this share of all rays at most.
_PILOT_SHARE, _PILOT_SAMPLES, _PILOT_RAYS = 1 / 50, 100, 200


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
    strategy: str = "predict",
    engine: str = "auto",
    batch_size: int = 250,
    block_rays: int = 65_536,
    audit_rate: float = 0.01,
    seed: int = 0,
    checkpoint: Path | str | None = None,
    client: Any = None,
) -> MarginTable:
    """Measure the distance from each sample to the decision boundary along each direction.

    A ray leaves a sample along a direction. Its margin is the first of the lengths 0, step, 2*step, ... up to
    `search_range` at which the model's class is no longer the sample's own, and the class found there is its
    adjacent class. All samples share the directions.

    A model of PyTorch, after ``model.eval()``, is searched by a function:
        lambda points: model(torch.from_numpy(points).permute(0, 3, 1, 2)).detach().numpy()

    Example:
        rays = directions.random_orthogonal(100, shape=x.shape[1:], seed=0)
        table = margins.search(model, x, y, rays, step=0.02, search_range=0.5, bounds=(0, 1), both_signs=True)
        print(table, table.margin, table.adjacent)
        table.plot()

    Args:
        model: a Keras model of images, or any function from a (`batch_size`, H, W, C) float32 array to
            (`batch_size`, classes) logits. Logits are what a softmax is applied to: leave that out. What a
            function says of an image must not change from call to call, nor with the rest of its batch.
        x: (n, H, W, C) numbers, the samples' pixels as the model takes them, inside `bounds`; an array, a
            tensor or lists. One that is mapped from a file (``np.load(path, mmap_mode="r")``) stays there.
        y: (n,) or (n, 1) integers, each sample's true class, from 0, in the order of the model's outputs.
        directions: (k, H, W, C) numbers, at most H*W*C directions, each of unit length;
            `flutils.directions.random_orthogonal` makes them. More directions, or more samples, make averages
            less noisy and take proportionally longer.
        step: distance of the points looked at, and so the resolution of margins, in units of the directions:
            with ``unit="rms"`` a length of 0.02 changes pixels by 0.02 in root mean square. The paper has
            0.02 where pixels go to 1, and 2.0 where they go to 255.
        search_range: largest length, in the same units, from one step to 32,767 steps. The paper has half the
            pixel range, 0.5 and 127.5. Of rays that find nothing, only a larger one can say more.
        bounds: (low, high), the range of valid pixels, such as (0, 1) or (0, 255).
        both_signs: also search backwards: a sample's rays are then k positive ones and k negative ones.
        clip: keep every point inside `bounds`, as an image is; the margin stays the length before clipping.
        reference: whose class is left behind. ``"label"``: the true class, so that a misclassified sample has
            margin 0 on all rays; ``"prediction"``: what the model says of the sample itself.
        unit: length of `directions`: ``"rms"``, root mean square 1, Euclidean norm sqrt(H*W*C); or ``"l2"``,
            Euclidean norm 1, of which margins are multiples then.
        strategy: ``"predict"`` predicts each ray from others of its sample, and looks only where that is
            unsure: fast, not proven, and therefore audited. ``"sweep"`` looks at every step until the
            crossing: exact. Fewer than 4,000 rays to search are always swept.
        engine: what evaluates a Keras model. ``"keras"``; ``"openvino"``, on the processor; or ``"auto"``:
            OpenVINO where Keras runs on TensorFlow without a GPU and both give the same logits on a batch,
            else Keras. A function is called as it is.
        batch_size: points evaluated at once, always so many; fewer need less memory.
        block_rays: rays searched together, in whole samples; the unit of `checkpoint` and `client`. Fewer
            where the images of those samples would take more than 64 MiB.
        audit_rate: fraction of the rays, 0 to 1, that ``"predict"`` also sweeps, to count its mistakes.
        seed: whole number from 0; chooses which rays are learnt from and audited. Margins depend on it only
            where ``"predict"`` errs.
        checkpoint: folder for finished blocks, made if it is not there. A search that was killed continues
            from them when called again alike, with the same result. The caller deletes it.
        client: a `distributed.Client`; blocks then run on its workers, with the same result. A function must
            be picklable for that. Layers and activations of one's own travel with the model: those of a
            module by its name, so that workers must be able to import it (``client.upload_file``), those of a
            notebook as code. A Lambda may use nothing but its argument.

    Returns:
        A `MarginTable` of n samples by k or 2k rays: `margin` (float32, in units of the directions; NaN where
        no boundary was found within the range, the paper's N/A), `adjacent` (-1 there), `origin` (the class
        left behind), `direction` and `sign` of each ray, `settings`, `cost`, and `audit`: how many rays were
        also swept, how many of these differed (and were corrected), and a 95 % bound of the rate; None after
        a sweep. It has `to_frame`, `save` and `load`; `flutils.robustness` and `flutils.feedback` take it.

    Raises:
        ValueError: if an argument is not as described; if the model does not return finite logits, returns
            probabilities, or has fewer classes than `y`; if ``"openvino"`` cannot run it; if `checkpoint`
            holds another search. The message says what was expected, what came, and what to do. All this is
            checked before the search starts, but for logits along a ray that are not finite.

    Warns:
        EngineWarning: if ``"auto"`` would use OpenVINO but it cannot run the model alike, and Keras is used;
            or Keras cannot compile the model, and it is called as it is.
        InputWarning: if the model is right no more often than a guess, or `x` uses a small part of `bounds`.

    Cost: nearly all time goes to the model. A sweep evaluates each ray up to search_range / step times,
        ``"predict"`` a few times; the table prints how often, and rays a second, so try few samples first.
        Memory, beyond `x` itself: `directions` and the images of a block as float32, at most 64 MiB or one
        image, those of 1,000 samples once; 8 bytes per ray for the table, 20 when its `margin` is asked for;
        about 100 per sample; about 200 per ray of a block; about 1 per ray and step for what is learnt; and
        what the model needs for a batch.
        An `x` that is mapped from a file is read in parts and let go of, so that it takes no memory, whatever
        its size.

    Source: paper, Algorithm 1, step 3, and §V. Departures: directions have RMS 1, not Euclidean norm 1,
        and points are clipped, as in He, Li, Song (ICLR 2018), whose search the paper adopts.
    """
    started = time.perf_counter()
    bounds = arguments.check_bounds(bounds)
    x = arguments.inspect_images(x, bounds)
    y = arguments.check_labels(y, len(x))
    directions = checks.check_directions(directions, x.shape[1:], unit)
    lengths = checks.build_grid(step, search_range)
    arguments.check_choice("reference", reference, REFERENCES)
    arguments.check_choice("strategy", strategy, STRATEGIES)
    arguments.check_choice("engine", engine, ENGINES)
    arguments.check_count("batch_size", batch_size)
    arguments.check_count("block_rays", block_rays)
    arguments.check_count("seed", seed, least=0)
    arguments.check_fraction("audit_rate", audit_rate)

    recipe = EngineRecipe(model, directions, bounds if clip else None, batch_size, engine)
    built = recipe.build(arguments.take_images(x, slice(batch_size), bounds))
    predicted, gap, num_classes = _look_at_samples(built, x, y, bounds, reference)
    check_plausible(predicted, y, num_classes)
    origin = y if reference == "label" else predicted
    k = len(directions)
    direction = np.tile(np.arange(k, dtype=np.int32), 2 if both_signs else 1)
    # Samples that differ at step 0 are done: all their rays cross there, into the class predicted.
    image = np.flatnonzero(predicted == origin).astype(np.int32)
    num_rays = len(image) * len(direction)
    swept = strategy == "sweep" or num_rays < FEW_RAYS
    pilot_samples, pilot_rays = (0, 0) if swept else plan_pilot(len(image), len(direction))
    job = SearchJob(
        image=image,
        origin=origin,
        gap=gap,
        direction=direction,
        sign=np.repeat(np.array([1, -1], np.int8), k)[: len(direction)],
        lengths=lengths,
        block_rays=checks.limit_block(block_rays, len(direction), x.shape[1:]),
        audit_rate=audit_rate,
        pilot_samples=pilot_samples,
        pilot_rays=pilot_rays,
        seed=seed,
    )
    blocks, pilot_evaluations = run_job(
        job, x, recipe, built, bounds=bounds, checkpoint=checkpoint, client=client
    )
    crossing = np.zeros((len(x), len(direction)), np.int16)
    adjacent = np.broadcast_to(predicted.astype(np.int16)[:, None], crossing.shape).copy()
    if blocks:
        crossing[image] = np.concatenate([block.crossing for block in blocks]).reshape(len(image), -1)
        adjacent[image] = np.concatenate([block.adjacent for block in blocks]).reshape(len(image), -1)
    settings = SearchSettings(
        step=float(step),
        search_range=float(search_range),
        bounds=bounds,
        both_signs=both_signs,
        clip=clip,
        reference=reference,
        unit=unit,
        strategy="sweep" if swept else strategy,
        num_classes=num_classes,
        samples=fingerprint(x, bounds),
        directions=fingerprint(directions),
    )
    cost = SearchCost(
        evaluations=len(x) + pilot_evaluations + sum(block.evaluations for block in blocks),
        pilot_evaluations=pilot_evaluations,
        seconds=time.perf_counter() - started,
        engine=built.name,
    )
    audit = None if swept else combine_audits(blocks)
    return MarginTable(crossing, adjacent, origin, direction, job.sign, settings, cost, audit)


def plan_pilot(num_samples: int, num_rays: int) -> tuple[int, int]:
    """Return of how many samples, each of `num_rays` rays, to observe rays fully, and how many of each."""
    samples = min(num_samples, max(_PILOT_SAMPLES, int(num_samples * num_rays * _PILOT_SHARE / 2)))
    return samples, min(num_rays, max(2, -(-_PILOT_RAYS // samples)))


def _look_at_samples(
    engine: Engine, x: np.ndarray, y: np.ndarray, bounds: tuple[float, float], reference: str
) -> tuple[np.ndarray, np.ndarray, int]:
    """Evaluate every sample itself, in full batches: points of length 0 along the first direction.

    Returns:
        Of each sample the class predicted (n,) int64 and the logit gap (n,) float32; and how many classes the
        model has. The logits are not kept, which of many samples and classes would take gigabytes.
    """
    batch, num_samples = engine.batch_size, len(y)
    predicted, gap = np.empty(num_samples, np.int64), np.empty(num_samples, np.float32)
    first, nowhere = np.zeros(batch, np.int32), np.zeros(batch, np.float32)

    def evaluate(images: np.ndarray) -> np.ndarray:
        return engine.place(images)(np.arange(batch, dtype=np.int32), first, nowhere)

    for start in range(0, num_samples, batch):
        # The last batch repeats the last sample.
        images = arguments.take_images(
            x, np.minimum(np.arange(start, start + batch), num_samples - 1), bounds
        )
        answer = evaluate(images)
        logits, found = answer[: num_samples - start], slice(start, start + batch)
        arguments.check_logits(logits, y)
        if start == 0 and engine.name == "callable":
            arguments.check_steady(evaluate, images, answer)
        predicted[found] = logits.argmax(axis=1)
        gap[found] = classify(logits, (y if reference == "label" else predicted)[found])[1]
    return predicted, gap, answer.shape[1]
