"""Typed records as JSON: what is saved is read back as the same dataclass."""

import base64
import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np


def to_json(value: Any) -> Any:
    """Turn a dataclass, an array, a mapping, a sequence or a plain value into JSON values.

    JSON has neither NaN nor infinity: null stands for NaN, and ``"inf"`` and ``"-inf"`` for the infinities.
    Arrays of uint8, which are images to show, become their shape and their bytes in base64.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        return {"shape": list(value.shape), "bytes": base64.b64encode(value.tobytes()).decode()}
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic):
        return to_json(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else f"{value:+f}".removeprefix("+")
    return value


def from_json(expected: Any, value: Any) -> Any:
    """Turn JSON values back into what `to_json` was given.

    Args:
        expected: a type: a dataclass, ``np.ndarray`` (of floats, or of uint8), ``dict[str, T]``,
            ``tuple[T, ...]``, ``list[T]``, ``T | None``, or a plain type.
        value: the JSON values.

    Returns:
        A value of that type.

    Raises:
        ValueError: if they do not fit the type.
    """
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return from_json(inner, value)
    if origin is typing.Literal and isinstance(value, str) and value in arguments:
        return value
    if dataclasses.is_dataclass(expected) and isinstance(expected, type):
        return _read_dataclass(expected, value)
    if (expected is np.ndarray or origin is np.ndarray) and isinstance(value, dict):
        return _read_bytes(value)
    if expected is np.ndarray or origin is np.ndarray:
        return np.array(_read_floats(value), np.float64)
    if expected is float:
        return float(_read_floats(value))
    if origin is dict and isinstance(value, dict):
        return {key: from_json(arguments[1], item) for key, item in value.items()}
    if origin in (tuple, list) and isinstance(value, list):
        return origin(from_json(arguments[0], item) for item in value)
    boolean = expected is int and isinstance(value, bool)  # a number to Python, but not in JSON
    if isinstance(expected, type) and isinstance(value, expected) and not boolean:
        return value
    raise ValueError(f"expected {expected}, got {value!r:.80}")


def _read_bytes(value: dict[str, Any]) -> np.ndarray:
    try:
        flat, shape = np.frombuffer(base64.b64decode(value["bytes"], validate=True), np.uint8), value["shape"]
        if any(isinstance(length, bool) or length < 0 for length in shape):
            raise ValueError("a length is negative")
        return flat.reshape(shape)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"expected an image as shape and bytes, got {value!r:.80}") from error


def _read_dataclass(expected: type, value: Any) -> Any:
    kinds = typing.get_type_hints(expected)
    names = [field.name for field in dataclasses.fields(expected)]
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError(f"expected {expected.__name__} with {', '.join(names)}, got {value!r:.80}")
    return expected(**{name: from_json(kinds[name], value[name]) for name in names})


def _read_floats(value: Any) -> Any:
    """Return numbers as floats, in nested lists as they come."""
    if isinstance(value, list):
        return [_read_floats(item) for item in value]
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"expected a number, got {value!r:.80}")
    return float(value)
