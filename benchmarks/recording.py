"""Rays observed at every grid step, recorded once, and an engine that plays them back to the search."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from subjects import SEED, Subject

from flutils import progress
from flutils.artifacts import Store
from flutils.folders import atomic_path
from flutils.margins.checks import build_grid
from flutils.margins.engines import EngineRecipe
from flutils.margins.rays import Observer, Rays

BATCH = 250
CHUNK = 5  # samples recorded, and written, together
GRID = ("step", "search_range", "both_signs")


@dataclass(frozen=True, eq=False)
class Recording:
    """What a model says along all rays of the samples that it classifies correctly.

    Attributes:
        gap: (s, r, K + 1) float32 logit gap at each grid step, from step 0.
        predicted: (s, r, K + 1) int16 class there.
        origin: (s,) int64 class of each sample.
        direction, sign: (r,) of each ray of a sample.
        lengths: (K + 1,) float32 grid.
    """

    gap: np.ndarray
    predicted: np.ndarray
    origin: np.ndarray
    direction: np.ndarray
    sign: np.ndarray
    lengths: np.ndarray

    @property
    def rays(self) -> int:
        """How many rays were recorded."""
        return self.gap.shape[0] * self.gap.shape[1]

    def first_crossing(self) -> np.ndarray:
        """Return (s, r) the first step whose class differs, -1 where none does: what the sweep finds."""
        differs = self.predicted != self.origin[:, None, None]
        return np.where(differs.any(axis=2), differs.argmax(axis=2), -1)


class Playback:
    """An engine that answers from a recording, bit by bit what the model answered."""

    name = "playback"

    def __init__(self, recording: Recording, batch_size: int = 8_192) -> None:
        self.batch_size = batch_size
        self._recording = recording
        self._step = recording.lengths[1]
        self._columns = np.full((int(recording.direction.max()) + 1, 2), -1)
        self._columns[recording.direction, (recording.sign > 0).astype(np.int64)] = np.arange(
            len(recording.sign)
        )
        self._classes = max(2, int(recording.predicted.max()) + 1, int(recording.origin.max()) + 1)

    def place(self, samples: np.ndarray) -> Any:
        """Take the numbers of recorded samples in place of their images."""
        return lambda image, direction, length: self.answer(samples[image], direction, length)

    def answer(self, image: np.ndarray, direction: np.ndarray, length: np.ndarray) -> np.ndarray:
        """Return logits whose class and gap are the recorded ones; all else about them is made up."""
        known = self._recording
        column = self._columns[direction, (length >= 0).astype(np.int64)]
        step = np.rint(np.abs(length) / self._step).astype(np.int64)
        gap, predicted = known.gap[image, column, step], known.predicted[image, column, step]
        row, origin = np.arange(len(image)), known.origin[image]
        logits = np.full((len(image), self._classes), np.finfo(np.float32).min / 2, np.float32)
        # The best other class stands at 0, so the origin's logit is the gap itself.
        logits[row, np.where(predicted == origin, (origin + 1) % self._classes, predicted)] = 0
        logits[row, origin] = gap
        return logits


def record(subject: Subject, samples: int, directions: int, scratch: Path) -> Recording:
    """Observe every ray of a subject's correctly classified samples at every grid step.

    Args:
        subject: what to observe, on the paper's grid.
        samples: stratified training samples, the misclassified ones among them left out.
        directions: random orthogonal directions a sample, along both signs where the paper's search does.
        scratch: folder that keeps finished chunks, so that a recording that was killed goes on.
    """
    grid, recipe = subject.grid(), _build_recipe(subject, directions)
    x, y = subject.samples(samples)
    lengths = build_grid(grid["step"], grid["search_range"])
    signs = (1, -1) if grid["both_signs"] else (1,)
    direction = np.tile(np.arange(directions, dtype=np.int32), len(signs))
    sign = np.repeat(np.array(signs, np.int8), directions)
    engine = recipe.build(x[:BATCH])
    parts: list[dict[str, np.ndarray]] = []
    with progress.bar(samples, "recording", "sample") as bar:
        for start in range(0, samples, CHUNK):
            chosen = np.arange(start, min(start + CHUNK, samples), dtype=np.int32)
            path = scratch / f"chunk-{start:06d}.npz"
            part = _load(path)
            if part is None:
                part = _observe(engine, x[chosen], y[chosen], direction, sign, lengths)
                with atomic_path(path) as writing, writing.open("wb") as file:
                    np.savez(file, **part)
            parts.append(part)
            bar.advance(len(chosen))
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    right = whole["predicted"][:, 0, 0] == whole["origin"]
    return Recording(
        **{name: array[right] for name, array in whole.items()},
        direction=direction,
        sign=sign,
        lengths=lengths,
    )


def _build_recipe(subject: Subject, directions: int) -> EngineRecipe:
    return EngineRecipe(subject.model, subject.directions(directions), subject.data.bounds, BATCH, "auto")


def _observe(
    engine: Any,
    images: np.ndarray,
    y: np.ndarray,
    direction: np.ndarray,
    sign: np.ndarray,
    lengths: np.ndarray,
) -> dict[str, np.ndarray]:
    """Look at every step of all rays of a few samples; of a misclassified one, at step 0 only."""
    shape = (len(images), len(direction), len(lengths))
    listed = Rays(
        image=np.repeat(np.arange(len(images), dtype=np.int32), len(direction)),
        direction=np.tile(direction, len(images)),
        sign=np.tile(sign, len(images)).astype(np.float32),
        reference=np.repeat(y, len(direction)),
        gap=np.zeros(len(images) * len(direction), np.float32),
    )
    observe = Observer(engine, images, listed, lengths)
    predicted, gap = np.full(shape, -1, np.int16), np.full(shape, np.nan, np.float32)
    # Step 0 is the sample itself, whichever its ray.
    here = observe(np.arange(len(images)) * len(direction), np.zeros(len(images), np.int64))
    predicted[:, :, 0], gap[:, :, 0] = here[0][:, None], here[1][:, None]
    right = np.flatnonzero(here[0] == y)
    ray = (right[:, None] * len(direction) + np.arange(len(direction))).ravel()
    step = np.arange(1, len(lengths))
    looked = observe(np.repeat(ray, len(step)), np.tile(step, len(ray)))
    for target, found in zip((predicted, gap), looked, strict=True):
        target[right, :, 1:] = found.reshape(len(right), len(direction), -1)
    return {"gap": gap, "predicted": predicted, "origin": y.astype(np.int64)}


def load_recording(name: str, subject: Subject, samples: int, directions: int) -> Recording:
    """Return a subject's recording, made once and kept in the store."""

    def make(path: Path, scratch: Path) -> dict[str, Any]:
        recording = record(subject, samples, directions, scratch)
        with path.open("wb") as file:
            np.savez(file, **vars(recording))
        return {"rays": recording.rays}

    x, _ = subject.samples(samples)
    what = _build_recipe(subject, directions).fingerprint(x, subject.data.bounds).hex()
    inputs = {"recipe": what, "grid": {key: subject.grid()[key] for key in GRID}, "seed": SEED}
    artifact = Store("benchmark", name).obtain("gaps", ".npz", inputs, make)
    with np.load(artifact.path, allow_pickle=False) as file:
        return Recording(**{field: file[field] for field in Recording.__annotations__})


def _load(path: Path) -> dict[str, np.ndarray] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in ("gap", "predicted", "origin")}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
