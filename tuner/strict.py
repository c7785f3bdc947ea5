"""Build a record from parsed JSON and refuse whatever does not fit its types: no default fills a gap.

The exception is a field marked `LATER`: files that were frozen before it was thought of are read with its default.

In: a record type and parsed JSON. Out: the record. Stops with `DataError` at an unknown or missing key, or a value of
the wrong type; `where` is the file and line that the message names.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from typing import Any, Literal

from tuner.errors import DataError

ALTERED = "the file was altered, cut short, or is of another version"
LATER = {"later": True}  # metadata of a field that older files do not have


def read(wanted: Any, value: Any, where: str, key: str) -> Any:
    """Give `value` as the type `wanted`, or stop naming `where` and `key`."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if dataclasses.is_dataclass(wanted):
        return _read_record(wanted, value, where, key)
    if origin in (types.UnionType, typing.Union):
        inner = [argument for argument in arguments if argument is not type(None)]
        return None if value is None and len(inner) < len(arguments) else read(inner[0], value, where, key)
    if origin is list and isinstance(value, list):
        if arguments[0] is not int:
            return [read(arguments[0], each, where, key) for each in value]
        if set(map(type, value)) <= {int}:  # token ids: in one pass, since rows are long
            return value
    elif origin is dict and isinstance(value, dict):
        return {name: read(arguments[1], each, where, f"{key}.{name}") for name, each in value.items()}
    elif wanted is float and type(value) in (int, float):
        return float(value)
    elif value in arguments if origin is Literal else type(value) is wanted:
        return value
    name = f"one of {', '.join(arguments)}" if origin is Literal else getattr(wanted, "__name__", str(wanted))
    raise DataError(f"{where}: `{key}` is {value!r:.80}, wanted {name}", ALTERED)


@functools.cache
def hints(wanted: Any) -> dict[str, Any]:
    """Give the fields of a record and their types, in order of declaration."""
    found = typing.get_type_hints(wanted)
    return {each.name: found[each.name] for each in dataclasses.fields(wanted)}


@functools.cache
def _later(wanted: Any) -> frozenset[str]:
    return frozenset(each.name for each in dataclasses.fields(wanted) if "later" in each.metadata)


def _read_record(wanted: Any, value: Any, where: str, key: str) -> Any:
    label = f"`{key}` " if key else ""
    if not isinstance(value, dict):
        raise DataError(f"{where}: {label}is not an object", ALTERED)
    fields = hints(wanted)
    faults = [f"unknown key `{name}`" for name in sorted(set(value) - set(fields))]
    faults += [f"missing key `{name}`" for name in fields if name not in value and name not in _later(wanted)]
    if faults:
        raise DataError(f"{where}: {label}{', '.join(faults)}", ALTERED)
    return wanted(**{name: read(fields[name], value[name], where, name) for name in fields if name in value})
