"""Margin tables as a test wants them, of all models."""

from dataclasses import replace

import numpy as np

from flutils import margins
from flutils.claims import COMPARED, CONTROL, NOISE
from flutils.paper import ADV, FL, MODELS, ORI, REDUCED_FL
from flutils.results.searched import AGAIN, Tables

NUM_RAYS, STEPS = 60, 25
EVEN = np.full(10, 0.1)
NAMES = {
    "ori": ORI,
    "adv": ADV,
    "fl": FL,
    "reduced": REDUCED_FL,
    "control": CONTROL,
    "noise": NOISE,
    "again": AGAIN,
}


def make_table(seed=0, *, length=10.0, crosses=0.6, into=EVEN, samples=200, spread=0.1, wrong=()):
    """Return a table whose rays cross with chance `crosses` near step `length`, into classes by `into`.

    `length` and `crosses` may be one number or one per origin class; `spread` is how samples differ; the
    samples in `wrong` are misclassified.
    """
    rng = np.random.default_rng(seed)
    origin = np.arange(samples) % 10
    own = np.exp(rng.normal(0, spread, samples)) * np.broadcast_to(length, 10)[origin]
    odds = np.where(np.arange(10) == origin[:, None], 0, into)
    odds = odds / odds.sum(axis=1, keepdims=True)
    shape = (samples, NUM_RAYS)
    found = rng.random(shape) < np.broadcast_to(crosses, 10)[origin][:, None]
    fell = (rng.random(shape)[:, :, None] > odds.cumsum(axis=1)[:, None, :]).sum(axis=2).clip(0, 9)
    crossing = np.clip(rng.poisson(own[:, None], shape), 1, STEPS)
    crossing, adjacent = np.where(found, crossing, -1), np.where(found, fell, -1)
    for row in wrong:
        crossing[row], adjacent[row] = 0, (origin[row] + 1) % 10
    return margins.MarginTable(
        crossing=crossing.astype(np.int16),
        adjacent=adjacent.astype(np.int16),
        origin=origin,
        direction=np.arange(NUM_RAYS, dtype=np.int32),
        sign=np.ones(NUM_RAYS, np.int8),
        settings=margins.SearchSettings(0.02, 0.5, (0.0, 1.0), False, True, "label", "rms", "sweep", 10),
        cost=margins.SearchCost(1, 0, 1.0, "none"),
    )


def make_models(seed=0, held_out=(), few=None, **kwargs):
    """Return `Tables` of all models; a keyword is a model's arguments of `make_table`.

    Args:
        held_out: model's keyword -> its arguments on test images, where they differ.
        few: rows of the samples that the controls are searched on; every second by default.
    """
    arguments = {model: kwargs.get(key, {}) for key, model in NAMES.items()}
    every = {model: make_table(10 * seed + i, **given) for i, (model, given) in enumerate(arguments.items())}
    unseen = {NAMES[key]: given for key, given in dict(held_out).items()}
    test = {
        model: make_table(1000 + 10 * seed + i, **unseen.get(model, given))
        for i, (model, given) in enumerate(arguments.items())
    }
    rows = np.flatnonzero(np.arange(every[ORI].num_samples) % 20 < 10) if few is None else np.asarray(few)
    return Tables(
        samples={model: every[model] for model in MODELS},
        few={model: every[model].take(rows) for model in (*COMPARED, AGAIN)},
        held_out={model: test[model] for model in (*MODELS, CONTROL, NOISE, AGAIN)},
        few_rows=rows,
    )


def exchange(tables, model, table):
    """Return the tables with one model's replaced everywhere."""
    few = table.take(tables.few_rows)
    return replace(
        tables,
        samples={**tables.samples, model: table},
        few={**tables.few, model: few},
        held_out={**tables.held_out, model: table},
    )


def judge(result, tables, dataset="mnist", seed=0):
    """Return id -> verdict of a result on tables."""
    measured = result.measure(tables, dataset=dataset, profile="smoke", seed=seed)
    return {verdict.id: verdict.verdict for verdict in measured.judged}
