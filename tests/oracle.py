"""Algorithm 1, step 3, of the paper, transcribed: one point a call, loops in the paper's order.

Deliberately naive, and it shares no code with flutils, so that the search can be checked against it.
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class OracleResult:
    """What the loops recorded, each (samples, rays); rays are all positive ones, then all negative ones."""

    step: np.ndarray  # grid step of the first crossing, -1 where none
    adjacent: np.ndarray  # class found there, -1 where none
    gap: np.ndarray  # smallest |logit gap| at any point looked at: near 0, float noise decides the class
    evaluations: int


def run_algorithm_1(
    model, samples, labels, directions, *, step, max_step, signs=(1,), clip=None, reference="label"
):
    """Search every ray as the paper writes it.

    Args:
        model: callable from (1, H, W, C) float32 to (1, classes) logits.
        samples: (n, H, W, C) float32.
        labels: (n,) integers.
        directions: (k, H, W, C) float32.
        step: grid step.
        max_step: the last grid step, included.
        signs: (1,) or (1, -1).
        clip: (low, high), or None to leave points as they are.
        reference: compare with the true "label" or with the "prediction" at the sample.
    """
    shape = (len(samples), len(signs) * len(directions))
    result = OracleResult(np.full(shape, -1), np.full(shape, -1), np.full(shape, np.inf), 0)
    for i in range(len(samples)):
        expected = labels[i]
        if reference == "prediction":
            expected = np.argmax(model(samples[i : i + 1])[0])
        ray = 0
        for sign in signs:
            for direction in directions:
                for count in range(max_step + 1):
                    new_sample = samples[i] + np.float32(sign * count * step) * direction
                    if clip is not None:
                        new_sample = np.clip(new_sample, clip[0], clip[1])
                    logits = np.asarray(model(new_sample[None]), dtype=np.float64)[0]
                    result.evaluations += 1
                    new_label = int(np.argmax(logits))
                    others = np.delete(logits, expected)
                    result.gap[i, ray] = min(result.gap[i, ray], abs(logits[expected] - others.max()))
                    if new_label != expected:
                        result.step[i, ray], result.adjacent[i, ray] = count, new_label
                        break
                ray += 1
    return result


def classes_along(changes, first=0, *, num_classes=4, pixel=0):
    """Return a NumPy model whose class depends on one pixel v only: `first`, then `changes[v]` beyond each v.

    Args:
        changes: {threshold: class from there on}, in rising order.
        first: class below the first threshold.
    """
    edges, classes = np.array(list(changes)), np.array([first, *changes.values()])

    def model(points):
        value = np.asarray(points).reshape(len(points), -1)[:, pixel]
        found = classes[np.searchsorted(edges, value)]
        return np.where(np.arange(num_classes) == found[:, None], 3.0, -1.0).astype(np.float32)

    return model


def linear_model(weights, offsets):
    """Return the NumPy model x -> x @ weights + offsets, one point after another so batches cannot matter."""

    def model(points):
        flat = np.asarray(points, np.float64).reshape(len(points), -1)
        return np.stack([row @ weights + offsets for row in flat]).astype(np.float32)

    return model
