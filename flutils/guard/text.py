"""JSON of bounded size and depth, and the seal by which a JSON object shows that it is as it was written."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from flutils.guard.files import read_bytes

SEAL = "seal"
LARGEST_JSON = 1 << 24  # bytes; as Python objects they take some thirty times as many
_DIGITS = 40  # of a whole number; Python itself takes thousands, of which no float can be made


def read_json(path: Path, most: int = LARGEST_JSON) -> Any:
    """Return the values of a JSON file of at most `most` bytes; see `parse_json`.

    Raises:
        OSError: if there is none.
        ValueError: if it is too large, or is not JSON.
    """
    return parse_json(read_bytes(path, most).decode("utf-8"))


def parse_json(text: str) -> Any:
    """Return JSON values, among them no NaN, no infinity and no number that a float cannot hold.

    Raises:
        ValueError: if the text is not such JSON, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_read_float, parse_int=_read_int)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def seal(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object with a checksum of all the rest in it, which `read_sealed` compares."""
    rest = {key: value for key, value in content.items() if key != SEAL}
    plain = json.loads(json.dumps(rest, allow_nan=False))  # with the keys and lists that a reader will see
    return {**rest, SEAL: hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()}


def read_sealed(path: Path) -> dict[str, Any]:
    """Read a JSON object whose seal fits; one that was written before there were seals has none.

    Raises:
        OSError: if there is no such file.
        ValueError: if it is no JSON object, or was changed since it was sealed.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"expected a JSON object, got {type(content).__name__}")
    if SEAL in content and seal(content)[SEAL] != content[SEAL]:
        raise ValueError("it was changed after it was written, for its seal does not fit")
    return content


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"expected a finite number, got {text}")


def _read_float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text[:_DIGITS])


def _read_int(text: str) -> int:
    return int(text) if len(text) <= _DIGITS else _refuse(f"a whole number of {len(text)} digits")
