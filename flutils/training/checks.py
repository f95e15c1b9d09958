"""What a model, its samples and a recipe must be to be trained, checked before the first step."""

from typing import Any

import numpy as np

from flutils.arguments import (
    Bounds,
    call_plainly,
    check_answer,
    check_count,
    check_fraction,
    check_images,
    check_labels,
    check_logits,
    check_model,
    check_positive,
    require,
)
from flutils.config import TrainingConfig, check_config

_TRIED = 32  # images that a model is tried on


def check_recipe(recipe: TrainingConfig) -> None:
    """Raise `ValueError` unless a recipe's values are of their types and make a training."""
    require(
        isinstance(recipe, TrainingConfig),
        f"config must be a TrainingConfig, got {type(recipe).__name__}; "
        "take config.load_profile('mnist', 'quick').training, or change it with config.replace",
    )
    check_config(recipe)
    check_count("epochs", recipe.epochs)
    check_count("batch_size", recipe.batch_size)
    check_count("pad", recipe.pad, least=0)
    check_positive("learning_rate", recipe.learning_rate)
    check_fraction("momentum", recipe.momentum)
    require(
        0 < recipe.warmup < 1,
        f"warmup must be a share of the steps between 0 and 1, got {recipe.warmup!r}; pass for example 0.3",
    )


def check_samples(
    model: Any, x: Any, y: Any, bounds: Bounds | None = None, *, names: tuple[str, str] = ("x", "y")
) -> tuple[np.ndarray, np.ndarray]:
    """Return images as float32 and labels as int64 once the model can be trained on them.

    Args:
        model: a Keras model from images to logits; tried on a few images.
        x: (n, H, W, C) numbers.
        y: (n,) or (n, 1) integer classes.
        bounds: (low, high) of valid pixels; None for any finite ones.
        names: of both arguments.
    """
    x = check_images(x, bounds, name=names[0])
    y = check_labels(y, len(x), name=names[1])
    check_model(model, x.shape[1:], keras_only="training", name=names[0])
    tried = x[:_TRIED]
    check_logits(check_answer(call_plainly(model, tried), len(tried)), y, names=names)
    return x, y
