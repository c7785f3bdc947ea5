from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuner.dataset.pair_file import altered
from tuner.errors import DataError
from tuner.recipe import DatasetSettings
from tuner.records import (
    CHAT_KINDS,
    PAIR_KINDS,
    Addition,
    Item,
    Neighbour,
    Pair,
    PairKind,
    Rejected,
    Row,
    read_jsonl,
    sha256_file,
    write_jsonl,
)
from tuner.render import MASKED

from .examples import (
    CUT,
    addition,
    code,
    each_kind,
    file_pair,
    later_additions,
    make_dataset,
    pair_of,
    renderer,
    run_stage,
    shop,
)

FILES = ("train.jsonl", "valid.jsonl", "eval_items.jsonl", "split.json", "rejected.jsonl", "README.md")


def rows_in(folder: Path, name: str = "train") -> list[Row]:
    return list(read_jsonl(folder / f"out/data/{name}.jsonl", Row))


def items_in(folder: Path) -> list[Item]:
    return list(read_jsonl(folder / "out/data/eval_items.jsonl", Item))


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    pairs, additions = shop()
    for name in ("one", "other"):
        make_dataset(tmp_path / name, pairs, additions)
    for name in FILES:
        assert (tmp_path / "one/out/data" / name).read_bytes() == (tmp_path / "other/out/data" / name).read_bytes(), (
            name
        )


def test_the_order_of_the_input_changes_no_row_and_no_item(tmp_path: Path) -> None:
    pairs, additions = shop()
    make_dataset(tmp_path / "one", pairs, additions)
    random.Random(1).shuffle(pairs)
    random.Random(2).shuffle(additions)
    make_dataset(tmp_path / "other", pairs, additions)
    for name in ("train.jsonl", "valid.jsonl", "eval_items.jsonl", "rejected.jsonl"):
        assert (tmp_path / "one/out/data" / name).read_bytes() == (tmp_path / "other/out/data" / name).read_bytes(), (
            name
        )


def test_no_commit_is_in_two_splits_and_every_item_is_later_than_every_row(tmp_path: Path) -> None:
    pairs, additions = shop()[0], later_additions(20)
    make_dataset(tmp_path, pairs, additions, DatasetSettings(valid_share=0.25))
    by_id: dict[str, Pair | Addition] = {each.id: each for each in [*pairs, *additions]}
    train, valid = ([by_id[row.pair_id] for row in rows_in(tmp_path, name)] for name in ("train", "valid"))
    items = items_in(tmp_path)
    sides = [{each.commit for each in side} for side in (train, valid, items)]
    assert all(sides) and sum(map(len, sides)) == len(set.union(*sides))
    assert max(pair.committed_at for pair in train) < min(each.committed_at for each in [*valid, *items])
    assert {pair.path for pair in pairs if pair.kind == "file"} == {pair.path for pair in train if pair.kind == "file"}


def test_an_addition_planted_in_a_training_file_is_taken_out_and_counted(tmp_path: Path) -> None:
    pairs, additions = shop()
    clean = make_dataset(tmp_path / "clean", pairs, additions, DatasetSettings(valid_share=0))
    leak = file_pair(
        "shop/leak.py", code("parcel_box") + additions[0].added.replace("    ", "\t") + code("invoice_box")
    )
    dataset = make_dataset(tmp_path / "leaky", [*pairs, leak], additions, DatasetSettings(valid_share=0))
    assert clean.metrics["dataset.near_duplicates"] == 0 == clean.counts["lines_cut"]
    assert dataset.metrics["dataset.near_duplicates"] == 1
    assert dataset.counts["lines_cut"] >= 10
    learned = "".join(renderer().decode(row.input_ids) for row in rows_in(tmp_path / "leaky"))
    assert "wallet_ledger" not in learned
    assert "parcel_box_ledger" in learned and "invoice_box_ledger" in learned
    rejected = list(read_jsonl(tmp_path / "leaky/out/data/rejected.jsonl", Rejected))
    assert Rejected(leak.id, "dataset", "copy_of_future") in rejected


def brute_force(text: str, added: str, threshold: float = 0.7) -> bool:
    """Say whether any window of a text, as long as the addition, has enough of its 5-grams: no hashes, no filters."""
    words, wanted = re.findall(r"[A-Za-z_0-9]+", text), re.findall(r"[A-Za-z_0-9]+", added)
    theirs = {tuple(wanted[at : at + 5]) for at in range(len(wanted) - 4)}
    for start in range(max(1, len(words) - len(wanted) + 1)):
        window = words[start : start + len(wanted)]
        ours = {tuple(window[at : at + 5]) for at in range(len(window) - 4)}
        if len(ours & theirs) >= threshold * len(ours | theirs):
            return True
    return False


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(PAIR_KINDS),
    edits=st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["extra_name", "", "7"])), max_size=5),
    indent=st.sampled_from(["", "    ", "\t\t"]),
    place=st.sampled_from(["moved", "renamed", "split"]),
    max_tokens=st.sampled_from([96, 512]),
)
def test_no_training_row_shows_a_copy_of_an_addition(
    tmp_path_factory: pytest.TempPathFactory,
    kind: PairKind,
    edits: list[tuple[int, str]],
    indent: str,
    place: str,
    max_tokens: int,
) -> None:
    folder = tmp_path_factory.mktemp("leak")
    pairs, additions = shop()
    words = re.split(r"(\W+)", additions[0].added)
    for at, new in edits:
        words[2 * (at % (len(words) // 2))] = new
    copy = "".join(indent + line for line in "".join(words).splitlines(keepends=True))
    path = "shop/renamed_wallet.py" if place == "renamed" else "shop/wallet.py"
    old, half = code("tax", 2), len(copy) // 2
    if kind == "file":
        leaks = [file_pair(path, old + copy + code("cart", 2))]
    elif kind in CHAT_KINDS:
        leaks = [
            pair_of(kind, "x_tax = 1\n", path, context=old + copy, instruction="Move it"),
            pair_of(kind, old + copy, path, instruction="Move it there"),
            pair_of(kind, "x_tax = 2\n", path, instruction=copy),
            pair_of(kind, copy[half:], path, context=copy[:half]),
        ]
    else:
        beside = [Neighbour("shop/beside.py", old + copy)]
        leaks = [
            pair_of(kind, copy, path, context=old, suffix=old),
            pair_of(kind, "x_tax = 1\n", path, context=old + copy, suffix=old),
            pair_of(kind, "x_tax = 2\n", path, context=old, suffix=copy),
            pair_of(kind, "x_tax = 3\n", path, context=copy[:half], suffix=copy[half:]),
            pair_of(kind, copy[half - 9 : half], path, context=copy[: half - 9], suffix=copy[half:]),
            pair_of(kind, "x_tax = 4\n", path, context=old, neighbours=beside),
            pair_of(kind, "y = 1\n", path, context=copy[half:], neighbours=[Neighbour("a.py", copy[:half])]),
        ]
    chosen = DatasetSettings(valid_share=0.2, max_tokens=max_tokens, max_train_tokens=None, items_per_commit=1)
    make_dataset(folder, [*pairs, *leaks], additions, chosen)
    planted = brute_force(old + copy, additions[0].added)
    assert planted or edits  # the copy is one, unless it was edited too much
    for row in rows_in(folder):
        assert not any(brute_force(renderer().decode(row.input_ids), each.added) for each in additions)


def test_a_copy_in_a_row_is_seen_where_nothing_is_evaluated(tmp_path: Path) -> None:
    pairs, additions = shop()
    make_dataset(tmp_path, [*pairs, file_pair("a.py", additions[0].added)], [], DatasetSettings(valid_share=0))
    assert any(brute_force(renderer().decode(row.input_ids), additions[0].added) for row in rows_in(tmp_path))


def test_what_was_written_is_searched_before_the_stage_ends(tmp_path: Path) -> None:
    pairs, additions = shop()
    secret = "hunter2hunter2"
    before = code("box", 1) + "password = "
    hole = pair_of("line_infilling", f'"{secret[:7]}', context=before, suffix=f'{secret[7:]}"\n')
    seen: list[tuple[str, str]] = []

    def refuse(texts: Iterable[tuple[str, str]]) -> None:
        for where, text in texts:
            seen.append((where, text))
            if secret in text:
                raise DataError(f"{where}: a secret")

    make_dataset(tmp_path, pairs, additions)
    run_stage(tmp_path, require_clean=refuse)
    rows = [row.pair_id for name in ("train", "valid") for row in rows_in(tmp_path, name)]
    assert [where.rpartition(" ")[2] for where, _ in seen] == rows + [item.id for item in items_in(tmp_path)]
    assert any(item.prefix + item.target + item.suffix == seen[-1][1] for item in items_in(tmp_path))
    write_jsonl(tmp_path / "mined/pairs.jsonl", [*pairs, hole])
    with pytest.raises(DataError, match=f"data/train.jsonl: row of pair {hole.id}: a secret"):
        run_stage(tmp_path, DatasetSettings(valid_share=0), require_clean=refuse)


def test_rows_of_every_kind_come_from_pairs_of_several_repositories(tmp_path: Path) -> None:
    pairs = [pair for number in range(4) for pair in each_kind(f"topic{number}", f"{number:040x}")]
    pairs += [altered(pair, repo="bank", response=pair.response + "# bank\n") for pair in pairs[:9]]
    dataset = make_dataset(tmp_path, pairs, [], DatasetSettings(valid_share=0, max_train_tokens=None))
    assert all(dataset.counts[f"train_rows.{kind}"] >= 3 for kind in PAIR_KINDS)
    assert "from bank, shop." in (tmp_path / "out/data/README.md").read_text(encoding="utf-8")


def test_an_item_is_novel_unless_its_line_stands_in_a_pair(tmp_path: Path) -> None:
    known, fresh = "shared_total = shop.total(1)", "fresh_total = shop.total(2)"
    pairs = [*shop()[0], file_pair("shop/known.py", code("known") + f"    {known}\n")]
    make_dataset(tmp_path, pairs, [addition(f"{known}\n{fresh}\n")])
    novel = {(item.prefix + item.target).split("\n")[-1]: item.novel for item in items_in(tmp_path)}
    assert novel == {known: False, fresh: True}


def test_no_additions_give_an_empty_items_file_and_training_goes_on(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, shop()[0], [])
    assert items_in(tmp_path) == []
    assert dataset.metrics["dataset.items"] == 0 and dataset.metrics["dataset.train_rows"] > 0


def test_no_training_row_stops_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of its 0 pairs gives a training row") as caught:
        make_dataset(tmp_path, [], [])
    assert caught.value.hint and "mine.include" in caught.value.hint


def test_the_counts_add_up(tmp_path: Path) -> None:
    pairs, additions = shop()
    dataset = make_dataset(tmp_path, [*pairs, pairs[0]], additions)
    train = rows_in(tmp_path)
    assert dataset.metrics["dataset.train_rows"] == len(train)
    assert dataset.metrics["dataset.train_tokens"] == sum(len(row.input_ids) for row in train)
    assert dataset.metrics["dataset.supervised_tokens"] == sum(label != MASKED for row in train for label in row.labels)
    assert dataset.metrics["dataset.commits"] == len({item.commit for item in items_in(tmp_path)}) == 5
    kept = sum(dataset.counts[f"pairs.{kind}"] for kind in PAIR_KINDS)
    assert dataset.counts["pairs"] == len(pairs) + 1 == kept + dataset.rejected_counts["duplicate"]


def test_the_split_file_names_the_cut_and_the_hashes_of_all_files(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, *shop())
    split = json.loads((tmp_path / "out/data/split.json").read_text(encoding="utf-8"))
    assert split["cut"]["commit"] == CUT.commit
    assert split["counts"] == dataset.counts
    for name, digest in split["sha256"].items():
        folder = tmp_path if name.startswith("mined/") else tmp_path / "out"
        assert sha256_file(folder / name) == digest
    assert split["sha256"][dataset.items] == dataset.items_sha256


@pytest.mark.parametrize("name", ["pairs", "additions"])
def test_a_malformed_input_line_stops_with_file_and_line(tmp_path: Path, name: str) -> None:
    make_dataset(tmp_path, *shop())
    path = tmp_path / f"mined/{name}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[2] = lines[2][:-5]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        run_stage(tmp_path)
    assert caught.value.message.startswith(f"{path}:3: not JSON")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(-3, 3), st.integers(-3, 3))
def test_a_dataset_is_made_only_where_the_cut_separates_the_sides(
    tmp_path_factory: pytest.TempPathFactory, before: int, after: int
) -> None:
    folder = tmp_path_factory.mktemp("split")
    pairs = [file_pair("shop/tax.py", code("tax"), at=CUT.committed_at + before)]
    additions = [addition("later_total = 1\n", at=CUT.committed_at + after)]
    if before <= 0 < after:
        make_dataset(folder, pairs, additions)
    else:
        with pytest.raises(DataError, match="the cut 1000000"):
            make_dataset(folder, pairs, additions)


def test_the_room_starts_without_torch_and_transformers() -> None:
    program = "import sys, tuner.dataset.stage; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
