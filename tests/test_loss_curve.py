"""The loss is drawn where the log says, and with it what else the log says, for the page and as a file."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from tuner.loss_curve import Curve, as_file, curve, smoothed

SVG = "{http://www.w3.org/2000/svg}"


def log(*losses: float, rate: float | None = None, valid: dict[int, float] | None = None) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for at, loss in enumerate(losses, 1):
        lines.append({"step": at, "loss": loss, "learning_rate": rate, "tokens": 100})
        if at in (valid or {}):
            lines.append({"step": at, "valid_loss": (valid or {})[at]})
    return lines


def drawn(lines: list[dict[str, Any]]) -> Curve:
    found = curve(lines)
    assert found is not None
    return found


def heights(found: Curve, css: str) -> list[float]:
    (points,) = re.findall(rf'polyline class="{css}" points="([^"]+)"', found.drawn)
    return [float(point.split(",")[1]) for point in points.split()]


def test_the_curve_goes_down_as_the_loss_does() -> None:
    found = drawn([{"step": at, "loss": 4.0 - at, "tokens": 100} for at in (1, 2, 3)])
    assert (found.steps, found.tokens, found.first, found.last) == (3, 300, 3.0, 1.0)
    down = heights(found, "each")
    assert down == sorted(down) and 0 <= down[0] < down[-1] <= 100
    assert (found.highest_rate, found.validations) == (None, 0)
    assert "circle" not in found.drawn and 'class="rate"' not in found.drawn


def test_without_a_step_there_is_no_curve() -> None:
    assert curve([]) is None
    assert curve([{"step": 0, "valid_loss": 2.0}]) is None
    assert drawn([*log(3.0, 2.0), {"step": 3, "loss": None, "learning_rate": 1e-3, "tokens": 9}]).steps == 2


def test_validations_stand_on_the_scale_of_the_losses_and_count_as_no_step() -> None:
    found = drawn(log(3.0, 2.0, 1.0, valid={1: 2.0, 3: 1.0}))
    assert (found.steps, found.validations, found.tokens) == (3, 2, 300)
    assert heights(found, "valid") == heights(found, "each")[1:]
    assert found.drawn.count("<circle") == 2
    assert found.text == (
        "training loss over 3 steps, from 3.000 to 1.000; of 2 validations the lowest loss is 1.000, at step 3"
    )


def test_the_learning_rate_has_a_scale_of_its_own_that_begins_at_0() -> None:
    lines = log(3.0, 2.0, 1.0)
    for line, rate in zip(lines, (0.0, 1e-3, 5e-4), strict=True):
        line["learning_rate"] = rate
    found = drawn(lines)
    assert heights(found, "rate") == [100.0, 0.0, 50.0] and found.highest_rate == 1e-3


def test_a_file_says_in_words_what_it_shows_and_has_colours_for_light_and_dark() -> None:
    text = as_file(drawn(log(3.0, 2.0, rate=1e-3, valid={2: 1.5})))
    root = ElementTree.fromstring(text)
    title, described = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None and title.text == "Training loss, nats a token"
    assert described is not None and str(described.text).startswith("training loss over 2 steps, from 3.000 to 2.000")
    assert root.get("aria-labelledby") == "title desc"
    assert "prefers-color-scheme: dark" in text and "http" not in text.replace("http://www.w3.org/2000/svg", "")
    legend = [each.text for each in root.iter(f"{SVG}text")]
    assert {"each step", "mean of the last 10", "validation", "learning rate, up to 1.0e-03"} <= set(legend)
    legend = [each.text for each in ElementTree.fromstring(as_file(drawn(log(3.0, 2.0)))).iter(f"{SVG}text")]
    assert not {"validation"} & set(legend) and not [each for each in legend if str(each).startswith("learning")]


def test_every_colour_that_the_file_uses_is_one_that_it_names() -> None:
    text = as_file(drawn(log(3.0, 2.0, rate=1e-3, valid={2: 1.5})))
    assert set(re.findall(r"var\((--\w+)\)", text)) <= set(re.findall(r"(--\w+):", text))


def test_a_loss_is_averaged_with_those_before_it() -> None:
    assert smoothed([4.0, 2.0]) == [4.0, 3.0]
    assert smoothed([float(n) for n in range(20)])[-1] == 14.5
