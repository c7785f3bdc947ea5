"""The report is one page that loads nothing, shows what the records say, and runs nothing that a repository wrote."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.report import contests
from tests.report.contests import HOSTILE, Finished
from tests.report.reading import Reader, loads
from tuner.errors import DataError
from tuner.records import Page
from tuner.report.material import read_material
from tuner.report.page import base_name
from tuner.visible import visible

MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return contests.lively(tmp_path_factory.mktemp("lively"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return contests.hostile(tmp_path_factory.mktemp("hostile"))


def hash_of(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_stage_leaves_a_page_and_its_twin(lively: Finished) -> None:
    assert lively.record == Page("report/index.html", "report/report.md", {})
    assert lively.html.startswith("<!doctype html>")
    assert sorted(path.name for path in lively.page.parent.iterdir()) == ["index.html", "report.md"]


def test_the_page_loads_nothing(lively: Finished) -> None:
    assert loads(lively.html) == []


@pytest.mark.parametrize(
    "added",
    [
        "<script>1</script>",
        '<img src="https://x/y">',
        "<p onclick=x>",
        "<a href=x>",
        "@import",
        "<p style='color:red'>",
    ],
)
def test_a_page_that_would_load_something_is_seen(lively: Finished, added: str) -> None:
    assert loads(lively.html + added) != []


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else(lively: Finished) -> None:
    read = Reader(lively.html)
    (policy,) = (given["content"] for tag, given in read.tags if given.get("http-equiv") == "Content-Security-Policy")
    (style,) = re.findall(r"<style>(.*?)</style>", lively.html, re.DOTALL)
    (script,) = read.scripts
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hash_of(style)}'; script-src 'sha256-{hash_of(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_what_a_repository_wrote_is_shown_and_never_run(hostile: Finished) -> None:
    read = Reader(hostile.html)
    assert loads(hostile.html) == [] and len(read.scripts) == 1
    assert "alert" not in read.scripts[0]
    assert read.text.count(visible(HOSTILE)) >= 20
    assert "\u202e" not in hostile.html and "\x1b" not in hostile.html and "\x00" not in hostile.html


def test_every_place_in_a_page_is_a_place_to_go_to(lively: Finished) -> None:
    read = Reader(lively.html)
    ids = [given["id"] for _, given in read.tags if "id" in given]
    assert len(ids) == len(set(ids))
    assert {f"#{each}" for each in ids} >= {given["href"] for tag, given in read.tags if tag == "a"}


def test_forty_examples_fit_into_a_page_that_can_be_mailed(lively: Finished) -> None:
    assert lively.html.count('class="example"') == 40
    assert len(lively.html.encode()) < MOST_BYTES


def test_every_system_has_its_figures_with_their_intervals(lively: Finished) -> None:
    row = Reader(lively.html).row("tuned+bm25")
    assert row[1:4] == ["250 of 250", "0.921[0.831, 1.011]", "22.4 %[16.2, 28.6]"]
    assert row[-4:] == ["760 ms", "1,180 ms", "71 %", "–"]
    assert Reader(lively.html).row("gpt-5.5")[1:3] == ["231 of 250", "–"]


def test_every_difference_stands_there_with_its_finding_and_its_n(lively: Finished) -> None:
    rows = [[" ".join(cell.split()) for cell in row] for row in Reader(lively.html).rows]
    for each in lively.contest.differences:
        sign = "▼ loss" if each.finding == "loss" else "▲ gain" if each.finding == "gain" else "◇ inconclusive"
        found = [row for row in rows if len(row) == 9 and row[-3:] == [str(each.items), str(each.commits), sign]]
        assert found
    assert "exact match 4.9 pp" in " ".join(Reader(lively.html).text.split())


def test_voids_and_format_failures_are_told_by_class(lively: Finished) -> None:
    (row,) = (row for row in Reader(lively.html).rows if row[0] == "gpt-5.5" and len(row) == 4 and "rate" in row[2])
    assert row[1:] == [
        "231 of 250",
        "12 rate: too many requests, also after the last attempt; 7 timeout: no whole answer in time",
        "31 fenced",
    ]


def test_data_provenance_and_exports_are_told(lively: Finished) -> None:
    read = Reader(lively.html)
    assert read.row("email") == ["email", "46"] and read.row("foreign_licence") == ["foreign_licence", "mine", "12"]
    assert read.row("too_long") == ["too_long", "dataset", "19"]
    assert read.row("export/click.gguf") == ["export/click.gguf", "0.0312", "2.00e-05", "yes"]
    assert read.row("export/merged") == ["export/merged", "0.5000", "2.50e-01", "NO"]
    assert read.row("export/peft") == ["export/peft", "not run", "not run", "not judged"]
    assert read.row("frozen items, SHA-256") == ["frozen items, SHA-256", "d" * 64]
    assert read.row("train.learning_rate") == ["train.learning_rate", "0.001"]
    assert read.row("mine/click.jsonl") == ["mine/click.jsonl", "13,645,570", contests.SHA]
    assert f"make verify RUN=adapters/{lively.folder.name}" in read.text
    assert "Not exported, ollama: no engine here" in read.text


def test_the_nearest_training_line_is_shown_where_there_is_one(lively: Finished, tmp_path: Path) -> None:
    assert lively.html.count("Nearest training line") == 20
    assert "Nearest training line" not in Finished(tmp_path).html


def test_base_and_tuned_alone_make_a_page(tmp_path: Path) -> None:
    alone = Finished(tmp_path, contests.contest(("base", "tuned")), examples=contests.examples(3, "tuned", "base"))
    text = " ".join(Reader(alone.html).text.split())
    assert "copilot was not asked about these items" in text
    assert "Pairs without the tuned model" not in text
    assert loads(alone.html) == []


def test_a_comparison_of_few_items_says_that_nothing_can_be_concluded(tmp_path: Path) -> None:
    few = contests.contest(("base", "tuned"), pairings=[contests.pairing("tuned", "base", 99)])
    page = Finished(tmp_path, few, examples=[])
    said = "With fewer than 100 lines nothing can be concluded, whatever a row says."
    assert said in " ".join(Reader(page.html).text.split()) and said in page.markdown
    assert said not in Finished(tmp_path / "enough", contests.contest(("base", "tuned"))).markdown


def test_a_base_in_a_folder_is_named_without_its_path(tmp_path: Path) -> None:
    assert base_name("/srv/models/my-base") == base_name("../my-base") == "my-base"
    assert base_name("Qwen/Qwen2.5-Coder-1.5B") == "Qwen/Qwen2.5-Coder-1.5B"


def test_a_run_without_items_has_a_page_too(tmp_path: Path) -> None:
    systems = [
        contests.system(name, 0, answered=0, scores={"all": {}, "novel": {}}, latency_p50_ms=None, latency_p95_ms=None)
        for name in ("base", "tuned")
    ]
    nothing = contests.contest(
        ("base", "tuned"),
        differences=[],
        systems=systems,
        pairings=[contests.pairing("tuned", "base", 0, differences=[])],
        cells=[],
        smallest_detectable={},
        verdict="no_benefit_shown",
        sentence="",
    )
    empty = Finished(tmp_path, nothing, examples=[], losses=[], without=("export",))
    text = " ".join(Reader(empty.html).text.split())
    for said in (
        "No figure can be shown",
        "tuned against base: nothing can be said",
        "There is no item to show.",
        "There is none: no line was completed",
        "No step was logged.",
        "Nothing was exported yet.",
        "◇ no benefit shown",
    ):
        assert said in text
    assert "Nothing can be said: there is no interval" in empty.markdown


def test_a_system_with_only_voids_keeps_its_rows_and_has_no_figure(tmp_path: Path) -> None:
    found = contests.contest(("base", "tuned", "copilot"))
    void = contests.system(
        "copilot", answered=0, voids={"quota": 1, "not_asked": 249}, scores={"all": {}, "novel": {}}, tokens=None
    )
    pairings = [
        each if "copilot" not in (each.a, each.b) else dataclasses.replace(each, items=0, voided=250, differences=[])
        for each in found.pairings
    ]
    page = Finished(tmp_path, dataclasses.replace(found, systems=[*found.systems[:2], void], pairings=pairings))
    text = " ".join(Reader(page.html).text.split())
    assert "copilot answered none of the 250 items, which says nothing about its quality" in text
    assert "249 not_asked: the system had stopped, or was told to ask no more; 1 quota" in text
    assert Reader(page.html).row("copilot")[2:8] == ["–"] * 6
    assert "no answer" in text


def test_the_same_run_gives_the_same_page(lively: Finished, tmp_path: Path) -> None:
    folder = tmp_path / lively.folder.name
    again = contests.lively(folder)
    assert (again.html, again.markdown) == (lively.html, lively.markdown)


def test_a_file_that_is_missing_or_no_json_is_named(lively: Finished) -> None:
    manifest, path = contests.manifest(), lively.folder / "eval/comparison.json"
    kept = path.read_text(encoding="utf-8")
    for text, message in (
        (None, f"{path}: no such file\nhint: run `make compare` again; `make verify RUN=...` lists all damage"),
        ("{", f"{path}: not JSON: Expecting property name enclosed in double quotes\nhint: the file was altered, "),
        ("[]", f"{path}: is not an object\nhint: the file was altered, cut short, or is of another version"),
        (json.dumps({**json.loads(kept), "sentence": 3}), f"{path}: `sentence` is 3, wanted str\nhint: "),
    ):
        path.unlink() if text is None else path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError) as raised:
            read_material(manifest, lively.settings, lively.folder)
        assert str(raised.value).startswith(message)
        path.write_text(kept, encoding="utf-8")


def test_examples_that_are_no_list_are_refused(tmp_path: Path) -> None:
    run = Finished(tmp_path)
    run.write("eval/examples.json", "{}")
    with pytest.raises(DataError, match=r"examples\.json: is dict, wanted a list"):
        read_material(contests.manifest(), run.settings, tmp_path)
