"""A tiny dataset from outside the package: the digits 0 to 5 of scikit-learn."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from flutils import config, data
from flutils.config import Stage

NAMES = ("zero", "one", "two", "three", "four", "five")
SIZES = {
    "training": {"epochs": 3, "train_size": 600, "batch_size": 32},
    "adversarial": {
        "stages": (Stage(start=0.0, steps=1, step_size=0.375),),
        "epochs": 1,
        "check_images": 50,
        "check_steps": 3,
    },
    "search": {"num_samples": 30, "num_directions": 12},
    "comparison": {
        "samples_controls": 18,
        "samples_held_out": 12,
        "directions_held_out": 6,
        "doses": (0.4,),
        "doses_equal": (0.4, 1.0),
    },
    "feedback": {"samples_high": 1, "samples_medium": 2, "samples_low": 3, "rays_per_sample": 5},
}


def read_digits():
    """Return the bytes of the digits 0 to 5: images of uint8, a class before each."""
    x, y = load_digits(return_X_y=True)
    rows = np.concatenate([y[:, None], 255 * x / 16], axis=1).astype(np.uint8)
    return rows[y < len(NAMES)].tobytes()


def parse(contents):
    rows = np.frombuffer(contents["digits.bin"], np.uint8).reshape(-1, 65)
    x, y = rows[:, 1:].reshape(-1, 8, 8, 1), rows[:, 0]
    return [(x[:800], y[:800]), (x[800:], y[800:])]


def register_digits(fetch: Callable[..., Iterable], content: bytes, **sizes: Mapping[str, Any]) -> None:
    """Register the dataset: one spec and one profile entry.

    Args:
        fetch: brings the files, as in `flutils.data.DataSpec`.
        content: of its one file.
        **sizes: parts of `SIZES` in another size.
    """
    data.register(
        data.DataSpec(
            name="digits",
            title="Digits 0 to 5",
            files=(data.DataFile("digits.bin", hashlib.md5(content).hexdigest()),),
            bounds=(0.0, 1.0),
            class_names=NAMES,
            image_shape=(8, 8, 1),
            parse=parse,
            fetch=fetch,
        )
    )
    settings = config.replace(config.load_profile("mnist", "paper"), dataset="digits")
    config.register(settings, {"smoke": {**SIZES, **sizes}})
