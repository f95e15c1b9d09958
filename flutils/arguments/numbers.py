"""Checks of numbers, choices and paths, and the warning of an argument that is allowed but looks wrong."""

import math
import sys
import warnings
from pathlib import Path

import numpy as np


class InputWarning(UserWarning):
    """An argument is allowed, but looks like another one than was meant."""


def require(holds: bool | np.bool_, message: str) -> None:
    """Raise `ValueError` with `message` unless `holds`."""
    if not holds:
        raise ValueError(message)


def warn(message: str, category: type[Warning] = InputWarning) -> None:
    """Warn at the line that called the package, however deep in it this is."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "flutils":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise `ValueError` unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_strength(name: str, value: float) -> float:
    """Return a strength as a float once it is finite and not negative."""
    if not _is_number(value) or not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")
    return float(value)


def check_positive(name: str, value: float) -> float:
    """Return `value` as a float once it is finite and positive."""
    if not _is_number(value) or not 0 < value < math.inf:
        raise ValueError(f"{name} must be a finite number and positive, got {value!r}")
    return float(value)


def check_fraction(name: str, value: float) -> float:
    """Return `value` as a float once it lies from 0 to 1."""
    if check_strength(name, value) > 1:
        raise ValueError(f"{name} must be a fraction from 0 to 1, got {value!r}")
    return float(value)


def check_count(name: str, value: int, *, least: int = 1) -> int:
    """Return `value` as an int once it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def check_path(name: str, value: Path | str) -> Path:
    """Return a path, in which a leading ~ is the user's home folder."""
    if not isinstance(value, (str, Path)) or not str(value):
        raise ValueError(f"{name} must be a path, got {value!r}; pass for example 'results/{name}'")
    return Path(value).expanduser()


def _is_number(value: object) -> bool:
    """Say whether a value is a real number; a bool is none."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
