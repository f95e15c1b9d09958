"""Typed records: printed as a summary, and saved as JSON or as a file of arrays, without pickled objects."""

import base64
import dataclasses
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from flutils import guard
from flutils.arguments import check_path
from flutils.folders import atomic_path

T = TypeVar("T")


class Summarized:
    """A result that prints what its `summary` says, as a table in a notebook.

    A dataclass is to be declared with ``repr=False``, or else it prints all its arrays.
    """

    caption: ClassVar[str]

    def summary(self) -> dict[str, str]:
        """Describe the result in a few words, in reading order."""
        raise NotImplementedError

    def __repr__(self) -> str:
        facts = "; ".join(f"{key}: {value}" for key, value in self.summary().items())
        return f"{type(self).__name__}({facts})"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{key}</th><td>{value}</td></tr>" for key, value in self.summary().items())
        return f"<table><caption>{self.caption}</caption>{rows}</table>"


def save_record(path: Path | str, arrays: Mapping[str, Any], about: Any = None) -> None:
    """Write arrays, and what else there is to say as JSON, to a compressed ``.npz`` file."""
    extra: dict[str, Any] = {} if about is None else {"about": np.array(json.dumps(about))}
    with atomic_path(check_path("path", path)) as writing, writing.open("wb") as file:
        np.savez_compressed(file, **extra, **arrays)


def load_record(path: Path | str, build: Callable[[dict[str, Any], Any], T], *, kind: str, advice: str) -> T:
    """Read a file that `save_record` wrote.

    Args:
        path: the file.
        build: makes the result of its arrays, and of what else it says.
        kind: what it should be, such as ``"a margin table"``.
        advice: what to do if it is none.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not of that kind.
    """
    path = check_path("path", path)
    with guard.reading(path, kind, advice):
        arrays: dict[str, Any] = guard.read_arrays(path)
        about = guard.parse_json(str(arrays.pop("about"))) if "about" in arrays else None
        return build(arrays, about)


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
    if np.ndarray in (expected, origin):
        return _read_bytes(value) if isinstance(value, dict) else np.array(_read_floats(value), np.float64)
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
