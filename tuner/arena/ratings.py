"""Turn votes into ratings with intervals, pair by pair and system by system.

In: the duels that stand in the run, the counts of what was never shown, and the votes. Out: `Preferences`. Dropped, and
counted: votes about answers that the run holds no more, and skipped duels. Equal and both bad are ties. Answers that
were the same are no votes: a rating speaks of the items on which two systems differ.

The 95 % intervals resample commits with all their votes, as every interval of a run does. A bootstrap of few votes that
all say the same has no width, so an interval reaches at least as far as the likelihood's own, which takes every vote
for independent. Voters are not resampled: the figures speak of these voters.
"""

from __future__ import annotations

import math
import statistics as middle
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.special import expit, stdtrit

from tuner.arena.agreement import agreement
from tuner.arena.bradley_terry import BradleyTerry, Numbers
from tuner.arena.duels import Duel, Matchup
from tuner.arena.votes import Vote
from tuner.preference import PairPreference, Preferences, Preferred, Rating
from tuner.records import Interval
from tuner.statistics import cluster_bootstrap

POINTS = 400.0 / math.log(10.0)  # of one unit of strength: the scale of chess ratings
RESAMPLES = 2000
_FIRST, _SECOND, _TIE = 0, 1, 2


def preferences(
    systems: Sequence[str],
    matchups: Sequence[Matchup],
    duels: Mapping[str, Duel],
    votes: Sequence[Vote],
    items_sha256: str,
    seed: int,
    resamples: int = RESAMPLES,
) -> Preferences:
    """Say what the votes say of the systems; `duels` is by id."""
    standing = [vote for vote in votes if vote.duel in duels]
    judged = [vote for vote in standing if vote.choice != "skip"]
    outcomes = [outcome(vote, duels[vote.duel]) for vote in judged]
    fitted = _Fitted(systems, matchups, [duels[vote.duel] for vote in judged], outcomes, seed, resamples)
    by_duel: dict[str, list[int]] = {}
    for vote, found in zip(judged, outcomes, strict=True):
        by_duel.setdefault(vote.duel, []).append({_FIRST: 1, _SECOND: -1, _TIE: 0}[found])
    timed = [vote.seconds for vote in judged if vote.seconds is not None]
    pairs = [_pair(each, judged, outcomes, duels, fitted) for each in matchups]
    return Preferences(
        items_sha256=items_sha256,
        voters=len({vote.voter for vote in judged}),
        votes=len(judged),
        skipped=len(standing) - len(judged),
        outdated=len(votes) - len(standing),
        items=len({vote.item for vote in judged}),
        commits=len({duels[vote.duel].commit for vote in judged}),
        seconds=middle.median(timed) if timed else None,
        systems=sorted(
            (fitted.rating(name) for name in systems), key=lambda each: -each.points.value if each.points else math.inf
        ),
        pairs=pairs,
        agreement=agreement(list(by_duel.values())),
    )


def outcome(vote: Vote, duel: Duel) -> int:
    """Say whether the vote prefers the duel's first system, its second, or neither."""
    if vote.choice not in ("left", "right"):
        return _TIE
    preferred = vote.left if vote.choice == "left" else vote.right
    return _FIRST if preferred == duel.a else _SECOND


class _Fitted:
    """The model fitted to all votes, and to every resample of the commits."""

    def __init__(
        self,
        systems: Sequence[str],
        matchups: Sequence[Matchup],
        duels: Sequence[Duel],
        outcomes: Sequence[int],
        seed: int,
        resamples: int,
    ) -> None:
        self.place = {name: place for place, name in enumerate(systems)}
        self.seed, self.resamples = seed, resamples
        self.pairs = {(each.a, each.b): row for row, each in enumerate(matchups)}
        self.model = BradleyTerry([(self.place[a], self.place[b]) for a, b in self.pairs], len(systems))
        self.commits = [duel.commit for duel in duels]
        rows = np.zeros((len(duels), len(self.pairs), 3))
        for row, (duel, found) in enumerate(zip(duels, outcomes, strict=True)):
            rows[row, self.pairs[duel.a, duel.b], found] = 1.0
        self.counts = rows.sum(axis=0)
        self.rows = rows.reshape(len(duels), 3 * len(self.pairs)).tolist()
        self.group = self._groups()
        self.covariance = self.model.fit(self.counts)[1]
        self._strengths: dict[bytes, Numbers] = {}

    def rating(self, name: str) -> Rating:
        """Rate a system against the mean of all that votes tie to the largest group of systems."""
        mine = self.place[name]
        votes = int(sum(self.counts[row].sum() for pair, row in self.pairs.items() if name in pair))
        largest = max(self.group, key=self.group.count)
        if not votes or self.group[mine] != largest:
            return Rating(name, votes, None)
        contrast = np.array([1.0 if each == largest else 0.0 for each in self.group])
        contrast = -contrast / contrast.sum()
        contrast[mine] += 1.0
        interval = self._interval(contrast)
        return Rating(name, votes, interval and replace(interval, n=votes))

    def lead(self, a: str, b: str) -> Interval | None:
        """Give the points of `a` above `b`; None where no chain of votes ties them together."""
        if self.group[self.place[a]] != self.group[self.place[b]]:
            return None
        contrast = np.zeros(len(self.place))
        contrast[self.place[a]], contrast[self.place[b]] = 1.0, -1.0
        return self._interval(contrast)

    def _interval(self, contrast: Numbers) -> Interval | None:
        def figure(sums: Numbers) -> Numbers:
            return self._strengths_of(sums) @ contrast * POINTS

        found = cluster_bootstrap(self.commits, self.rows, figure, self.resamples, self.seed)
        if found is None:
            return None
        reach = float(stdtrit(len(set(self.commits)) - 1, 0.975))
        spread = POINTS * reach * math.sqrt(contrast @ self.covariance @ contrast)
        return replace(found, low=min(found.low, found.value - spread), high=max(found.high, found.value + spread))

    def _strengths_of(self, sums: Numbers) -> Numbers:
        """Fit, once for all figures: each asks for the same resamples."""
        key = sums.tobytes()
        if key not in self._strengths:
            self._strengths[key] = self.model.fit(sums.reshape(*sums.shape[:-1], len(self.pairs), 3))[0]
        return self._strengths[key]

    def _groups(self) -> list[int]:
        """Number the systems so that those that a chain of votes ties together have the same number."""
        group = list(range(len(self.place)))
        for (a, b), row in self.pairs.items():
            if self.counts[row].sum():
                old, new = group[self.place[b]], group[self.place[a]]
                group = [new if each == old else each for each in group]
        return group


def _pair(
    matchup: Matchup, judged: Sequence[Vote], outcomes: Sequence[int], duels: Mapping[str, Duel], fitted: _Fitted
) -> PairPreference:
    pair = (matchup.a, matchup.b)
    a_votes, b_votes, ties = (int(each) for each in fitted.counts[fitted.pairs[pair]])
    bad = sum(vote.choice == "both_bad" and (duels[vote.duel].a, duels[vote.duel].b) == pair for vote in judged)
    lead = fitted.lead(*pair)
    return PairPreference(
        a=matchup.a,
        b=matchup.b,
        items=matchup.items,
        voided=matchup.voided,
        identical=matchup.identical,
        votes=a_votes + b_votes + ties,
        a_votes=a_votes,
        b_votes=b_votes,
        equal=ties - bad,
        both_bad=bad,
        lead=lead,
        share=lead and _share(lead),
        finding=_finding(lead),
    )


def _share(lead: Interval) -> Interval:
    """Give the share of deciding votes that a lead stands for."""
    value, low, high = (float(expit(points / POINTS)) for points in (lead.value, lead.low, lead.high))
    return Interval(value, low, high, lead.n)


def _finding(lead: Interval | None) -> Preferred:
    if lead is None or lead.low <= 0.0 <= lead.high:
        return "inconclusive"
    return "a_preferred" if lead.value > 0 else "b_preferred"
