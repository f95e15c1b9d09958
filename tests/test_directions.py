"""Random orthogonal directions."""

import numpy as np
import pytest

from flutils.directions import random_orthogonal, unit_length
from flutils.randomness import stream

SHAPE = (6, 5, 3)  # D = 90


@pytest.mark.parametrize("count", [1, 2, 40, 90])
@pytest.mark.parametrize("unit", ["rms", "l2"])
def test_directions_are_orthogonal_and_of_unit_length(count, unit):
    found = random_orthogonal(count, shape=SHAPE, seed=0, unit=unit)
    assert found.shape == (count, *SHAPE) and found.dtype == np.float32
    flat = found.reshape(count, -1).astype(np.float64)
    squared = 90.0 if unit == "rms" else 1.0
    np.testing.assert_allclose(flat @ flat.T / squared, np.eye(count), atol=1e-5)
    if unit == "rms":
        np.testing.assert_allclose(np.sqrt((flat**2).mean(1)), 1, rtol=1e-5)


def test_unit_lengths_are_the_protocols():
    assert unit_length((28, 28, 1), "rms") == pytest.approx(28)
    assert unit_length((32, 32, 3), "rms") == pytest.approx(55.4, abs=0.03)
    assert unit_length((32, 32, 3), "l2") == 1


def test_mnist_has_a_full_set():
    found = random_orthogonal(784, shape=(28, 28, 1), seed=1).reshape(784, 784)
    np.testing.assert_allclose(found @ found.T / 784, np.eye(784), atol=1e-5)


def test_same_seed_same_directions_and_another_seed_others():
    first = random_orthogonal(5, shape=SHAPE, seed=7)
    np.random.seed(0)  # noqa: NPY002 - the global state must not matter
    assert random_orthogonal(5, shape=SHAPE, seed=7).tobytes() == first.tobytes()
    other = random_orthogonal(5, shape=SHAPE, seed=8)
    similarity = np.abs(first.reshape(5, -1) @ other.reshape(5, -1).T) / 90
    assert similarity.max() < 0.6


def test_units_differ_in_length_only():
    rms = random_orthogonal(4, shape=SHAPE, seed=3)
    l2 = random_orthogonal(4, shape=SHAPE, seed=3, unit="l2")
    np.testing.assert_allclose(rms, l2 * np.sqrt(90), rtol=1e-5)


def test_directions_favour_no_side():
    """A sign convention left in by QR would show as a mean coordinate away from 0."""
    first = np.stack([random_orthogonal(3, shape=(2, 2, 1), seed=seed).reshape(3, 4) for seed in range(400)])
    np.testing.assert_allclose(first.mean(0), 0, atol=0.2)  # standard error 0.05
    np.testing.assert_allclose((first**2).mean(0), 1, atol=0.25)


@pytest.mark.parametrize("count", [91, 1000, 0, -1])
def test_impossible_count_is_refused(count):
    with pytest.raises(ValueError, match=rf"between 1 and the 90 dimensions .*got {count}"):
        random_orthogonal(count, shape=SHAPE, seed=0)


def test_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="unit must be one of rms, l2, got 'linf'"):
        random_orthogonal(3, shape=SHAPE, seed=0, unit="linf")


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_bad_seed_is_refused(seed):
    with pytest.raises(ValueError, match="non-negative integer"):
        random_orthogonal(3, shape=SHAPE, seed=seed)


def test_streams_of_other_names_or_seeds_are_others():
    draws = {
        (seed, name): stream(seed, name).integers(0, 2**62)
        for seed in (0, 1, 2)
        for name in ("directions", "samples", "training/order/0", "training/order/1")
    }
    assert len(set(draws.values())) == len(draws)
    assert stream(np.int64(2), "samples").integers(0, 2**62) == draws[2, "samples"]
