from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tuner.dataset.sample import Pool, PooledRow, above_folder_share, choose_rows, folder_of
from tuner.records import PAIR_KINDS, PairKind, Row, read_jsonl, to_json

from .examples import file_pair

SHARES: dict[PairKind, float] = {kind: 0.04 for kind in PAIR_KINDS} | {"file": 0.64}
FOLDERS = [("shop", "src"), ("shop", "tests"), ("bank", "src")]
ROWS = st.lists(
    st.builds(
        PooledRow,
        turn=st.floats(0, 50),
        key=st.integers(0, 2**64 - 1),
        kind=st.sampled_from(PAIR_KINDS),
        tokens=st.integers(1, 100),
        supervised=st.just(1),
        folder=st.sampled_from(FOLDERS),
        path=st.just("src/a.py"),
        offset=st.integers(0, 10**6),
    ),
    max_size=120,
    unique_by=lambda row: row.offset,
)


def rows_of(kind: PairKind, count: int, tokens: int = 50, folder: int = 0) -> list[PooledRow]:
    start = 10_000 * (PAIR_KINDS.index(kind) + 10 * folder)
    return [
        PooledRow(
            i * 7919 % 101 / 7, (start + i) * 7919 % 2**20, kind, tokens, 1, FOLDERS[folder], "src/a.py", start + i
        )
        for i in range(count)
    ]


def tokens_of(chosen: list[PooledRow]) -> dict[PairKind, int]:
    return {kind: sum(row.tokens for row in chosen if row.kind == kind) for kind in PAIR_KINDS}


def from_folder(chosen: list[PooledRow], folder: int) -> int:
    return sum(row.tokens for row in chosen if row.folder == FOLDERS[folder])


@given(ROWS, st.integers(100, 4000), st.sampled_from([0.3, 0.5, 1.0]), st.randoms())
def test_the_budget_holds_and_the_order_of_the_rows_does_not_matter(  # type: ignore[no-untyped-def]
    rows: list[PooledRow], budget: int, folder_share: float, chance
) -> None:
    chosen = choose_rows(rows, SHARES, budget, folder_share)
    assert sum(row.tokens for row in chosen) <= budget
    assert len(set(chosen)) == len(chosen)
    chance.shuffle(rows)
    assert choose_rows(rows, SHARES, budget, folder_share) == chosen


def test_each_kind_gets_its_share_within_one_row() -> None:
    rows = [row for kind in PAIR_KINDS for row in rows_of(kind, 400)]
    for folder_share in (0.5, 1.0):  # a limit that nobody but one folder can meet changes no kind's share
        tokens = tokens_of(choose_rows(rows, SHARES, 10_000, folder_share))
        for kind in PAIR_KINDS:
            assert round(SHARES[kind] * 10_000) - 50 <= tokens[kind] <= SHARES[kind] * 10_000 + 50


def test_a_kind_that_runs_out_leaves_its_share_to_whole_files() -> None:
    rows = [row for kind in PAIR_KINDS if kind not in ("body", "question") for row in rows_of(kind, 400)]
    tokens = tokens_of(choose_rows(rows, SHARES, 10_000, 1.0))
    assert tokens["file"] == 7_200 and tokens["body"] == tokens["question"] == 0
    assert all(tokens[kind] == SHARES[kind] * 10_000 for kind in ("syntax_infilling", "edit", "message"))


def test_files_that_run_out_leave_their_share_to_the_other_kinds() -> None:
    rows = [*rows_of("file", 2), *rows_of("line_infilling", 400), *rows_of("edit", 400)]
    assert sum(row.tokens for row in choose_rows(rows, SHARES, 10_000, 1.0)) == 10_000


def test_a_kind_without_a_share_inherits_nothing() -> None:
    shares: dict[PairKind, float] = dict.fromkeys(PAIR_KINDS, 0.0) | {"file": 1.0}
    chosen = choose_rows([*rows_of("file", 2), *rows_of("edit", 9)], shares, 10_000, 0.5)
    assert {row.kind for row in chosen} == {"file"}


def test_no_budget_keeps_every_row() -> None:
    rows = [row for kind in PAIR_KINDS for row in rows_of(kind, 9)]
    assert sorted(choose_rows(rows, SHARES, None, 0.1), key=lambda row: row.offset) == rows


def test_the_rows_with_the_earliest_turns_are_chosen_and_lie_in_another_order() -> None:
    rows = rows_of("file", 100)
    chosen = choose_rows(rows, SHARES, 1_500, 1.0)
    assert len(chosen) == 30
    assert max(row.turn for row in chosen) <= min(row.turn for row in set(rows) - set(chosen))
    assert [row.key for row in chosen] == sorted(row.key for row in chosen)
    assert [row.turn for row in chosen] != sorted(row.turn for row in chosen)


def test_no_folder_gives_more_than_its_share_while_another_has_rows() -> None:
    rows = [row for kind in PAIR_KINDS for row in [*rows_of(kind, 400), *rows_of(kind, 200, folder=1)]]
    free, bound = (choose_rows(rows, SHARES, 10_000, share) for share in (1.0, 0.5))
    assert from_folder(free, 0) > 5_500
    assert from_folder(bound, 0) <= 5_000
    assert sum(row.tokens for row in bound) > 9_900
    assert above_folder_share(bound, 10_000, 0.5) == 0 < above_folder_share(free, 10_000, 0.5)


@given(ROWS, st.integers(500, 4000))
def test_a_folder_above_its_share_means_that_no_row_of_another_was_left(rows: list[PooledRow], budget: int) -> None:
    chosen = choose_rows(rows, SHARES, budget, 0.5)
    room = budget - sum(row.tokens for row in chosen)
    over = [folder for folder in FOLDERS if sum(row.tokens for row in chosen if row.folder == folder) > 0.5 * budget]
    left = [row for row in set(rows) - set(chosen) if row.folder not in over]
    # what is left would have gone above the share of its own folder, or did not fit when its turn came
    for row in left if over else []:
        own = sum(each.tokens for each in chosen if each.folder == row.folder)
        assert own + row.tokens > 0.5 * budget or row.tokens > room or room < 100


def test_a_single_folder_gives_all_and_that_is_counted() -> None:
    chosen = choose_rows(rows_of("file", 400), SHARES, 10_000, 0.4)
    assert from_folder(chosen, 0) == 10_000
    assert above_folder_share(chosen, 10_000, 0.4) == 6_000


def test_files_of_one_folder_name_in_two_repositories_are_in_two_folders() -> None:
    assert folder_of(("shop", "src/a.py")) != folder_of(("bank", "src/a.py"))
    assert folder_of(("shop", "a.py")) == ("shop", ".")


def test_the_pool_gives_back_the_very_rows_in_the_order_asked(tmp_path: Path) -> None:
    rows = [Row(f"pair {number}", "file", [1, 2, number], [-100, 2, number]) for number in range(5)]
    with Pool(tmp_path / "pool", 1) as pool:
        for row in rows:
            pool.add(row, 0, file_pair("src/a.py", "a = 1\n"))
        assert [place.supervised for place in pool.rows] == [2] * 5
        assert pool.tokens["file"] == pool.folder_tokens["file", ("shop", "src")] == 15
        pool.write(tmp_path / "rows.jsonl", pool.rows[::-1])
    assert list(read_jsonl(tmp_path / "rows.jsonl", Row)) == rows[::-1]
    assert (tmp_path / "rows.jsonl").read_text().splitlines()[0] == to_json(rows[-1])


def test_the_rows_of_a_heavier_pair_are_drawn_more_often(tmp_path: Path) -> None:
    chosen = 0
    with Pool(tmp_path / "pool", 1) as pool:
        for number in range(600):
            weight = 1.0 if number % 2 else 0.25
            pool.add(
                Row(f"pair {number}", "file", [1] * 10, [1] * 10),
                0,
                file_pair(f"{weight}.py", "a = 1\n", weight=weight),
            )
        chosen = choose_rows(pool.rows, SHARES, 600, 1.0)
    heavy = sum(row.path == "1.0.py" for row in chosen) / len(chosen)
    assert 0.7 < heavy < 0.9  # 0.8 of the first draw
