"""What a voter meets, without the web: a name, one duel after the other, a pause after each round, and the end.

In: the fields of a request. Out: an `Answer`: a page, or the address to go to. A vote is stored before the next duel is
shown; one that could not be stored is said, never passed over. Shown: code, two answers, and the voter's own last
choice as left or right. Not shown: the truth, any system's name, other voters, and the ratings until this voter has
ended, which is for good.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, wraps
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from tuner.arena import wording
from tuner.arena.duels import Shown, ballot
from tuner.arena.stage import Arena
from tuner.arena.view import completed, surroundings
from tuner.arena.votes import CHOICES, Choice, Vote, Voter, Votes
from tuner.errors import TunerError
from tuner.visible import visible

LONGEST_NAME = 40
_KEPT = {"Cache-Control": "max-age=3600"}  # style and script hold no code of anybody
Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A page with its status, or `goto`, an address to ask for instead."""

    body: str = ""
    status: int = 200
    kind: str = "text/html"
    goto: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to vote: its key as shown, as a browser names it, what the button says, and what it means."""

    value: Choice
    key: str
    shortcut: str
    label: str
    meaning: str


LEFT = Offer("left", "←", "ArrowLeft", "left", "the left one")
RIGHT = Offer("right", "→", "ArrowRight", "right", "the right one")
OTHERS = (
    Offer("equal", "e", "e", "equal", "equally good: I would take either"),
    Offer("both_bad", "b", "b", "both bad", "both bad: I would take neither"),
    Offer("skip", "s", "s", "skip", "skip: I cannot tell"),
)
LABELS = {each.value: each.label for each in (LEFT, RIGHT, *OTHERS)}


class _NotAsked(Exception):
    """A request holds something that our own page would not send."""


def _answered(act: Callable[[Booth, Fields], Answer]) -> Callable[[Booth, Fields], Answer]:
    """Turn what went wrong into a page that says so."""

    @wraps(act)
    def answer(booth: Booth, fields: Fields) -> Answer:
        try:
            return act(booth, fields)
        except _NotAsked as fault:
            return booth.refusal(400, "That is no vote", str(fault), fields)
        except TunerError as error:
            return booth.refusal(503, "Nothing was stored", f"{error.message}. To do: {error.hint}.", fields)

    return answer


class Booth:
    """The arena as voters meet it. `clock` gives the time in seconds; votes are stored with it."""

    def __init__(self, arena: Arena, votes: Votes, clock: Callable[[], float]) -> None:
        self.arena = arena
        self.votes = votes
        self.clock = clock
        self.ballot = cache(lambda voter: ballot(list(arena.duels.values()), voter, arena.seed))
        environment = Environment(
            loader=PackageLoader("tuner.arena", "."),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("page.html.j2")

    @_answered
    def door(self, fields: Fields) -> Answer:
        """Ask for a name."""
        given = fields.get("voter", "")[:LONGEST_NAME]
        return self._page("door", voter=given, longest_name=LONGEST_NAME, choices=(LEFT, RIGHT, *OTHERS))

    @_answered
    def enter(self, fields: Fields) -> Answer:
        """Let a voter in, new or known."""
        name = unicodedata.normalize("NFC", fields.get("voter", "")).strip()
        if not name or len(name) > LONGEST_NAME or visible(name) != name or "\n" in name or "\t" in name:
            raise _NotAsked(f"a name has 1 to {LONGEST_NAME} characters, and all of them can be seen")
        return _goto("vote", self.votes.enter(name, self.clock()).name)

    @_answered
    def duel(self, fields: Fields) -> Answer:
        """Show the voter's next duel, or a pause: before each round, and where it is asked for."""
        voter = self._voter(fields)
        if voter is None:
            return _goto("./", fields.get("voter", ""))
        if voter.ended:
            return _goto("ratings", voter.name)
        mine = self.votes.of(voter.number)
        judged = {vote.duel for vote in mine}
        order = self.ballot(voter.number)
        shown = next((each for each in order if each.duel.id not in judged), None)
        if shown is None:
            return self._pause(voter, "All is voted on", mine, 0, "")
        in_round = [each for each in order if each.round == shown.round]
        done = sum(each.duel.id in judged for each in in_round)
        if "pause" in fields:
            return self._pause(voter, "A pause", mine, shown.round, f"the other {len(in_round) - done}")
        if not done and shown.round and fields.get("round") != str(shown.round):
            return self._pause(voter, f"Round {shown.round} is done", mine, shown.round, f"the next {len(in_round)}")
        return self._duel(voter, shown, done, len(in_round), mine)

    @_answered
    def vote(self, fields: Fields) -> Answer:
        """Store a vote."""
        voter = self._voter(fields)
        if voter is None:
            return _goto("./", fields.get("voter", ""))
        choice = next((each for each in CHOICES if each == fields.get("choice")), None)
        if choice is None:
            raise _NotAsked(f"a choice is one of {', '.join(CHOICES)}")
        shown = next((each for each in self.ballot(voter.number) if each.token == fields.get("duel")), None)
        if shown is None:
            raise _NotAsked("this duel is not, or no longer, part of the vote")
        left, right = shown.systems
        seconds = _seconds(fields.get("seconds", ""))
        vote = Vote(voter.number, shown.duel.id, shown.duel.item, left, right, choice, seconds)
        self.votes.cast(vote, self.clock())
        return _goto("vote", voter.name)

    @_answered
    def undo(self, fields: Fields) -> Answer:
        """Take the voter's last vote back."""
        voter = self._voter(fields)
        if voter is not None:
            self.votes.take_back(voter.number)
        return _goto("vote", fields.get("voter", ""))

    @_answered
    def end(self, fields: Fields) -> Answer:
        """Close the voter's vote for good."""
        voter = self._voter(fields)
        if voter is not None:
            self.votes.end(voter.number, self.clock())
        return _goto("ratings", fields.get("voter", ""))

    @_answered
    def ratings(self, fields: Fields) -> Answer:
        """Show what the votes say, to those who vote no more."""
        voter = self._voter(fields)
        if voter is None or not voter.ended:
            return _goto("vote", fields.get("voter", ""))
        found = self.arena.preferences(self.votes.all())
        return self._page(
            "ratings",
            voter=voter.name,
            facts=wording.facts(found),
            ratings=[(each, wording.points(each.points, each)) for each in found.systems],
            pairs=[(each, wording.share(each.share), wording.finding(each)) for each in found.pairs],
        )

    def style(self, fields: Fields) -> Answer:
        """Give the style sheet."""
        return Answer(_packaged("arena.css"), kind="text/css", headers=_KEPT)

    def script(self, fields: Fields) -> Answer:
        """Give the script."""
        return Answer(_packaged("arena.js"), kind="text/javascript", headers=_KEPT)

    def refusal(self, status: int, heading: str, said: str, fields: Fields) -> Answer:
        """Say what is wrong, and where to go on."""
        back = f"vote?{urlencode({'voter': fields.get('voter', '')})}"
        page = self._page("refusal", voter="", heading=heading, said=said, back=back, back_label="Back to the vote")
        return Answer(page.body, status)

    def _duel(self, voter: Voter, shown: Shown, done: int, of: int, mine: Sequence[Vote]) -> Answer:
        item = self.arena.items[shown.duel.item]
        answers = [completed(item, text) for text in shown.texts]
        return self._page(
            "duel",
            voter=voter.name,
            token=shown.token,
            done=done,
            of=of,
            around=surroundings(item),
            answers=list(zip(answers, (LEFT, RIGHT), strict=True)),
            others=OTHERS,
            pause=f"vote?{urlencode({'voter': voter.name, 'pause': ''})}",
            last=LABELS[mine[-1].choice] if mine else "",
        )

    def _pause(self, voter: Voter, heading: str, mine: Sequence[Vote], round_number: int, left: str) -> Answer:
        stored = f"{len(mine)} of your votes {'is' if len(mine) == 1 else 'are'} stored."
        return self._page("pause", voter=voter.name, heading=heading, stored=stored, round=str(round_number), left=left)

    def _voter(self, fields: Fields) -> Voter | None:
        return self.votes.voter(fields.get("voter", ""))

    def _page(self, view: str, **values: Any) -> Answer:
        return Answer(self._template.render(view=view, **values))


def _goto(page: str, voter: str) -> Answer:
    return Answer(goto=f"{page}?{urlencode({'voter': voter})}")


def _seconds(text: str) -> float | None:
    """Read how long a vote took; None where the page could not measure it."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.0 <= seconds < math.inf:
        raise _NotAsked("a vote takes a positive number of seconds")
    return seconds


@cache
def _packaged(name: str) -> str:
    return files("tuner.arena").joinpath(name).read_text(encoding="utf-8")
