"""The report is one page that loads nothing, shows what the records say, and runs nothing that a repository wrote."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tuner.compare.examples import Example
from tuner.comparison import Comparison, Difference
from tuner.progress import Progress
from tuner.records import Adapter, Artefact, Bundle, Cut, Dataset, Mined, Page
from tuner.report import stage
from tuner.rundir import Workspace

PLANTED = "<script>alert('x')</script>"
CUT = Cut("c" * 40, 1_000_000, 90, 10, "the newest 10 of 100 code commits come after it")
DIFFERENCES = [
    Difference("bits_per_byte", "all", 0.8125, 1.25, -0.4375, -0.5, -0.375, 120, 20, "lower"),
    Difference("exact_match", "all", 0.25, 0.5, -0.25, -0.375, -0.125, 120, 20, "higher"),
    Difference("edit_similarity", "all", 0.625, 0.5, 0.125, -0.0625, 0.25, 120, 20, "higher"),
    Difference("bits_per_byte", "novel", 0.875, 1.25, -0.375, -0.5, -0.25, 60, 15, "lower"),
]
EXAMPLES = [
    Example("win", "i1", "shop/tax.py", "f" * 40, True, "def tax(", "rate):", "rate):", "x):"),
    Example("loss", "i2", "shop/cart.py", "e" * 40, False, "a = ", "b", "c", "b"),
]


class Reader(HTMLParser):
    """Collect tags with their attributes, the text, and the cells of every table row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.in_cell and data.strip():
            self.rows[-1][-1] += data


class Finished:
    """A run whose other stages have finished, and the report on it."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        given: dict[str, Any] = {"differences": DIFFERENCES, "examples": EXAMPLES, "text": "shop", **changes}
        text, self.folder = given["text"], folder
        comparison = Comparison("tuned", "base", "d" * 64, given["differences"], "ship", f"better by {text}", {})
        mined = Mined("", "", "", dataclasses.replace(CUT, note=text), [], {"file": 7}, {f"why {text}": 3}, {})
        exported = [
            Artefact("peft", "export/peft", "peft", "1", None, None, None),
            Artefact("gguf", f"export/{text}.gguf", "gguf", "2", 0.03125, 0.00002, True),
            Artefact("merged", "export/merged", "merged", "3", 0.5, 0.25, False),
        ]
        records = {
            "mine": mined,
            "dataset": Dataset("", "", "", "d" * 64, "", {}, {"too_long": 2}, {}),
            "train": Adapter("adapter", "tiny", "b" * 64, "9" * 64, {}),
            "compare": comparison,
            "export": Bundle("export", exported, {}),
        }
        manifest = {
            "repo": {"name": text, "revision": "a" * 40, "branch": "main"},
            "base": {"name": "tiny", "revision": "b" * 64, "fim_form": "qwen"},
            "decides": {"version": "0.1.0"},
            "stages": [{"name": name, "record": dataclasses.asdict(record)} for name, record in records.items()],
        }
        written = dataclasses.asdict(comparison)
        for values, each in zip(written["differences"], comparison.differences, strict=True):
            values["finding"] = each.finding
        (folder / "eval").mkdir()
        (folder / "out").mkdir()
        (folder / "eval/comparison.json").write_text(json.dumps(written), encoding="utf-8")
        examples = [dataclasses.asdict(each) for each in given["examples"]]
        (folder / "eval/examples.json").write_text(json.dumps(examples), encoding="utf-8")
        losses = [json.dumps({"step": step, "loss": loss}) for step, loss in enumerate((2.5, 2.0, 1.5))]
        (folder / "metrics.jsonl").write_text("\n".join(losses) + "\n", encoding="utf-8")
        self.record = stage.run(manifest, Workspace(folder, folder / "out", folder / "scratch", Progress()))
        self.html = (folder / "out/report/index.html").read_text(encoding="utf-8")
        self.markdown = (folder / "out/report/report.md").read_text(encoding="utf-8")
        self.page = Reader(self.html)


@pytest.fixture
def finished(tmp_path: Path) -> Finished:
    return Finished(tmp_path)


def loads(page: Reader, text: str) -> list[str]:
    """List all that a browser would fetch or run."""
    runs = [
        tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "object", "embed", "img", "base", "form")
    ]
    names = ("src", "href", "srcset", "action", "data", "background", "poster", "xlink:href")
    fetched = [f"{tag} {name}" for tag, given in page.tags for name in given if name in names or name[:2] == "on"]
    return runs + fetched + re.findall(r"https?://|url\(|@import", text)


def test_the_stage_leaves_a_page_and_its_twin(finished: Finished) -> None:
    assert finished.record == Page("report/index.html", "report/report.md", {})
    assert finished.html.startswith("<!doctype html>")
    assert sorted(path.name for path in (finished.folder / "out/report").iterdir()) == ["index.html", "report.md"]


def test_the_page_loads_nothing_and_forbids_it_too(finished: Finished) -> None:
    assert loads(finished.page, finished.html) == []
    policies = [given["content"] for tag, given in finished.page.tags if "http-equiv" in given]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


@pytest.mark.parametrize(
    "added", ['<script src="x.js">', '<img src="https://x/y">', "<p onclick=x>", "<a href=x>", "@import"]
)
def test_a_page_that_would_load_something_is_seen(finished: Finished, added: str) -> None:
    assert loads(Reader(finished.html + added), finished.html + added) != []


def test_what_a_repository_wrote_is_shown_and_never_run(tmp_path: Path) -> None:
    planted = Example("win", PLANTED, PLANTED, PLANTED, True, PLANTED, PLANTED, PLANTED, f"{PLANTED} & ö")
    hostile = Finished(tmp_path, examples=[planted], text=PLANTED)
    assert loads(hostile.page, hostile.html) == []
    assert "<script" not in hostile.html
    assert hostile.page.text.count(PLANTED) >= 10
    assert f"{PLANTED} & ö" in hostile.page.text


def figures(each: Difference) -> list[str]:
    interval = f"[{each.low:+.4f}, {each.high:+.4f}]"
    counted = f"{each.items} items, {each.commits} commits"
    return [each.metric, f"{each.b:.4f}", f"{each.a:.4f}", f"{each.delta:+.4f}", interval, counted, each.finding]


def test_every_figure_is_the_records_with_its_interval_and_n(finished: Finished) -> None:
    shown = [row[:7] for row in finished.page.rows if len(row) == 8 and row[0] != "metric"]
    assert shown == [figures(each) for each in DIFFERENCES]
    assert [row[6] for row in shown] == ["gain", "loss", "inconclusive", "gain"]
    assert "ship: better by shop" in finished.page.text
    assert "3 steps, loss between 1.500 and 2.500 nats a token." in finished.page.text


def test_the_twin_says_the_same(finished: Finished) -> None:
    lines = [line.strip("| ").split(" | ") for line in finished.markdown.splitlines() if line.startswith("| ")]
    assert [line for line in lines if line[0] != "metric"] == [figures(each) for each in DIFFERENCES]
    assert "**ship**: better by shop" in finished.markdown
    assert "items dddddddddddddddd, adapter 9999999999999999, repository aaaaaaaaaaaa" in finished.markdown.lower()


def test_the_plot_puts_the_interval_on_its_side_of_zero(finished: Finished) -> None:
    drawn = [given for tag, given in finished.page.tags if tag == "line" and given["y1"] == "9"]
    assert len(drawn) == len(DIFFERENCES)
    for given, each in zip(drawn, DIFFERENCES, strict=True):
        left, right = float(given["x1"] or 0), float(given["x2"] or 0)
        assert 0 <= left <= right <= 200
        assert (left < 100, right > 100) == (each.low < 0, each.high > 0)


def test_exports_say_which_is_not_the_same_model_and_which_nobody_ran(finished: Finished) -> None:
    rows = {row[0]: row[1:] for row in finished.page.rows}
    assert rows["export/shop.gguf"] == ["0.0312", "2.00e-05", "yes"]
    assert rows["export/merged"] == ["0.5000", "2.50e-01", "NO"]
    assert rows["export/peft"] == ["not run", "not run", "not judged"]
    assert rows["dropped by mine: why shop"] == ["3"] and rows["dropped by dataset: too_long"] == ["2"]


def test_wins_and_losses_stand_side_by_side(finished: Finished) -> None:
    assert "win: shop/tax.py (ffffffffff, novel line)" in finished.page.text
    assert "loss: shop/cart.py (eeeeeeeeee)" in finished.page.text
    assert "def tax(rate):" in finished.page.text and "tuned: c\nbase:  b" in finished.page.text


def test_a_run_without_items_has_a_page_too(tmp_path: Path) -> None:
    empty = Finished(tmp_path, differences=[], examples=[])
    assert "There is none." in empty.page.text
    assert "ship: better by shop" in empty.page.text and "**ship**" in empty.markdown
    assert not [row for row in empty.page.rows if len(row) == 8]
    assert loads(empty.page, empty.html) == []


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = Finished(tmp_path / "a"), Finished(tmp_path / "b")
    assert (first.html, first.markdown) == (second.html, second.markdown)
