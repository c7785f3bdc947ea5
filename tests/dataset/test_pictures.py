from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from tuner.dataset.pictures import HEIGHT, WIDTH, histogram, pair_of_bars, stacked, timeline

HOSTILE = "</title></svg><script>alert('1')</script>"


def bars(picture: Markup) -> list[dict[str, str]]:
    return [each.attrib for each in ElementTree.fromstring(str(picture)) if each.tag == "rect"]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
def test_bars_stay_inside_the_picture_and_no_value_is_invisible(values: list[int]) -> None:
    drawn = bars(histogram(values, [str(each) for each in values], "values"))
    assert len(drawn) == sum(value > 0 for value in values)
    for bar in drawn:
        assert float(bar["x"]) >= 0 and float(bar["x"]) + float(bar["width"]) <= WIDTH + 0.2
        assert float(bar["y"]) >= 0 and float(bar["y"]) + float(bar["height"]) <= HEIGHT + 0.2
        assert float(bar["height"]) >= 1.5


def test_names_are_escaped_in_every_picture() -> None:
    pictures = [
        histogram([1], [HOSTILE], HOSTILE),
        timeline([1], [1], [HOSTILE], 0, HOSTILE),
        stacked([(HOSTILE, 1.0, "learned")], HOSTILE),
    ]
    for picture in pictures:
        assert "<script" not in picture
        assert HOSTILE in (ElementTree.fromstring(str(picture)).get("aria-label") or "")


def test_parts_of_a_whole_lie_beside_each_other() -> None:
    first, second = bars(stacked([("a", 0.25, "learned"), ("b", 0.75, "masked")], "parts"))
    assert (first["x"], first["width"], second["x"], second["width"]) == ("0", "150", "150", "450")


def test_the_cut_is_drawn_behind_its_period() -> None:
    picture = timeline([1, 1, 0, 0], [0, 0, 1, 1], ["a", "b", "c", "d"], 1, "ages")
    (line,) = [each.attrib for each in ElementTree.fromstring(str(picture)) if each.tag == "line"]
    assert line["x1"] == line["x2"] == "300"
    tokens, items = bars(picture)[1], bars(picture)[2]
    assert float(tokens["x"]) + float(tokens["width"]) < 300 < float(items["x"])


def test_two_shares_are_drawn_to_one_scale() -> None:
    first, second = bars(pair_of_bars(0.2, 0.4, 0.8))
    assert (first["width"], second["width"]) == ("150", "300")
    assert bars(pair_of_bars(0.0, 0.0, 0.0)) == []


def test_a_picture_without_a_label_is_hidden_from_screen_readers() -> None:
    assert re.search('aria-hidden="true"', pair_of_bars(0.1, 0.2, 0.2))
    assert 'role="img" aria-label="x"' in histogram([1], ["a"], "x")
