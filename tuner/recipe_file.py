"""Read recipes: the only module that reads YAML. Every fault is reported at once, with its file and line.

A recipe file lists only what differs from the defaults, which stand in `recipe`. Precedence: default < recipe file <
BASE= < SET=.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tuner.errors import RecipeError
from tuner.recipe import Endpoint, Recipe, Section


@dataclass(frozen=True, slots=True)
class Resolved:
    """A recipe and, for each dotted key that is not a default, where its value came from."""

    recipe: Recipe
    origins: dict[str, str]


def load(path: Path | None, base: str | None = None, overrides: list[str] | None = None) -> Resolved:
    """Read a recipe file, apply BASE= and SET=, and report every fault at once."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if path is not None:
        values, origins = _read_file(path)
    if base is not None:
        values["base"], origins["base"] = base, "BASE="
    for override in overrides or []:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise RecipeError(f"SET={override}: wanted key=value", 'for example SET="train.epochs=2"')
        _put(values, key, text, f"SET={override}")
        origins[key] = f"SET={override}"
    try:
        return Resolved(Recipe.model_validate(values), origins)
    except ValidationError as error:
        raise RecipeError(_explain(error, origins, path), "docs/recipes.md lists every setting") from None


def find_for(base: str, folder: Path) -> list[Path]:
    """Find the recipe files that are written for a base, by name."""
    return [path for path in sorted(folder.glob("*.yaml")) if _read_file(path)[0].get("base") == base]


def flatten(section: Section, prefix: str = "") -> dict[str, Any]:
    """List every setting as dotted key and value, in declaration order."""
    flat: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        flat.update(_flatten_value(value, f"{prefix}{name}"))
    return flat


def _flatten_value(value: Any, key: str) -> dict[str, Any]:
    if isinstance(value, Section):
        return flatten(value, f"{key}.")
    if isinstance(value, dict) and any(isinstance(each, Section) for each in value.values()):
        return {
            name: each for inner, section in value.items() for name, each in flatten(section, f"{key}.{inner}.").items()
        }
    return {key: value}


def to_yaml(recipe: Recipe) -> str:
    """Write a whole recipe, every default spelled out, so that it can be loaded again."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False)


def settings_table() -> str:
    """List every setting as a Markdown table, for docs/recipes.md."""
    rows = (f"| `{key}` | `{_shown(value)}` | {about} |" for key, value, about in _described(Recipe(), ""))
    return "\n".join(["| setting | default | what it does |", "|---|---|---|", *rows]) + "\n"


def _described(section: Section, prefix: str) -> Iterator[tuple[str, Any, str | None]]:
    for name, info in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _described(value, f"{prefix}{name}.")
        elif name == "endpoints":
            yield f"{prefix}{name}", value, info.description
            for inner, field in Endpoint.model_fields.items():
                default = "none" if field.is_required() else field.default
                yield f"{prefix}{name}.NAME.{inner}", default, field.description
        elif isinstance(value, dict) and value:
            yield f"{prefix}{name}", f"{len(value)} models", info.description
        else:
            yield f"{prefix}{name}", value, info.description


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)


def _read_file(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    if not path.is_file():
        known = sorted(each.as_posix() for each in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.as_posix(), known, 1)
        hint = f"did you mean {near[0]}?" if near else "`make recipes` lists them"
        raise RecipeError(f"{path}: no such recipe", hint)
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: not a recipe: it is not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise RecipeError(f"{path}:{line}: not YAML: {getattr(error, 'problem', error)}") from None
    if node is None:
        return {}, {}
    if not isinstance(values, dict):
        raise RecipeError(f"{path}:1: wanted a mapping of settings, found {type(values).__name__}")
    origins: dict[str, str] = {}
    twice = _lines(node, "", str(path), origins)
    if twice:
        raise RecipeError("\n".join(twice), "keep one of the two lines")
    return values, origins


def _lines(node: Any, prefix: str, path: str, origins: dict[str, str]) -> list[str]:
    """Note the line of every key; return the keys that stand twice, of which YAML would take the last in silence."""
    twice = []
    for key, value in node.value:
        name, line = f"{prefix}{key.value}", f"{path}:{key.start_mark.line + 1}"
        if name in origins:
            twice.append(f"{line}: `{name}` stands here again, first at {origins[name]}")
        origins[name] = line
        if isinstance(value, yaml.MappingNode):
            twice += _lines(value, f"{name}.", path, origins)
    return twice


def _put(values: dict[str, Any], key: str, text: str, origin: str) -> None:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise RecipeError(f"{origin}: the value is not YAML") from None
    *sections, last = key.split(".")
    for name in sections:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"{origin}: `{name}` is {inner!r}, which holds no settings")
        values = inner
    values[last] = value


# what pydantic says in other words than a reader of YAML expects
_WANTED = {
    "model_type": "wanted a mapping of settings",
    "float_parsing": "wanted a number",
    "int_parsing": "wanted a whole number",
    "int_from_float": "wanted a whole number",
}


def _explain(error: ValidationError, origins: dict[str, str], path: Path | None) -> str:
    known = list(flatten(Recipe()))
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        inside = [origin for name, origin in origins.items() if name.startswith(f"{key}.")]
        near_by = [origins.get(key), origins.get(key.rpartition(".")[0]), *inside[-1:], str(path or "recipe")]
        origin = next(each for each in near_by if each)
        if fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, known, 1)
            guess = f"; did you mean `{near[0]}`?" if near else ""
            lines.append(f"{origin}: `{key}` is not a setting{guess}")
        else:
            reason = fault["msg"].removeprefix("Value error, ").replace("Input should be", "wanted")
            reason = _WANTED.get(fault["type"], reason)
            seen = "" if isinstance(fault["input"], dict) else f" is {fault['input']!r}"
            lines.append(f"{origin}: `{key}`{seen}: {reason}")
    return "\n".join(lines)
