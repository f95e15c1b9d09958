"""Random orthogonal directions, along which margins are measured."""

import math

import numpy as np

from flutils.randomness import stream

UNITS = ("rms", "l2")
# In RMS units: what lies so near the middle of two float32 numbers is rounded as the middle is, to the even
# one, which keeps the directions of tables that were searched before there was such care.
_MIDDLE = 1e-15
_PARTS, _ROWS = 4, 4096  # into which numbers are cut for exact products, and rows that are cut at once


def unit_length(shape: tuple[int, ...], unit: str) -> float:
    """Return the Euclidean norm of one unit: sqrt(D) for ``"rms"``, 1 for ``"l2"``.

    Args:
        shape: shape of one image; D is the product of its lengths.
        unit: ``"rms"`` or ``"l2"``.

    Raises:
        ValueError: if `unit` is neither.
    """
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
    return math.sqrt(math.prod(shape)) if unit == "rms" else 1.0


def random_orthogonal(count: int, *, shape: tuple[int, ...], seed: int, unit: str = "rms") -> np.ndarray:
    """Draw mutually orthogonal random directions of unit length.

    Args:
        count: how many directions, at most H*W*C. The paper has 784 and 1,000; fewer are quicker to search,
            and what is averaged over them is noisier. Another count gives other directions.
        shape: shape (H, W, C) of one image, such as ``x.shape[1:]``.
        seed: whole number from 0; the same one gives the same directions, to the last bit, with any number
            of threads and on any processor.
        unit: ``"rms"`` scales each direction to root mean square 1 (Euclidean norm sqrt(H*W*C)),
            so that a margin is in pixel units; ``"l2"`` to Euclidean norm 1. Tell the search if it is not
            the default.

    Returns:
        (count, H, W, C) float32 array. Making it takes a few float64 arrays of that size, and some seconds of
        1,000 directions of CIFAR-10.

    Raises:
        ValueError: if `count` is below 1 or above H*W*C, `unit` is unknown, or `seed` is no whole number
            from 0.

    Source: paper §V, "random orthogonal directions"; the RMS unit follows He, Li, Song (ICLR 2018),
        from whom the paper takes its search. QR of a Gaussian matrix makes the set uniformly random.
    """
    dimension = math.prod(shape)
    length = unit_length(shape, unit)
    whole = isinstance(count, (int, np.integer)) and not isinstance(count, bool)
    if not whole or not 1 <= count <= dimension:
        raise ValueError(
            f"count must be between 1 and the {dimension} dimensions of {shape}, got {count}: "
            "no more directions than dimensions can be orthogonal"
        )
    gaussian = stream(seed, "directions").standard_normal((dimension, count))
    basis, triangle = np.linalg.qr(gaussian)
    # QR fixes signs by convention; undoing that makes the distribution invariant under rotations.
    signs = np.sign(np.diag(triangle))
    basis, triangle = basis * signs, triangle * signs[:, None]
    # Its last digits depend on threads and processor, and with them some float32: a search of one machine
    # would not be that of another. The exact ones do not.
    missing = _find_missing(gaussian, basis, triangle)
    scale = np.longdouble(1) if unit == "l2" else np.sqrt(np.longdouble(dimension))
    directions = np.empty((count, dimension), np.float32)
    for rows in _cut_rows(dimension):
        exact = (basis[rows].astype(np.longdouble) + missing[rows]) * scale
        directions[:, rows] = _round(exact, _MIDDLE * length / math.sqrt(dimension)).T
    return directions.reshape(count, *shape)


def _find_missing(matrix: np.ndarray, basis: np.ndarray, triangle: np.ndarray) -> np.ndarray:
    """Return what a computed QR's basis lacks of the exact one, correct to some 1e-20.

    Args:
        matrix: (d, k) what was decomposed.
        basis: (d, k) computed columns, orthonormal up to rounding.
        triangle: (k, k) upper triangle, with a positive diagonal.

    Returns:
        (d, k) what to add to the basis.
    """
    parts = _cut_rows(len(matrix))
    residual = np.empty_like(matrix)
    overlap, rest = np.eye(len(triangle)), np.zeros_like(triangle)
    for rows in parts:
        left, lost = _subtract_product(matrix[rows], np.zeros_like(matrix[rows]), basis[rows], triangle)
        residual[rows] = left + lost
        overlap, rest = _subtract_product(overlap, rest, basis[rows].T, basis[rows])
    # The columns basis + missing span what those of the matrix do; what is left is to make them orthonormal.
    missing: np.ndarray = residual @ np.linalg.inv(triangle)
    mixed = basis.T @ missing
    excess = mixed + mixed.T - (overlap + rest)
    missing -= basis @ (np.triu(excess, 1) + np.diag(np.diag(excess)) / 2)
    return missing


def _subtract_product(
    high: np.ndarray, low: np.ndarray, left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``high + low - left @ right`` as a sum of two arrays, in twice the precision of float64.

    Numbers are cut into parts of so few digits that products of parts are exact, in whatever order they are
    added up (Ozaki, Ogita, Oishi and Rump, 2012).
    """
    digits = (53 - math.ceil(math.log2(left.shape[1]))) // 2
    first, second = _cut_numbers(left, digits), _cut_numbers(right, digits)
    for order in range(_PARTS):
        for i in range(order + 1):
            product = first[i] @ second[order - i]
            total = high - product
            taken = high - total
            low = low + ((high - (total + taken)) + (taken - product))
            high = total
    return high, low


def _cut_numbers(numbers: np.ndarray, digits: int) -> list[np.ndarray]:
    """Return parts that add up to an array, each of so many binary digits, from the highest down."""
    unit, parts = 2.0 ** (math.ceil(math.log2(np.abs(numbers).max())) - digits), []
    for _ in range(_PARTS):
        parts.append(np.round(numbers / unit) * unit)
        numbers, unit = numbers - parts[-1], unit * 2.0**-digits
    return parts


def _cut_rows(count: int) -> list[slice]:
    """Return parts of so many rows."""
    return [slice(start, start + _ROWS) for start in range(0, count, _ROWS)]


def _round(exact: np.ndarray, middle: float) -> np.ndarray:
    """Round to float32; what is less than `middle` away from the middle of two goes to the even one."""
    nearest = exact.astype(np.float32)
    other = np.nextafter(nearest, np.where(exact > nearest, np.inf, -np.inf).astype(np.float32))
    distance = np.abs(exact - (nearest.astype(np.longdouble) + other) / 2)
    odd = (nearest.view(np.int32) & 1).astype(bool)
    rounded: np.ndarray = np.where(odd & (distance < middle), other, nearest)
    return rounded
