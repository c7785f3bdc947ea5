"""docs/endpoints.md keeps what it promises: its recipes load, and it names every class that can come up."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import yaml

from tuner.evaluate.endpoints import answers
from tuner.evaluate.endpoints.protocols import PATHS
from tuner.evaluate.system import VOIDS
from tuner.recipe import Endpoint
from tuner.recipe_file import load

TEXT = (Path(__file__).parents[3] / "docs" / "endpoints.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
ELSEWHERE = {"crash", "not_asked"}  # voids that no endpoint gives


@pytest.mark.parametrize("block", BLOCKS)
def test_every_recipe_in_the_text_loads(block: str, tmp_path: Path) -> None:
    values = yaml.safe_load(block)
    whole = values if "compare" in values else {"compare": {"systems": [*values], "endpoints": values}}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(whole))
    assert load(path).recipe.compare


def test_every_endpoint_in_the_text_has_a_price_or_is_this_machine() -> None:
    prices = load(None).recipe.compare.prices
    added = {name for block in BLOCKS for name in (yaml.safe_load(block).get("compare", {}).get("prices") or {})}
    for block in BLOCKS:
        for fields in (value for name, value in yaml.safe_load(block).items() if name != "compare"):
            endpoint = Endpoint(**fields)
            named = endpoint.price or endpoint.model
            local = "127.0.0.1" in endpoint.url
            assert local != endpoint.send_code
            assert local or named in prices or named in added, named


def test_every_protocol_void_and_format_failure_is_in_the_text() -> None:
    described = re.findall(r"^    (\w+) {2,}", answers.__doc__ or "", re.MULTILINE)
    for name in [*PATHS, *(set(VOIDS) - ELSEWHERE), *described]:
        assert f"| `{name}` |" in TEXT, name
    assert len(described) == 9


def test_every_format_failure_that_is_given_is_described() -> None:
    source = inspect.getsource(answers)
    for name in re.findall(r'(?:step\(|append\()"(\w+)"', source):
        assert f"    {name} " in (answers.__doc__ or "")
