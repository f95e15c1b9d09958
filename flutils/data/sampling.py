"""Which samples an experiment uses."""

import numpy as np
from numpy.typing import NDArray

SAMPLINGS = ("stratified", "uniform")


def choose_samples(
    y: NDArray[np.integer], size: int, *, sampling: str = "stratified", rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the samples of an experiment without replacement.

    Args:
        y: (n,) integers, the class of each sample; the classes are those that occur in it.
        size: how many samples to draw; in the paper 1,500.
        sampling: ``"stratified"`` draws ``size / num_classes`` of every class, ``"uniform"`` draws over
            all samples alike.
        rng: the stream to draw from, for example ``randomness.stream(seed, "samples")``.

    Returns:
        (size,) int64 indices into `y`, sorted, each at most once.

    Raises:
        TypeError: if `rng` is not a `numpy.random.Generator`.
        ValueError: if `sampling` is unknown, `y` is not a list of classes, or `y` has too few samples, or
            under ``"stratified"`` if `size` is no multiple of the number of classes.

    Source:
        §V: 1,500 training samples; §V-C's "maximum selection" of 150 a class makes them stratified.
    """
    if sampling not in SAMPLINGS:
        raise ValueError(
            f"expected sampling to be one of {', '.join(SAMPLINGS)}, got {sampling!r}; pass one of these"
        )
    y = _check(y, rng)
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
        raise ValueError(f"expected size to be a positive integer, got {size!r}; pass for example 1500")
    if sampling == "uniform":
        if size > y.size:
            raise ValueError(
                f"expected size to be at most the {y.size} samples there are, got {size}; lower it"
            )
        return np.sort(rng.choice(y.size, int(size), replace=False)).astype(np.int64)
    classes, counts = np.unique(y, return_counts=True)
    each, left = divmod(int(size), len(classes))
    if left:
        raise ValueError(
            f"expected size to be a multiple of the {len(classes)} classes, got {size}; pass"
            f" {max(each, 1) * len(classes)}, or sampling='uniform'"
        )
    if counts.min() < each:
        short = {int(label): int(count) for label, count in zip(classes, counts, strict=True) if count < each}
        raise ValueError(
            f"expected at least {each} samples in every class, got {short} (class: samples); lower size to"
            f" {int(counts.min()) * len(classes)} or fewer"
        )
    drawn = [rng.choice(np.flatnonzero(y == label), each, replace=False) for label in classes]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def rank_samples(y: NDArray[np.integer], *, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rank the samples of each class in random order, so that smaller choices lie in larger ones.

    Args:
        y: (n,) integers, the class of each sample.
        rng: the stream to draw from.

    Returns:
        (n,) int64, the place of each sample among those of its class, from 0; ``rank < k`` are `k` of each.

    Raises:
        TypeError: if `rng` is not a `numpy.random.Generator`.
        ValueError: if `y` is not a list of classes.
    """
    y = _check(y, rng)
    rank = np.empty(y.size, np.int64)
    for label in np.unique(y):
        rank[rng.permutation(np.flatnonzero(y == label))] = np.arange((y == label).sum())
    return rank


def _check(y: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.integer]:
    y = np.asarray(y)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"expected rng to be a numpy Generator, got {rng!r}; pass randomness.stream(seed, name)"
        )
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer) or not y.size:
        raise ValueError(f"expected y to be (n,) integer classes, got {y.dtype} {y.shape}; pass the labels")
    return y
