"""The driver against a scripted server: what it tells the server, when it stops, what it keeps and asks again."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

import pytest

from tests.evaluate.copilot.conftest import TOKEN, Desk, item
from tests.evaluate.copilot.fake_server import FINISHED, RETURNED, answering, failing
from tuner.errors import RecipeError
from tuner.evaluate.stage import answer_all
from tuner.evaluate.system import Stopped
from tuner.records import Item, Neighbour, Prediction

GOOD = answering("    total = 0.0", 0, 12, line=4)
OTHERS_HINT = "the same command goes on from here"


@pytest.fixture
def desk(tmp_path: Path, no_token: None) -> Desk:
    return Desk(tmp_path)


def items(count: int) -> list[Item]:
    """Make items in the order in which they are asked."""
    return sorted((item() for _ in range(count)), key=lambda each: each.id)


def test_without_leave_nothing_is_started(desk: Desk) -> None:
    fake = desk.server(GOOD)
    with pytest.raises(RecipeError) as caught:
        desk.system(fake, send_code=False)
    assert str(caught.value) == (
        "compare.copilot.send_code is no: comparing with GitHub Copilot sends the items' code and that of their "
        "neighbours to GitHub, off this machine, and GitHub discourages automated bulk use: an account may be limited "
        "for it\nhint: if your organisation agrees, set compare.copilot.send_code=true; compare.copilot.recording asks "
        "nobody"
    )
    assert fake.heard("initialize") == []


def test_the_question_is_an_automatic_trigger_at_the_cursor(desk: Desk) -> None:
    fake, asked = desk.server(GOOD), item('    s = "\U0001f600" + ')
    desk.answers(fake, [asked])
    [question] = fake.heard("textDocument/inlineCompletion")
    assert question["context"] == {"triggerKind": 2}
    assert question["position"] == {"line": 4, "character": 15}
    assert "formattingOptions" not in question
    [opened] = fake.heard("textDocument/didOpen")
    assert opened["textDocument"]["text"] == asked.prefix + asked.suffix
    assert opened["textDocument"]["languageId"] == "python"
    assert opened["textDocument"]["uri"].endswith(f"/workspace/{asked.path}")


def test_neighbours_are_opened_and_looked_at_first_and_all_is_closed_after_the_item(desk: Desk) -> None:
    fake, [first, second] = desk.server(GOOD, GOOD), items(2)
    beside = {first.id: [Neighbour("a/far.go", "x"), Neighbour("a/near.py", "y")], second.id: []}
    with desk.system(fake, lambda each: beside[each.id]) as system:
        list(system.answer([first, second]))
    told = fake.heard("textDocument/didOpen", "textDocument/didFocus", "textDocument/didClose")
    names = [each["textDocument"]["uri"].rpartition("/")[2] for each in told]
    own, other = (Path(each.path).name for each in (first, second))
    opened = ["far.go", "far.go", "near.py", "near.py", own, own]
    assert names == [*opened, "far.go", "near.py", own, other, other, other]
    assert fake.heard("textDocument/didOpen")[0]["textDocument"]["languageId"] == "go"


def test_pieces_of_one_file_are_one_document_and_the_items_own_file_is_not_opened_twice(desk: Desk) -> None:
    fake, asked = desk.server(GOOD), item()
    beside = [Neighbour("a.py", "x"), Neighbour(asked.path, "own"), Neighbour("b.py", "y"), Neighbour("a.py", "z")]
    with desk.system(fake, lambda _: beside) as system:
        list(system.answer([asked]))
    opened = [told["textDocument"] for told in fake.heard("textDocument/didOpen")]
    assert [each["text"] for each in opened] == ["x\nz", "y", asked.prefix + asked.suffix]


def test_a_path_cannot_leave_the_workspace(desk: Desk) -> None:
    fake = desk.server(GOOD)
    desk.answers(fake, [item(path="/../../etc/./a b#{}.py")])
    [opened] = fake.heard("textDocument/didOpen")
    assert "/workspace/etc/a%20b%23count_" in opened["textDocument"]["uri"]


def test_the_workspace_is_thrown_away_and_is_a_repository_of_its_own(desk: Desk) -> None:
    fake = desk.server(GOOD)
    with desk.system(fake) as system:
        [folder] = [entry for entry in desk.scratch.iterdir() if entry.is_dir()]
        assert (folder / "workspace/.git/config").is_file()
        list(system.answer([item()]))
        assert [path.name for path in (folder / "workspace").iterdir()] == [".git"]  # no code on disk
    assert not folder.exists()


def test_an_answer_says_what_is_new_what_it_was_and_how_long_it_took(desk: Desk) -> None:
    [found] = desk.answers(desk.server(answering("    total = max(w)  \n    x", 0, 12, line=4)), [asked := item()])
    assert found.latency_ms is not None and 0.0 < found.latency_ms < 10_000.0
    latency = found.latency_ms
    raw = "    total = max(w)  \n    x"
    assert found == Prediction(asked.id, raw, "max(w)", None, 3, None, latency, None)


def test_a_body_is_taken_with_all_its_lines(desk: Desk) -> None:
    body = item()
    body = dataclasses.replace(body, kind="body", prefix=body.prefix.rpartition("\n")[0] + "\n    ", target="x\n    y")
    [found] = desk.answers(desk.server(answering("    x\n    y\n\n\ndef z():", 0, 4, line=4)), [body])
    assert (found.text, found.format_failure) == ("x\n    y", None)


def test_an_answer_from_the_servers_cache_has_no_latency(desk: Desk) -> None:
    [found] = desk.answers(desk.server({**GOOD, "log": []}), [item()])
    assert (found.text, found.latency_ms, found.void) == ("0.0", None, None)


def test_a_place_that_copilot_declines_is_empty_and_counted(desk: Desk) -> None:
    log = ["[getCompletions] No ghostText produced -- abortedBeforeIssued: Not enough context"]
    [found] = desk.answers(desk.server({"items": [], "log": log}), [item()])
    assert (found.text, found.void, found.format_failure) == ("", None, "declined")


def test_what_answered_is_told(desk: Desk) -> None:
    with desk.system(desk.server(GOOD)) as system:
        list(system.answer([item()]))
        assert system.about == {"model": "gpt-41-copilot", "server": "GitHub Copilot Language Server 1.550.0"}


def test_a_resumed_run_names_both_servers(desk: Desk) -> None:
    desk.answers(desk.server(GOOD), [item()])
    with desk.system(desk.server(version="1.539.0")) as system:
        assert (
            system.about["server"] == "GitHub Copilot Language Server 1.550.0, GitHub Copilot Language Server 1.539.0"
        )
        assert system.about["model"] == "gpt-41-copilot"


def test_a_torn_note_of_what_answered_is_forgotten(desk: Desk) -> None:
    desk.scratch.mkdir()
    (desk.scratch / "copilot.about.json").write_text('{"model": ["gp')
    with desk.system(desk.server()) as system:
        assert set(system.about) == {"server"}


def test_questions_keep_their_distance(desk: Desk) -> None:
    fake, three = desk.server(GOOD, GOOD, GOOD), items(3)
    with desk.system(fake, seconds_between=0.3) as system:
        started = time.monotonic()
        list(system.answer(three))
        assert time.monotonic() - started >= 0.6


def test_beyond_the_cap_nobody_is_asked_and_a_kill_changes_nothing_about_which(desk: Desk) -> None:
    five = items(5)
    capped = desk.answers(desk.server(GOOD, GOOD), five[::-1], max_items=2)
    voids = {each.item_id: each.void for each in capped}
    assert voids == {each.id: "not_asked" if place > 1 else None for place, each in enumerate(five)}
    # what a run resumed after three predictions has left: the voids come first, so the cap is not spent again
    assert [each.void for each in capped] == ["not_asked"] * 3 + [None] * 2
    resumed = desk.answers(desk.server(GOOD, GOOD), five[:2], max_items=2)
    assert [each.item_id for each in resumed] == [each.id for each in five[:2]]


def test_a_single_failure_is_void_and_the_run_goes_on(desk: Desk) -> None:
    found = desk.answers(desk.server(GOOD, failing(500), GOOD), items(3))
    assert [each.void for each in found] == [None, "server", None]
    assert (found[1].text, found[1].raw, found[1].latency_ms) == ("", "", None)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            [failing(402)],
            "copilot stopped: quota: status 402\n"
            f"hint: the plan's completions are used up: wait for its next month, or take another plan; {OTHERS_HINT}",
        ),
        (
            [failing(403, "[fetchCompletions] Response status was 403: no seat")] * 2,
            "copilot stopped: no_access: status 403: no seat\n"
            f"hint: see github.com/settings/copilot: the account needs a plan with completions; {OTHERS_HINT}",
        ),
        (
            [failing(401)] * 2,
            "copilot stopped: auth: status 401\n"
            "hint: sign in with `tuner copilot sign-in`, or set GH_COPILOT_TOKEN to the token of an app with Copilot "
            f"access; {OTHERS_HINT}",
        ),
        (
            [failing(404)],
            "copilot stopped: no_model: status 404\n"
            "hint: see github.com/settings/copilot for the completion model, or update the server with `make copilot`; "
            f"{OTHERS_HINT}",
        ),
        (
            [failing(429, "[fetchCompletions] Rate limited by server. Retry in 900s.")],
            "copilot stopped: rate: GitHub asks to wait 900 s\n"
            f"hint: ask more slowly, such as compare.copilot.seconds_between=5; {OTHERS_HINT}",
        ),
    ],
)
def test_what_no_further_item_would_escape_stops_at_once(desk: Desk, steps: list[dict], message: str) -> None:
    fake = desk.server(GOOD, *steps, GOOD)
    seen = []
    with desk.system(fake) as system, pytest.raises(Stopped) as caught:
        for prediction in system.answer(items(3)):
            seen.append(prediction.void)
    assert str(caught.value) == message
    assert seen == [None]
    assert fake.steps_left() == 1


def test_a_refusal_that_a_fresh_token_mends_is_no_failure(desk: Desk) -> None:
    found = desk.answers(desk.server(failing(401), GOOD, GOOD), items(2))
    assert [each.void for each in found] == [None, None]


def test_a_rate_limit_is_waited_out_once_and_then_void(desk: Desk) -> None:
    limited = failing(429, "[fetchCompletions] Rate limited by server. Retry in 0s.")
    found = desk.answers(desk.server(limited, GOOD, limited, limited, GOOD), items(3))
    assert [each.void for each in found] == [None, "rate", None]


def test_failures_in_a_row_stop_the_run_and_are_asked_again_next_time(desk: Desk) -> None:
    fake, seven = desk.server(GOOD, *[failing(500)] * 5, *[GOOD] * 6), items(7)
    with desk.system(fake) as system, pytest.raises(Stopped) as caught:
        answer_all(system, seven, 1, desk.work())
    assert str(caught.value) == (
        "copilot stopped: server: 5 failures in a row, the last: status 500\n"
        f"hint: see githubstatus.com, and whether this machine reaches GitHub; {OTHERS_HINT}"
    )
    with desk.system(fake) as system:
        found = answer_all(system, seven, 1, desk.work())
    assert [each.void for each in found] == [None] * 7
    assert len(fake.heard("textDocument/inlineCompletion")) == 1 + 5 + 6


def test_four_failures_between_answers_are_kept_as_voids(desk: Desk) -> None:
    found = desk.answers(desk.server(*[failing(500)] * 4, GOOD, *[failing(500)] * 4), items(9))
    assert [each.void for each in found] == ["server"] * 4 + [None] + ["server"] * 4


def test_a_server_that_dies_is_started_again_and_asked_once_more(desk: Desk) -> None:
    fake = desk.server(GOOD, {"die": 7, "last words": "out of memory"}, GOOD, GOOD)
    found = desk.answers(fake, items(3))
    assert [each.void for each in found] == [None, None, None]
    assert len(fake.heard("initialize")) == 2


def test_a_server_that_dies_of_an_item_leaves_it_void_and_answers_the_rest(desk: Desk) -> None:
    fake = desk.server(GOOD, {"die": 7}, {"die": 7}, GOOD)
    found = desk.answers(fake, items(3))
    assert [each.void for each in found] == [None, "crash", None]


def test_a_server_that_keeps_dying_stops_the_run_with_its_last_words(desk: Desk) -> None:
    fake = desk.server(*[{"die": 7, "last words": "out of memory"}] * 10)
    with pytest.raises(Stopped) as caught:
        desk.answers(fake, items(6))
    assert str(caught.value) == (
        "copilot stopped: crash: 5 failures in a row, the last: fake-copilot: ended with status 7: out of memory\n"
        f"hint: see whether the server runs by itself; `make copilot` installs it again; {OTHERS_HINT}"
    )


def test_a_question_without_an_answer_in_time_is_void_and_the_next_server_is_a_fresh_one(desk: Desk) -> None:
    fake = desk.server(GOOD, {"hang": True}, GOOD)
    found = desk.answers(fake, items(3), timeout_seconds=0.5)
    assert [each.void for each in found] == [None, "timeout", None]
    assert len(fake.heard("initialize")) == 2


def test_a_run_that_was_stopped_goes_on_and_asks_nothing_twice(desk: Desk) -> None:
    fake, four = desk.server(GOOD, GOOD, failing(402), GOOD, GOOD), items(4)
    with desk.system(fake) as system, pytest.raises(Stopped):
        answer_all(system, four, 1, desk.work())
    kept = (desk.scratch / "copilot.answered.jsonl").read_bytes()
    assert kept.count(b"\n") == 2
    with desk.system(fake) as system:
        found = answer_all(system, four, 1, desk.work())
    assert [each.void for each in found] == [None] * 4
    assert (desk.scratch / "copilot.answered.jsonl").read_bytes().startswith(kept)
    opened = [told["textDocument"]["uri"].rpartition("/")[2] for told in fake.heard("textDocument/didOpen")]
    assert opened == [Path(each.path).name for each in (*four[:3], *four[2:])]


def test_a_token_shows_in_no_message(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_COPILOT_TOKEN", TOKEN)
    fake = desk.server(*[failing(500, f"[fetchCompletions] Unhandled status from server: 500 bad {TOKEN}")] * 5)
    with pytest.raises(Stopped) as caught:
        desk.answers(fake, items(5))
    assert "status 500: bad <GH_COPILOT_TOKEN>" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_one_item_can_be_completed_alone(desk: Desk) -> None:
    with desk.system(desk.server(GOOD, failing(500))) as system:
        assert system.complete(item()) == "0.0"
        with pytest.raises(Stopped, match=r"^copilot stopped: server: status 500\n"):
            system.complete(item())


def test_no_process_is_left_behind(desk: Desk) -> None:
    with desk.system(desk.server(GOOD)) as system:
        process = system._running().server.process.pid
        list(system.answer([item()]))
        os.kill(process, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_log_line_of_the_item_before_counts_for_nothing(desk: Desk) -> None:
    late = {"items": [], "log": []}
    found = desk.answers(desk.server({**GOOD, "log": [FINISHED.format(200), RETURNED.format("stop")]}, late), items(2))
    assert [each.void for each in found] == [None, "protocol"]
