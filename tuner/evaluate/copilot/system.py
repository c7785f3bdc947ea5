"""GitHub Copilot as a system: each item is asked as an editor asks at an automatic trigger, one at a time.

In: frozen items, and for each the neighbours that our own model gets. Out: predictions without bits or token counts;
`raw` is the inserted text as it came, `text` what is new after the cursor, cut where every system's is. An item's
documents are open only while it is asked, so that no item sees another's; the neighbours are opened and looked at
first, since the server takes its snippets from open files. Latency is wall time here, of the question alone, and None
where the server answered from its cache.

Items are asked in the order of their ids, which are hashes: where `max_items` ends the asking, those asked are a fair
sample, and the same one after a kill. Nothing is asked before the recipe allows it. A class of failure that no further
item would escape stops the run; so do five failures in a row, which are then not kept, and are asked again next time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner.errors import RecipeError
from tuner.evaluate.copilot import outcomes, tokens
from tuner.evaluate.copilot.about import About
from tuner.evaluate.copilot.edits import Edit, Text, completed
from tuner.evaluate.copilot.language_server import Gone, Refused, TimedOut
from tuner.evaluate.copilot.languages import language_id
from tuner.evaluate.copilot.outcomes import Outcome
from tuner.evaluate.copilot.program import find_server
from tuner.evaluate.copilot.session import Session
from tuner.evaluate.replay import not_asked, target_bytes, void
from tuner.evaluate.system import FINAL_VOIDS, Stopped
from tuner.recipe import CopilotSettings
from tuner.records import Item, Neighbour, Prediction
from tuner.truncation import cut

AUTOMATIC = 2  # LSP's trigger kind for typing: one completion, temperature 0
ONCE_MORE = ("auth", "no_access", "rate", "crash")  # a fresh token, a pause or a restart may mend these
MOST_FAILURES = 5  # in a row
LONGEST_WAIT = 120.0  # seconds that GitHub may ask to wait before the run stops instead
GOES_ON = "the same command goes on from here"
HINTS = {
    "auth": "sign in with `tuner copilot sign-in`, or set GH_COPILOT_TOKEN to the token of an app with Copilot access",
    "no_access": "see github.com/settings/copilot: the account needs a plan with completions",
    "quota": "the plan's completions are used up: wait for its next month, or take another plan",
    "no_model": "see github.com/settings/copilot for the completion model, or update the server with `make copilot`",
    "rate": "ask more slowly, such as compare.copilot.seconds_between=5",
    "server": "see githubstatus.com, and whether this machine reaches GitHub",
    "timeout": "see githubstatus.com, or raise compare.copilot.timeout_seconds",
    "truncated": "see whether a proxy or firewall on the way cuts connections off",
    "protocol": "see whether a proxy or firewall on the way answers in GitHub's place",
    "crash": "see whether the server runs by itself; `make copilot` installs it again",
}
NOTICE = (
    "comparing with GitHub Copilot sends the items' code and that of their neighbours to GitHub, off this machine, and "
    "GitHub discourages automated bulk use: an account may be limited for it"
)


class CopilotSystem:
    """Copilot's own language server, running while the context lasts.

    `about` says what answered so far: server, plan and model; all of them where a resumed run met several.
    """

    name = "copilot"
    batch = 1
    times_alone = False

    def __init__(
        self, settings: CopilotSettings, neighbours: Callable[[Item], Sequence[Neighbour]], scratch: Path
    ) -> None:
        require_consent(settings)
        self.settings = settings
        self.program = find_server(settings)
        self._neighbours = neighbours
        self._scratch = scratch
        self._met = About(scratch / "copilot.about.json")
        self.about = self._met.told()
        self._session: Session | None = None
        self._last_asked = float("-inf")

    def __enter__(self) -> CopilotSystem:
        try:
            session = self._running()
            standing = session.standing()
            if standing.void is not None:
                raise _stopped(standing.void, standing.detail)
            self._note("plan", session.plan())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Ask about the items one by one, and give each prediction at once."""
        ordered = sorted(items, key=lambda item: item.id)
        for item in ordered[self.settings.max_items :]:
            yield not_asked(item)
        failed: list[Prediction] = []
        for item in ordered[: self.settings.max_items]:
            prediction, outcome = self._ask_twice_at_most(item)
            if outcome.void in FINAL_VOIDS:
                raise _stopped(outcome.void, outcome.detail)
            if outcome.void in (None, "not_asked"):
                yield from failed
                failed.clear()
                yield prediction
                continue
            failed.append(prediction)
            if len(failed) == MOST_FAILURES:
                raise _stopped(str(outcome.void), f"{MOST_FAILURES} failures in a row, the last: {outcome.detail}")
        yield from failed

    def complete(self, item: Item) -> str:
        """Ask about one item; an item that was asked before would come from the server's cache."""
        prediction, outcome = self._ask_twice_at_most(item)
        if outcome.void is not None:
            raise _stopped(outcome.void, outcome.detail)
        return prediction.text

    def figures(self, items: Sequence[Item]) -> dict[str, float]:
        """Give none: all that there is to count stands in the predictions."""
        return {}

    def _note(self, fact: str, value: str | None) -> None:
        self._met.add(fact, value)
        self.about = self._met.told()

    def _ask_twice_at_most(self, item: Item) -> tuple[Prediction, Outcome]:
        prediction, outcome = self._ask(item)
        if outcome.void not in ONCE_MORE:
            return prediction, outcome
        if outcome.void == "rate":
            wait = outcome.wait or 0.0
            if wait > LONGEST_WAIT:
                raise _stopped("rate", f"GitHub asks to wait {wait:.0f} s")
            time.sleep(wait)
        return self._ask(item)

    def _ask(self, item: Item) -> tuple[Prediction, Outcome]:
        """Ask once; a server that hung is not used again, so that no late line is taken for the next item's."""
        self._pace()
        session = self._running()
        try:
            return self._question(session, item)
        except TimedOut:
            outcome = Outcome("timeout", f"no answer within {self.settings.timeout_seconds:g} s")
        except Gone as error:
            outcome = Outcome("crash", str(error))
        finally:
            self._last_asked = time.monotonic()
        session.kill()
        self._session = None
        return void(item, str(outcome.void)), outcome

    def _question(self, session: Session, item: Item) -> tuple[Prediction, Outcome]:
        seconds = self.settings.timeout_seconds
        text = Text(item.prefix + item.suffix)
        place = text.position(len(item.prefix))
        documents = [session.open(path, language_id(path, ""), beside) for path, beside in self._beside(item)]
        documents.append(session.open(item.path, language_id(item.path, item.language), text.text))
        question = {
            "textDocument": documents[-1],
            "position": {"line": place.line, "character": place.character},
            "context": {"triggerKind": AUTOMATIC},
            # no formattingOptions: with them the server re-indents what the model wrote
        }
        session.settle(seconds)
        session.lines.clear()
        found: list[dict[str, Any]] = []
        started = time.perf_counter()
        try:
            answer = session.request("textDocument/inlineCompletion", question, seconds)
            latency = (time.perf_counter() - started) * 1000.0
            found = (answer or {}).get("items") or []
            outcome = outcomes.judge(bool(found), session.lines)
        except Refused as error:
            latency, outcome = 0.0, outcomes.refused(error)
        for document in documents:
            session.shut(document)
        self._note("model", outcome.model)
        if outcome.void is not None:
            return void(item, outcome.void), replace(outcome, detail=tokens.hidden(outcome.detail))
        return _prediction(item, found, latency if outcome.asked else None, outcome.failure), outcome

    def _beside(self, item: Item) -> Iterator[tuple[str, str]]:
        """List the files to open before the item's own; pieces of one file make one document."""
        texts: dict[str, list[str]] = {}
        for each in self._neighbours(item):
            if each.path != item.path:
                texts.setdefault(each.path, []).append(each.text)
        for path, pieces in texts.items():
            yield path, "\n".join(pieces)

    def _pace(self) -> None:
        left = self._last_asked + self.settings.seconds_between - time.monotonic()
        if left > 0:
            time.sleep(left)

    def _running(self) -> Session:
        if self._session is None:
            self._session = Session(self.program, self._scratch / "copilot-server")
            self._note("server", f"GitHub Copilot Language Server {self._session.version}")
        return self._session


def require_consent(settings: CopilotSettings) -> None:
    """Refuse to start anything before the recipe says that code may leave the machine."""
    if not settings.send_code:
        raise RecipeError(
            f"compare.copilot.send_code is no: {NOTICE}",
            "if your organisation agrees, set compare.copilot.send_code=true; compare.copilot.recording asks nobody",
        )


def _prediction(item: Item, found: list[dict[str, Any]], latency: float | None, failure: str | None) -> Prediction:
    raw, text = "", ""
    if found:
        edit = Edit.of(found[0])
        completion = completed(item.prefix, item.suffix, edit)
        raw, text, failure = edit.text, cut(item, completion.text), completion.failure
    return Prediction(
        item.id, raw, text, None, target_bytes(item), None, latency, None, prompt_tokens=None, format_failure=failure
    )


def _stopped(reason: str, detail: str) -> Stopped:
    hint = HINTS.get(reason)
    return Stopped(f"copilot stopped: {reason}: {detail}", f"{hint}; {GOES_ON}" if hint else GOES_ON)
