from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tuner.dataset.audit import Audit, make_audit
from tuner.errors import DataError, RunError
from tuner.progress import Progress
from tuner.records import Rejected, Row, read_jsonl
from tuner.render import MASKED
from tuner.rundir import Run

from .audited_runs import CUT, LINE, HandMade, item, later, pair, renderer, row, sound_run, valid_row
from .examples import code


def faults(run: HandMade, folder: Path) -> dict[str, int]:
    return {fault.name: fault.count for fault in run.audit(folder).faults}


def audited(folder: Path) -> Audit:
    return make_audit(Run.find(folder), renderer(), Progress())


def test_a_sound_run_has_no_fault(tmp_path: Path) -> None:
    assert faults(sound_run(), tmp_path) == {}


def test_rows_tokens_and_supervised_tokens_are_counted_by_kind(tmp_path: Path) -> None:
    run = sound_run()
    audit = run.audit(tmp_path)
    for kind in ("file", "body", "bugfix"):
        rows = [each for each in run.train if each.kind == kind]
        figures = audit.kinds[kind]
        assert figures.rows == len(rows) == sum(figures.lengths)
        assert figures.tokens == sum(len(each.input_ids) for each in rows)
        assert figures.supervised == sum(label != MASKED for each in rows for label in each.labels)
    assert audit.kinds["edit"].rows == 0
    assert (audit.total.rows, audit.valid.rows, audit.valid_commits) == (4, 2, 2)
    assert audit.valid.supervised == sum(label != MASKED for each in run.valid for label in each.labels)
    assert audit.total.tokens == sum(len(each.input_ids) for each in run.train)


def test_a_fully_masked_row_is_a_fault(tmp_path: Path) -> None:
    run = sound_run()
    run.train[0] = dataclasses.replace(run.train[0], labels=[MASKED] * len(run.train[0].labels))
    (fault,) = run.audit(tmp_path).faults
    assert (fault.name, fault.count) == ("fully_masked", 1)
    assert fault.places == [f"data/train.jsonl:1 (pair {run.train[0].pair_id})"]


def test_labels_shifted_by_one_are_a_fault(tmp_path: Path) -> None:
    run = sound_run()
    shifted = run.train[2]
    run.train[2] = dataclasses.replace(shifted, labels=[*shifted.labels[1:], MASKED])
    assert faults(run, tmp_path)["label_differs"] == 1


def test_labels_of_another_length_are_a_fault(tmp_path: Path) -> None:
    run = sound_run()
    run.train[0] = dataclasses.replace(run.train[0], labels=run.train[0].labels[:-1])
    assert faults(run, tmp_path) == {"label_differs": 1}


def test_a_prompt_that_is_learned_is_a_fault(tmp_path: Path) -> None:
    run = sound_run()
    run.train[2] = dataclasses.replace(run.train[2], labels=list(run.train[2].input_ids))
    assert faults(run, tmp_path) == {"prompt_supervised": 1}


@pytest.mark.parametrize("removed", [1, 4])
def test_a_response_without_its_end_is_cut(tmp_path: Path, removed: int) -> None:
    run = sound_run()
    whole = run.train[2]
    run.train[2] = dataclasses.replace(whole, input_ids=whole.input_ids[:-removed], labels=whole.labels[:-removed])
    assert faults(run, tmp_path) == {"response_cut": 1}


def test_a_response_that_lost_its_middle_end_but_not_its_stop_token_is_cut(tmp_path: Path) -> None:
    run = sound_run()
    end = renderer().end_id
    whole = run.train[2]
    ids, labels = [*whole.input_ids[:-4], end], [*whole.labels[:-4], end]
    run.train[2] = dataclasses.replace(whole, input_ids=ids, labels=labels)
    assert faults(run, tmp_path) == {"response_cut": 1}


def test_a_response_is_compared_as_the_tokenizer_normalises_it(tmp_path: Path) -> None:
    run = sound_run()
    composed = pair("body", "    return 'cafe\u0301'\n")
    run.pairs.append(composed)
    run.train.append(row(composed))
    assert "cafe\u0301" not in renderer().decode(run.train[-1].input_ids)
    assert faults(run, tmp_path) == {}


def test_a_window_of_a_file_needs_no_end(tmp_path: Path) -> None:
    run = sound_run()
    run.train[0] = row(run.pairs[0], end=False)
    del run.train[1]
    run.max_tokens = len(run.train[0].input_ids)
    audit = run.audit(tmp_path)
    assert audit.faults == []
    assert audit.kinds["file"].full == 1


def test_a_row_above_the_limit_is_a_fault(tmp_path: Path) -> None:
    run = sound_run()
    del run.train[1]
    run.max_tokens = len(run.train[0].input_ids) - 1
    assert faults(run, tmp_path) == {"row_too_long": 1}


def test_a_token_that_the_base_does_not_have_is_a_fault(tmp_path: Path) -> None:
    run = sound_run()
    ids, labels = list(run.train[0].input_ids), run.train[0].labels
    run.train[0] = dataclasses.replace(run.train[0], input_ids=[10**6, *ids[1:]], labels=labels)
    assert faults(run, tmp_path) == {"unknown_token": 1}


@pytest.mark.parametrize("side", ["train", "valid"])
def test_a_row_twice_is_a_fault(tmp_path: Path, side: str) -> None:
    run = sound_run()
    rows = getattr(run, side)
    rows.append(rows[1])
    assert faults(run, tmp_path) == {"duplicate_row": 1}


def test_a_row_of_no_pair_is_a_fault(tmp_path: Path) -> None:
    run = sound_run()
    del run.pairs[2]
    assert faults(run, tmp_path) == {"no_pair": 1}


def test_a_piece_of_a_file_that_lost_copied_lines_is_traced_to_its_file(tmp_path: Path) -> None:
    run = sound_run()
    lines = run.pairs[0].response.splitlines(keepends=True)
    run.train[0] = row(dataclasses.replace(run.pairs[0], id="0" * 16, response="".join(lines[3:])), end=False)
    assert faults(run, tmp_path / "unknown") == {"no_pair": 1}
    run.data_rejected.append(Rejected(run.pairs[0].id, "dataset", "copy_of_future"))
    audit = run.audit(tmp_path / "known")
    assert audit.faults == []
    assert sum(share.tokens for share in audit.folders) == audit.total.tokens


def test_a_commit_of_items_in_training_is_a_leak(tmp_path: Path) -> None:
    run = sound_run()
    run.items.append(item("    ledger.close(everything=True)", commit="a" * 40))
    (fault,) = run.audit(tmp_path).faults
    assert fault.name == "commit_in_two_splits"
    assert fault.places == [f"commit {'a' * 40}, data/train.jsonl:4 (pair {run.train[3].pair_id})"]


def test_both_sides_of_the_cut_are_checked(tmp_path: Path) -> None:
    run = sound_run()
    late = pair("body", "    return ledger.last()\n", age=-1)
    run.pairs.append(late)
    run.train.append(row(late))
    run.items.append(item("    ledger.close(everything=True)", at=CUT.committed_at))
    early = later(code("early", 1), age=0)
    run.additions.append(early)
    run.valid.append(valid_row(early))
    assert faults(run, tmp_path) == {"wrong_side_of_cut": 3}


def test_a_commit_kept_for_validation_in_training_is_a_fault(tmp_path: Path) -> None:
    run = sound_run()
    leaked = pair("bugfix", "total += 2\n", commit="b" * 40)
    run.pairs.append(leaked)
    run.train.append(row(leaked))
    (fault,) = run.audit(tmp_path).faults
    place = f"data/train.jsonl:5 (pair {leaked.id}): commit {'b' * 40}"
    assert (fault.name, fault.places) == ("train_and_valid", [place])


def test_a_commit_kept_for_validation_that_gives_an_item_is_a_fault_also_where_it_gives_no_row(tmp_path: Path) -> None:
    run = sound_run()
    run.items.append(item("    ledger.close(everything=True)", commit="9" * 40))
    (fault,) = run.audit(tmp_path).faults
    assert (fault.name, fault.places) == ("valid_and_items", [f"commit {'9' * 40}"])


def test_a_validation_row_of_another_commit_is_a_fault(tmp_path: Path) -> None:
    run = sound_run()
    other = later(code("purse", 1), commit="e" * 40)
    run.additions.append(other)
    run.valid.append(valid_row(other))
    assert faults(run, tmp_path) == {"valid_elsewhere": 1}


def test_a_novel_item_whose_line_is_trained_is_a_fault(tmp_path: Path) -> None:
    run = sound_run()
    seen = pair("file", f"def total(ledger):\n{LINE}\n    return ledger_total\n", "shop/total.py")
    run.pairs.append(seen)
    run.train.append(row(seen))
    assert faults(run, tmp_path / "novel") == {"novel_line_trained": 1}
    run.items[0] = dataclasses.replace(run.items[0], novel=False)
    audit = run.audit(tmp_path / "known")
    assert audit.faults == []
    assert (audit.items.long_lines, audit.items.lines_trained) == (2, 1)


def test_a_line_that_is_only_part_of_a_trained_line_is_not_known(tmp_path: Path) -> None:
    run = sound_run()
    near = pair("file", f"{LINE}[1:]\n", "shop/total.py")
    run.pairs.append(near)
    run.train.append(row(near))
    assert faults(run, tmp_path) == {}


@pytest.mark.parametrize("name", ["data/train.jsonl", "data/eval_items.jsonl", "mined/pairs.jsonl"])
def test_an_altered_file_is_a_fault(tmp_path: Path, name: str) -> None:
    folder = sound_run().write(tmp_path)
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    (folder / name).write_text("\n".join(lines[::-1]) + "\n", encoding="utf-8")
    (fault,) = audited(folder).faults
    assert (fault.name, fault.places) == ("altered", [name])


def test_only_the_first_places_of_a_fault_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    run = sound_run()
    run.train += [run.train[2]] * 30
    (fault,) = run.audit(tmp_path).faults
    assert fault.count == 30
    assert len(fault.places) == 8


def test_rejections_are_counted_by_what_was_rejected(tmp_path: Path) -> None:
    run = sound_run()
    run.mine_rejected = [
        Rejected("a" * 40, "mine", "merge"),
        Rejected("b" * 40, "mine", "merge"),
        Rejected("shop/vendor/x.py", "mine", "vendored"),
    ]
    run.data_rejected = [Rejected("0" * 16, "dataset", "too_long")]
    reasons = [(each.room, each.what, each.reason, each.count) for each in run.audit(tmp_path).reasons]
    assert reasons == [
        ("dataset", "pair or addition", "too_long", 1),
        ("mine", "commit", "merge", 2),
        ("mine", "file", "vendored", 1),
    ]


def test_the_funnel_goes_from_commits_to_rows(tmp_path: Path) -> None:
    funnel = [(each.before, each.after) for each in sound_run().audit(tmp_path).funnel]
    assert funnel == [(40, 14), (9, 6), (4, 4), (9, 4), (3, 2)]


def test_training_code_is_dated_and_the_cut_lies_before_the_items(tmp_path: Path) -> None:
    audit = sound_run().audit(tmp_path)
    assert audit.ages.unit == "month"
    assert sum(audit.ages.tokens) == audit.total.tokens
    assert sum(audit.ages.tokens[audit.ages.cut + 1 :]) == 0
    assert sum(audit.ages.items[: audit.ages.cut + 1]) == 0
    assert sum(audit.ages.items) == 2


def test_three_rows_of_each_kind_are_drawn_the_same_every_time(tmp_path: Path) -> None:
    run = sound_run()
    more = [pair("body", f"    return step_{number}()\n", "shop/tax.py") for number in range(40)]
    run.pairs += more
    run.train += [row(each) for each in more]
    first = run.audit(tmp_path / "one").previews
    assert [each.kind for each in first] == ["file", "file", "body", "body", "body", "bugfix"]
    assert first == run.audit(tmp_path / "two").previews
    assert len({each.place for each in first}) == len(first)


def test_malformed_files_are_named(tmp_path: Path) -> None:
    folder = sound_run().write(tmp_path)
    (folder / "data/train.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"train\.jsonl:1: missing key"):
        audited(folder)
    (folder / "data/split.json").write_text('{"sha256": {}}', encoding="utf-8")
    with pytest.raises(DataError, match=r"split\.json: no split of this version"):
        audited(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(RunError, match="not a run"):
        Run.find(folder)


def test_the_rows_written_by_hand_are_whole(tmp_path: Path) -> None:
    folder = sound_run().write(tmp_path)
    rows = list(read_jsonl(folder / "data/train.jsonl", Row))
    assert renderer().decode(rows[0].input_ids).endswith(code("cart", 2))
