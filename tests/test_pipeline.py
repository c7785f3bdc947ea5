"""From a repository to its report in one command: what comes out, what a second command does, and what stays out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest
from tokenizers import Tokenizer

from benchmarks import results
from tests.pipelines import COMMITS, ROOT, TIMED, Finished, arguments, differing, finished_run, hashes, tuner, untimed
from tests.tiny_repo import PEOPLE, PLANTED_EMAIL, PLANTED_SECRET, build_tiny_repo, git
from tuner import bases
from tuner.records import Adapter, Addition, Item, Mined, Pair, Row, read_jsonl, write_jsonl
from tuner.replayed import Replay
from tuner.rundir import Run

EVALUATED = ["evaluate-base", "evaluate-tuned", "probe-base", "probe-tuned", "recall"]
STAGES = ["mine", "dataset", "train", *EVALUATED, "compare", "export", "report"]
METRICS = ("bits_per_byte", "exact_match", "edit_similarity", "identifier_f1", "chars_saved_ratio")
PROBED = ("stdlib_bits_per_byte", "verbatim_span_rate", "secrets_written")
FORGOTTEN = "stdlib_bits_per_byte_relative"
WANTED_METRICS = {
    *("mine.commits_per_second", "mine.pairs", "dataset.train_tokens", "eval.items", "verdict"),
    *(f"train.{name}" for name in ("tokens_per_second", "seconds", "peak_memory_gib", "loss_final", "best_step")),
    *(f"train.valid_{name}_{which}" for name in ("loss", "bits_per_byte") for which in ("base", "best", "final")),
    *(f"eval.{system}.{name}" for system in ("base", "tuned") for name in METRICS),
    *(f"eval.{system}.latency_p{share}_ms" for system in ("base", "tuned") for share in (50, 95)),
    *(f"eval.{system}.{name}" for system in ("base", "tuned") for name in PROBED),
    *(f"eval.tuned_vs_base.{name}.{end}" for name in (*METRICS, FORGOTTEN) for end in ("delta", "low", "high")),
}
WANTED_FILES = {
    *("manifest.json", "recipe.yaml", "metrics.json", "metrics.jsonl", "timings.jsonl", "loss.svg"),
    *("report/index.html", "report/report.md"),
    *("mined/pairs.jsonl", "mined/additions.jsonl", "mined/rejected.jsonl"),
    *(f"data/{name}" for name in ("train.jsonl", "valid.jsonl", "eval_items.jsonl", "split.json", "README.md")),
    *("adapter/adapter_model.safetensors", "adapter/adapter_config.json"),
    *(f"eval/{system}.{part}" for system in ("base", "tuned") for part in ("predictions.jsonl", "scores.json")),
    *("eval/base.probes.json", "eval/tuned.probes.json", "eval/recall.json"),
    *("eval/comparison.json", "export/parity.json", "export/peft/adapter_model.safetensors"),
    *("export/merged/model.safetensors", "export/gguf/base-f16.gguf", "export/gguf/adapter-f32.gguf"),
}
# What a run folder holds beside the files of its stages.
OWN_FILES = {"manifest.json", "metrics.json", "recipe.yaml", ".lock"}
KEPT_QUIET = [PLANTED_SECRET, PLANTED_EMAIL, *(who.split("<")[1].rstrip(">") for who in PEOPLE.values())]
IN_A_PROCESS = """
import sys
from tuner.cli import main
status = main(sys.argv[1:])
print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


def screen_lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def states(err: str) -> dict[str, str]:
    """Give each stage's state as its line on the screen says it."""
    found = {line.split()[0]: line for line in err.splitlines() if line.split()[:1] and line.split()[0] in STAGES}
    words = {"kept": "(done before, kept)", "reused": "(same work in another run, reused)"}
    return {
        name: next((state for state, ending in words.items() if line.endswith(ending)), "done")
        for name, line in found.items()
    }


def finite_numbers(text: str) -> dict[str, object]:
    """Read JSON that holds no NaN and no infinity."""

    def refuse(word: str) -> NoReturn:
        raise AssertionError(f"{word} stands in the metrics")

    return json.loads(text, parse_constant=refuse)


def speaking(folder: Path, tokenizer: Tokenizer) -> dict[str, str]:
    """List each word that must stay out, with the file in which it stands, as text or as tokens."""
    found = {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        text = path.read_bytes().decode("utf-8", "replace")
        if path.name in ("train.jsonl", "valid.jsonl"):
            text += "".join(tokenizer.decode(row.input_ids) for row in read_jsonl(path, Row))
        found |= {word: path.relative_to(folder).as_posix() for word in KEPT_QUIET if word in text}
    return found


def leaks(folder: Path, repo: Path, mined: Mined) -> list[str]:
    """List rows and items on the wrong side of the cut, and of commits that both validate and evaluate, by git."""
    past = set(git(repo, "rev-list", mined.cut.commit).split())
    pairs = {pair.id: pair for pair in read_jsonl(folder / "mined/pairs.jsonl", Pair)}
    additions = {each.id: each for each in read_jsonl(folder / "mined/additions.jsonl", Addition)}
    learned = [pairs[row.pair_id] for row in read_jsonl(folder / "data/train.jsonl", Row)]
    validated = [additions[row.pair_id] for row in read_jsonl(folder / "data/valid.jsonl", Row)]
    items = list(read_jsonl(folder / "data/eval_items.jsonl", Item))
    assert learned and validated and items
    asked = [*validated, *items]
    late = {pair.id for pair in learned if pair.commit not in past or pair.committed_at > mined.cut.committed_at}
    early = {each.id for each in asked if each.commit in past or each.committed_at <= mined.cut.committed_at}
    shared = {each.id for each in validated if each.commit in {item.commit for item in items}}
    return sorted(late | early | shared)


def test_the_command_ends_well_and_leaves_all_files_of_a_run(finished: Finished) -> None:
    assert finished.answer.status == 0
    assert states(finished.answer.err) == dict.fromkeys(STAGES, "done")
    files = set(hashes(finished.folder))
    assert WANTED_FILES - files == set()
    recorded = {path for entry in finished.run.stages for path in entry["outputs"]}
    assert files - OWN_FILES == recorded  # nothing lies about that no stage answers for


def test_a_base_without_a_recipe_of_its_own_is_told_what_the_defaults_suit(finished: Finished) -> None:
    said = (
        "recipe     defaults (those of the embedded base; a larger one wants a lower train.learning_rate, about 2e-4, "
        "and one with infilling tokens more infilling in dataset.shares, as in recipes/qwen2.5-coder-7b-lora.yaml)\n"
    )
    assert said in finished.answer.err


def test_the_metrics_are_complete_and_finite(finished: Finished) -> None:
    metrics = finite_numbers((finished.folder / "metrics.json").read_text(encoding="utf-8"))
    assert WANTED_METRICS - set(metrics) == set()
    for line in (finished.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        found = finite_numbers(line)
        assert found.get("loss", found.get("valid_loss"))


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_figure_that_is_no_number_is_seen(word: str) -> None:
    with pytest.raises(AssertionError, match=f"{word} stands in the metrics"):
        finite_numbers(f'{{"train.loss_final": {word}}}')


def test_the_last_screen_shows_n_intervals_the_verdict_the_adapter_and_what_to_type_next(finished: Finished) -> None:
    shown = screen_lines(finished.answer.out)
    assert [line for line in shown if line.startswith("n items from up to 7 commits after the cut")]
    number, ends = r"-?\d\.\d{3}", r"\[[+-]?\d\.\d{3}, [+-]?\d\.\d{3}\]"
    (figures,) = (line for line in shown if line.startswith("bits_per_byte "))
    assert re.fullmatch(rf"bits_per_byte {number} {ends} {number} {ends} [+-]\d\.\d{{3}} {ends} \w+ 16", figures)
    reason = "nothing can be concluded from 16 items, wanted 100 (compare.min_items)"
    assert f"verdict no_benefit_shown: {reason}" in shown
    assert f"adapter {finished.folder}/adapter" in shown
    assert shown[-1] == f"next make serve RUN={finished.folder}"


def test_too_few_items_for_a_verdict_still_train(finished: Finished) -> None:
    metrics = json.loads((finished.folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["eval.items"] == 16 < finished.run.manifest["decides"]["recipe"]["compare"]["min_items"]
    assert metrics["verdict"] == "no_benefit_shown" and metrics["train.steps"] >= 3


def test_the_same_command_again_shows_the_same_changes_nothing_and_loads_no_torch(finished: Finished) -> None:
    before = hashes(finished.folder)
    command = [sys.executable, "-c", IN_A_PROCESS, "train", *arguments(finished.inputs, finished.adapters)]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert again.stdout == finished.answer.out
    assert states(again.stderr) == dict.fromkeys(STAGES, "kept")
    assert hashes(finished.folder) == before
    loaded = set(again.stderr.rpartition("loaded:")[2].split())
    assert loaded & {"torch", "transformers", "trl", "peft"} == set()
    assert {"pydantic", "tuner"} <= loaded


def test_the_run_is_listed_shown_and_verified(finished: Finished) -> None:
    name, files = finished.folder.name, len(hashes(finished.folder)) - len(OWN_FILES)
    listed = tuner("runs", "ls", "--adapters", finished.adapters)
    assert (listed.status, screen_lines(listed.out)) == (0, [f"{name} 11 stages, last report no_benefit_shown"])
    shown = tuner("runs", "show", finished.folder)
    assert (shown.status, shown.out) == (0, finished.answer.out)
    verified = tuner("runs", "verify", finished.folder)
    assert verified.status == 0
    assert verified.out == f"{finished.folder}: 11 stages, {files} files, all as recorded\n"


def test_a_clean_run_elsewhere_gives_the_same_bytes(finished: Finished, tmp_path: Path) -> None:
    assert tuner("export", *arguments(finished.inputs, tmp_path)).status == 0
    (folder,) = (path for path in tmp_path.iterdir() if path.name != ".mined")
    assert folder.name == finished.folder.name
    later = {name for name in hashes(finished.folder) if name.startswith(("export/", "report/"))}
    assert differing(folder, finished.folder) - later - TIMED == {"manifest.json", "metrics.json"}
    assert untimed(folder) == untimed(finished.folder)


def test_another_train_setting_reuses_what_does_not_depend_on_it(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / finished.folder.name)
    given = arguments(finished.inputs, tmp_path, train__learning_rate=0.01, compare__min_items=2)
    answer = tuner("export", *given)
    assert answer.status == 0
    reused = dict.fromkeys(("mine", "dataset", "evaluate-base", "probe-base"), "reused")
    done = ("train", "evaluate-tuned", "probe-tuned", "recall", "compare", "export")
    assert states(answer.err) == reused | dict.fromkeys(done, "done")
    (folder,) = (path for path in tmp_path.iterdir() if path.name not in (finished.folder.name, ".mined"))
    assert tuner("runs", "verify", folder).status == 0
    changed = differing(folder, finished.folder)
    assert {"adapter/adapter_model.safetensors", "eval/tuned.predictions.jsonl"} <= changed
    assert not {name for name in changed if name.startswith(("mined/", "data/", "eval/base."))}
    comparison = json.loads((folder / "eval/comparison.json").read_text(encoding="utf-8"))
    assert "nothing can be concluded" not in comparison["reason"]  # 16 items are enough for these settings


def test_the_table_of_results_shows_what_the_comparison_holds(finished: Finished, tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text("before\n<!-- runs -->\nold\n<!-- /runs -->\nafter\n", encoding="utf-8")
    for _ in range(2):  # written again, it is the same
        assert results.main([str(finished.folder), "--into", str(page)]) == 0
    before, _, *tables, _, after = page.read_text(encoding="utf-8").splitlines()
    assert (before, after, "old" in tables) == ("before", "after", False)
    comparison = json.loads((finished.folder / "eval/comparison.json").read_text(encoding="utf-8"))
    found = {(each["metric"], each["stratum"]): each for each in comparison["differences"]}
    row, change = found["bits_per_byte", "all"], found["bits_per_byte_relative", "all"]
    shown = f"{100 * change['delta']:+.1f} [{100 * change['low']:+.1f}, {100 * change['high']:+.1f}] %"
    name = finished.run.manifest["repo"]["name"]
    line = next(each for each in tables if each.startswith(f"| {name} | bits per byte | "))
    assert f"| {row['b']:.3f} | {row['a']:.3f} | {shown} |" in line and line.endswith(f"| {row['items']} |")
    assert any(f"| `{comparison['verdict']}` |" in each for each in tables)


def test_items_of_commits_that_judged_a_sweep_are_left_out_of_a_further_table(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commits = [item.commit for item in read_jsonl(finished.folder / "data/eval_items.jsonl", Item)]
    sweep = tmp_path / "sweep"
    (sweep / "rows").mkdir(parents=True)

    def further(judged: str) -> list[str]:
        prepared = {"valid_sha256": "0" * 64, "commits": {"row": judged}, "rows": {}}
        (sweep / "rows/prepared.json").write_text(json.dumps(prepared), encoding="utf-8")
        assert results.main([str(finished.folder), "--chosen-by", str(sweep)]) == 0
        return capsys.readouterr().out.partition("left out:")[2].splitlines()

    (bits,) = (line for line in further(commits[0]) if "| bits per byte |" in line)
    assert bits.endswith(f"| {len(commits) - commits.count(commits[0])} |")
    assert further("f" * 40) == []  # it judged by none of them
    with pytest.raises(SystemExit):
        results.main([str(finished.folder), "--chosen-by", str(tmp_path)])
    assert "no sweep has got as far as its rows there" in capsys.readouterr().err


def test_items_that_the_base_may_have_read_are_left_out_of_a_further_table(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    moments = [item.committed_at for item in read_jsonl(finished.folder / "data/eval_items.jsonl", Item)]

    def further(moment: int) -> list[str]:
        day = datetime.fromtimestamp(moment, UTC).date()
        assert results.main([str(finished.folder), "--since", str(day)]) == 0
        return capsys.readouterr().out.partition(f"from {day} on alone")[2].splitlines()

    middle = sorted(moments)[len(moments) // 2] // 86_400 * 86_400
    (bits,) = (line for line in further(middle) if "| bits per byte |" in line)
    assert bits.endswith(f"| {sum(each >= middle for each in moments)} |")
    assert further(min(moments)) == []  # all are as late


def test_no_planted_secret_and_no_address_stands_in_the_run(finished: Finished) -> None:
    history = git(finished.inputs.repo, "log", "-p")
    assert [word for word in KEPT_QUIET if word not in history] == []
    counts = finished.run.record("mine", Mined).counts
    assert sum(count for name, count in counts.items() if name.startswith("redacted.")) > 0
    tokenizer = Tokenizer.from_file(str(finished.inputs.base / "tokenizer.json"))
    assert speaking(finished.folder, tokenizer) == {}


def test_a_secret_in_a_file_or_in_tokens_is_seen(finished: Finished, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(finished.inputs.base / "tokenizer.json"))
    (tmp_path / "card.md").write_text(f"ask {PLANTED_EMAIL}", encoding="utf-8")
    ids = tokenizer.encode(f'TOKEN = "{PLANTED_SECRET}"').ids
    write_jsonl(tmp_path / "train.jsonl", [Row("0" * 16, "file", ids, ids)])
    assert speaking(tmp_path, tokenizer) == {PLANTED_EMAIL: "card.md", PLANTED_SECRET: "train.jsonl"}


def test_every_item_is_from_after_the_cut_and_no_training_row_is(finished: Finished) -> None:
    assert leaks(finished.folder, finished.inputs.repo, finished.run.record("mine", Mined)) == []


def test_a_row_from_after_the_cut_and_an_item_from_before_it_are_seen(finished: Finished, tmp_path: Path) -> None:
    for part in ("mined", "data"):
        shutil.copytree(finished.folder / part, tmp_path / part)
    repo, mined = finished.inputs.repo, finished.run.record("mine", Mined)
    row = next(read_jsonl(tmp_path / "data/train.jsonl", Row))
    item = next(read_jsonl(tmp_path / "data/eval_items.jsonl", Item))
    newest = git(repo, "rev-parse", "main").strip()
    for path, ident, old, new in (
        ("mined/pairs.jsonl", row.pair_id, mined.cut.commit, newest),
        ("data/eval_items.jsonl", item.id, item.commit, mined.cut.commit),
    ):
        lines = (tmp_path / path).read_text(encoding="utf-8").splitlines(keepends=True)
        lines = [line.replace(old, new) if ident in line else line for line in lines]
        (tmp_path / path).write_text("".join(lines), encoding="utf-8")
    assert leaks(tmp_path, repo, mined) == sorted({row.pair_id, item.id})


def test_a_bare_repository_and_a_detached_head_are_mined_as_the_same_repository(
    finished: Finished, tmp_path: Path
) -> None:
    bare = build_tiny_repo(tmp_path / "bare" / "ledger.git", commits=COMMITS, bare=True)
    loose = build_tiny_repo(tmp_path / "loose" / "ledger", commits=COMMITS)
    git(loose, "checkout", "--quiet", "--detach")
    for repo in (bare, loose):
        inputs = type(finished.inputs)(repo, finished.inputs.base)
        assert tuner("mine", *arguments(inputs, repo.parent / "adapters")).status == 0
        (folder,) = (path for path in (repo.parent / "adapters").iterdir() if path.name != ".mined")
        assert folder.name == finished.folder.name
        assert not {name for name in differing(folder, finished.folder) if name.startswith("mined/")}


def test_a_run_is_made_again_and_every_stage_is_the_same(finished: Finished) -> None:
    before = hashes(finished.folder)
    answer = tuner("reproduce", finished.folder, "--repo", finished.inputs.repo, "--upto", "train")
    assert answer.status == 0, answer.err
    written = {name: finished.run.entry(name)["outputs"] for name in ("mine", "dataset", "train")}
    assert "timings.jsonl" in written["train"]  # which no second run repeats
    files = {name: len(paths.keys() - {"timings.jsonl"}) for name, paths in written.items()}
    assert screen_lines(answer.out) == [f"{name} the same, {count} files" for name, count in files.items()]
    assert hashes(finished.folder) == before


def test_a_run_that_cannot_be_made_again_names_the_first_stage_that_differs_and_what_changed(
    finished: Finished, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(finished.folder, tmp_path / finished.folder.name))
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    entry = next(each for each in manifest["stages"] if each["name"] == "dataset")
    now = entry["outputs"]["data/train.jsonl"]["sha256"][:12]
    entry["outputs"]["data/train.jsonl"]["sha256"] = "0" * 64
    tokenizers = entry["environment"]["tokenizers"]
    entry["environment"]["tokenizers"] = "0.1"
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    answer = tuner("reproduce", copy, "--repo", finished.inputs.repo)
    assert answer.status == 1
    assert screen_lines(answer.out) == [
        "mine the same, 4 files",
        "dataset differs in 1 of 6 files",
        f"data/train.jsonl: sha256 000000000000 then, {now} now",
        f"tokenizers: 0.1 then, {tokenizers} now",
    ]


def test_a_run_is_not_made_again_from_something_else(finished: Finished, tmp_path: Path) -> None:
    run, repo, base = finished.folder, finished.inputs.repo, finished.inputs.base
    commit = finished.run.manifest["repo"]["revision"][:12]
    other = build_tiny_repo(tmp_path / "other", commits=16)
    changed = Path(shutil.copytree(base, tmp_path / "base"))
    with (changed / "config.json").open("a") as stream:
        stream.write("\n")
    revisions = [bases.resolve(str(each), tmp_path).revision[:12] for each in (changed, base)]
    wanted = {
        (): f"{run}: REPO is missing; a manifest holds no path\nhint: tuner reproduce {run} --repo PATH",
        (other,): (
            f"{other}: other has no commit {commit}, from which the run was made\n"
            "hint: give REPO= the repository of the run, and fetch what is missing"
        ),
        (f"{repo} {other}",): (f"{run}: made from 1 repositories, REPO names 2\nhint: name ledger, in this order"),
        (repo, "--base", changed): (
            f"BASE={changed}: is revision {revisions[0]}, the run was made with {revisions[1]}\n"
            "hint: give --base the base that it was made with"
        ),
    }
    for given, message in wanted.items():
        answer = tuner("reproduce", run, *(["--repo"] if given else []), *given)
        assert (answer.status, answer.out, answer.err) == (2, "", f"error: {message}\n")


def test_the_bases_own_answers_are_trained_on_where_the_recipe_wants_them(finished: Finished, tmp_path: Path) -> None:
    adapters = shutil.copytree(finished.adapters, tmp_path / "adapters", copy_function=os.link)
    share = {"dataset__replay_share": 0.3, "dataset__replay_answer_tokens": 8}
    answer = tuner("evaluate", *arguments(finished.inputs, adapters, **share))
    assert answer.status == 0, answer.err
    found = states(answer.err)
    assert (found["mine"], found["dataset"], found["train"]) == ("reused", "reused", "done")
    (folder,) = {path.parent.parent for path in adapters.glob("*/data/replay.jsonl")}
    run = Run.find(folder)
    replay, train = run.record("replay", Replay), run.entry("train")
    assert train is not None and replay.rows in train["inputs"] and run.verify() == []
    rows = list(read_jsonl(folder / replay.rows, Row))
    assert {row.kind for row in rows} == {"replay"}
    others = sum(len(row.input_ids) for row in read_jsonl(folder / "data/train.jsonl", Row))
    tokens = run.record("train", Adapter).metrics["train.tokens"]
    assert tokens == others + replay.metrics["replay.tokens"]
    assert 0.3 <= replay.metrics["replay.tokens"] / tokens < 0.4
    assert finished.run.entry("replay") is None  # the negative control: no share, no stage
