from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tuner.dataset.sample import Pool, PooledRow, choose_rows
from tuner.records import PAIR_KINDS, PairKind, Row, read_jsonl, to_json

SHARES: dict[PairKind, float] = {"file": 0.7, "infilling": 0.12, "body": 0.08, "edit": 0.1}
ROWS = st.lists(
    st.builds(
        PooledRow,
        key=st.integers(0, 2**64 - 1),
        kind=st.sampled_from(PAIR_KINDS),
        tokens=st.integers(1, 100),
        supervised=st.just(1),
        offset=st.integers(0, 10**6),
    ),
    max_size=120,
    unique_by=lambda row: row.offset,
)


def rows_of(kind: PairKind, count: int, tokens: int = 50) -> list[PooledRow]:
    start = 10_000 * PAIR_KINDS.index(kind)
    return [PooledRow((start + i) * 7919 % 2**20, kind, tokens, 1, start + i) for i in range(count)]


@given(ROWS, st.integers(100, 4000), st.randoms())
def test_the_budget_holds_and_the_order_of_the_rows_does_not_matter(rows: list[PooledRow], budget: int, chance) -> None:  # type: ignore[no-untyped-def]
    chosen = choose_rows(rows, SHARES, budget)
    assert sum(row.tokens for row in chosen) <= budget
    assert len(set(chosen)) == len(chosen)
    chance.shuffle(rows)
    assert choose_rows(rows, SHARES, budget) == chosen


def test_each_kind_gets_its_share_within_one_row() -> None:
    rows = [row for kind in PAIR_KINDS for row in rows_of(kind, 400)]
    chosen = choose_rows(rows, SHARES, 10_000)
    for kind in PAIR_KINDS:
        tokens = sum(row.tokens for row in chosen if row.kind == kind)
        assert SHARES[kind] * 10_000 - 50 <= tokens <= SHARES[kind] * 10_000


def test_a_kind_that_runs_out_leaves_its_share_to_whole_files() -> None:
    rows = [*rows_of("file", 400), *rows_of("infilling", 400), *rows_of("edit", 400)]
    chosen = choose_rows(rows, SHARES, 10_000)
    tokens = {kind: sum(row.tokens for row in chosen if row.kind == kind) for kind in PAIR_KINDS}
    assert tokens == {"file": 7800, "infilling": 1200, "body": 0, "edit": 1000}


def test_files_that_run_out_leave_their_share_to_the_other_kinds() -> None:
    rows = [*rows_of("file", 2), *rows_of("infilling", 400), *rows_of("edit", 400)]
    assert sum(row.tokens for row in choose_rows(rows, SHARES, 10_000)) == 10_000


def test_a_kind_without_a_share_inherits_nothing() -> None:
    shares: dict[PairKind, float] = {"file": 1.0, "infilling": 0.0, "body": 0.0, "edit": 0.0}
    assert {row.kind for row in choose_rows([*rows_of("file", 2), *rows_of("edit", 9)], shares, 10_000)} == {"file"}


def test_no_budget_keeps_every_row() -> None:
    rows = [row for kind in PAIR_KINDS for row in rows_of(kind, 9)]
    assert sorted(choose_rows(rows, SHARES, None), key=lambda row: row.offset) == rows


def test_the_pool_gives_back_the_very_rows_in_the_order_asked(tmp_path: Path) -> None:
    rows = [Row(f"pair {number}", "file", [1, 2, number], [-100, 2, number]) for number in range(5)]
    with Pool(tmp_path / "pool", 1) as pool:
        for row in rows:
            pool.add(row, 0)
        assert [place.supervised for place in pool.rows] == [2] * 5
        pool.write(tmp_path / "rows.jsonl", pool.rows[::-1])
    assert list(read_jsonl(tmp_path / "rows.jsonl", Row)) == rows[::-1]
    assert (tmp_path / "rows.jsonl").read_text().splitlines()[0] == to_json(rows[-1])
