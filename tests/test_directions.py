"""Random orthogonal directions."""

import decimal
import os
import subprocess
import sys
from pathlib import Path

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


def orthogonalize_exactly(matrix):
    """Return the columns of a matrix, made orthonormal by Gram and Schmidt with sixty digits."""
    columns = []
    with decimal.localcontext(prec=60):
        for column in matrix.T:
            left = [decimal.Decimal(float(number)) for number in column]
            for other in columns:
                share = sum(a * b for a, b in zip(left, other, strict=True))
                left = [a - share * b for a, b in zip(left, other, strict=True)]
            norm = sum(a * a for a in left).sqrt()
            columns.append([a / norm for a in left])
    return columns


@pytest.mark.parametrize("count", [1, 7, 30])
def test_directions_are_the_exact_ones_rounded(count):
    matrix = stream(5, "directions").standard_normal((30, count))
    columns = orthogonalize_exactly(matrix)
    with decimal.localcontext(prec=60):
        length = decimal.Decimal(30).sqrt()
        exact = [[number * length for number in column] for column in columns]
    found = random_orthogonal(count, shape=(5, 6, 1), seed=5).reshape(count, 30)
    for row, expected in zip(found, exact, strict=True):
        below, above = np.nextafter(row, np.float32(-9)), np.nextafter(row, np.float32(9))
        for low, number, high, wanted in zip(below, row, above, expected, strict=True):
            number, low, high = (decimal.Decimal(float(value)) for value in (number, low, high))
            assert (low + number) / 2 < wanted < (number + high) / 2


# Directions of the tables that ship: what is searched, and examples are made of, on any machine.
DIGESTS = {
    (784, 28, 28, 1): "69dc78e8bdcb",
    (200, 28, 28, 1): "8bf48dad1c33",
}
PRINT = """
import hashlib
from flutils.directions import random_orthogonal
for count, *shape in {sizes}:
    print(hashlib.sha256(random_orthogonal(count, shape=tuple(shape), seed=0).tobytes()).hexdigest()[:12])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [{"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "2"}, {"OPENBLAS_CORETYPE": "Haswell"}],
    ids=lambda setting: "=".join(*setting.items()),
)
def test_directions_do_not_depend_on_threads_or_processor(setting):
    """QR alone gave two other numbers of 614,656 with one thread, and make_examples refused the tables."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **setting}
    command = [sys.executable, "-c", PRINT.format(sizes=list(DIGESTS))]
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert run.stdout.split() == list(DIGESTS.values())


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
