"""Values of configs: where each comes from, whether it is of its field's type, and copies with others."""

import dataclasses
import typing
from dataclasses import field
from typing import Any, Literal, TypeVar

T = TypeVar("T")


def setting(source: str, *, size: bool = False) -> Any:
    """Declare a config field with its source; `size` says that profiles may differ in it."""
    return field(metadata={"source": source, "size": size})


def replace(config: T, **changes: Any) -> T:
    """Return a copy of a config with some fields changed; a dict changes fields of a nested config.

    Args:
        config: any config of `flutils.config`.
        **changes: new values by field name.

    Returns:
        The changed copy.

    Raises:
        ValueError: if a name is not a field, or a value not of the field's type.
    """
    check_config(config)
    types = typing.get_type_hints(type(config))
    for name, value in changes.items():
        if name not in types:
            raise ValueError(f"{type(config).__name__} has no setting {name!r}: it has {', '.join(types)}")
        if dataclasses.is_dataclass(types[name]) and isinstance(value, dict):
            changes[name] = replace(getattr(config, name), **value)
        else:
            _check_value(config, name, value, types[name])
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


def check_config(config: object) -> None:
    """Raise `ValueError` unless `config` is a config of `flutils.config`, its values of their types."""
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        raise ValueError(f"expected a config such as RunConfig, got {config!r}")
    for name, expected in typing.get_type_hints(type(config)).items():
        _check_value(config, name, getattr(config, name), expected)


def _check_value(config: object, name: str, value: object, expected: Any) -> None:
    """Raise `ValueError` unless a value is of its field's type."""
    if not _fits(value, expected):
        raise ValueError(f"{type(config).__name__}.{name} must be {_spell(expected)}, got {value!r}")


def describe(config: object) -> list[tuple[str, Any, str]]:
    """List every setting as (dotted name, value, source), nested ones in their place."""
    check_config(config)
    rows: list[tuple[str, Any, str]] = []
    for entry in dataclasses.fields(config):  # type: ignore[arg-type]
        value = getattr(config, entry.name)
        if dataclasses.is_dataclass(value):
            rows += [(f"{entry.name}.{name}", item, source) for name, item, source in describe(value)]
        else:
            rows.append((entry.name, value, entry.metadata["source"]))
    return rows


def _fits(value: object, expected: Any) -> bool:
    """Say whether `value` is of a field's type; an int is a float here, a bool is no number."""
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, arguments[0]) for item in value)
    if arguments:
        return any(_fits(value, argument) for argument in arguments)
    if expected is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, expected) and (expected is bool or not isinstance(value, bool))


def _spell(expected: Any) -> str:
    """Spell a field's type for an error message."""
    if typing.get_origin(expected) is Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(expected)))
    return getattr(expected, "__name__", str(expected))
