"""A model behind an HTTP API as a system: the same items, asked in the API's own form, within a budget.

In: an endpoint of the recipe, its price, a function that finds pieces of other files, and the answers of an earlier,
stopped run, which cost money too. Out: one prediction per item, in the items' order, without bits: no API gives the
probability of a text that it did not write. `raw` is what came back; `latency_ms` is the wall time of the attempt that
succeeded, pauses and failed attempts left out.

Dropped: nothing. A failure is a void of its class. Voids wait until an answer follows them: when the endpoint cannot go
on, those at the end are not given out, so that the same command asks them again.

It stops, and keeps what it has, at a failure that no other item would escape, at the fifth of a class without an answer
between, when nothing has ever answered at the address, and when the next question could exceed the budget.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tuner.errors import EvaluateError
from tuner.evaluate.endpoints.asking import Asker, Outcome, Question
from tuner.evaluate.endpoints.budget import Hold, Meter
from tuner.evaluate.endpoints.checks import checked_key, host_of
from tuner.evaluate.endpoints.clients import Client
from tuner.evaluate.endpoints.failures import Failed
from tuner.evaluate.endpoints.stops import hopeless, over_budget
from tuner.evaluate.system import Void
from tuner.recipe import Endpoint, Price
from tuner.records import Item, Neighbour, Prediction

MOST_FAILURES = 5  # of one class without an answer between
PAID_VOIDS = (None, "timeout", "truncated", "protocol")  # what a void of an earlier run may have cost is not known


class EndpointSystem:
    """Ask one endpoint. `answered` are the answers of an earlier run; `sleep` pauses between attempts."""

    batch = 1  # every answer is kept at once: it was paid for
    times_alone = False

    def __init__(
        self,
        name: str,
        settings: Endpoint,
        price: Price | None,
        neighbours: Callable[[Item], Sequence[Neighbour]],
        *,
        answered: Iterable[Prediction] = (),
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.neighbours = neighbours
        key = checked_key(name, settings, price)
        self.meter = Meter(price, settings.budget_dollars)
        for each in answered:
            self._count(each)
        self.client = Client(settings, key)
        self.asker = Asker(f"compare.endpoints.{name}", settings, self.client, self.meter, sleep)
        self.about = {
            "protocol": settings.protocol,
            "host": host_of(settings.url),
            "model": settings.model,
            "price": settings.price or settings.model,
        }
        self._models: set[str] = set()
        self._repeated = 0

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Ask for the items in their order, `parallel` at a time, and give each answer as soon as its turn comes."""
        self.asker.ended.clear()
        voids: list[Prediction] = []
        failures: Counter[Void] = Counter()
        last: Failed | None = None
        for outcome in self._outcomes(items):
            failed = outcome.failed
            if failed is None:
                if last is None:
                    yield from voids
                    voids.clear()
                    failures.clear()
                yield outcome.prediction
            elif last is None:
                voids.append(outcome.prediction)
                failures[failed.void] += 1
                if failed.final or failures[failed.void] == MOST_FAILURES:
                    last = failed
                    self.asker.ended.set()
        if last is not None:
            raise hopeless(self.name, self.settings, self.client.address, last, failures[last.void])
        yield from voids

    def complete(self, item: Item) -> str:
        """Ask for one item alone."""
        question = self._question(item)
        hold = self.meter.hold(question.most)
        if hold is None:
            raise over_budget(self.name, self.settings, self.meter.spent, question.most)
        outcome = self._noted(self.asker.ask(question, hold))
        if outcome.failed is not None:
            seen = f"{outcome.failed.void}: {self.client.address} {outcome.failed.words}"
            raise EvaluateError(f"system `{self.name}`: {seen}")
        return outcome.prediction.text

    def figures(self, items: Sequence[Item]) -> dict[str, float]:
        """Give what the answers cost, those of an earlier run included, and how many attempts were repeated."""
        return {"dollars": self.meter.spent, "repeated_attempts": float(self._repeated)}

    def close(self) -> None:
        """End pauses and connections."""
        self.asker.ended.set()
        self.client.close()

    def _outcomes(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask in order; once the system has ended nothing more is asked, but what is under way is waited for."""
        under_way: deque[Future[Outcome]] = deque()
        most_at_once = 1  # the first question goes alone: where it fails for good, no other is sent
        with self._workers() as submit:
            for item in items:
                if self.asker.ended.is_set():
                    break
                question = self._question(item)
                while (hold := self.meter.hold(question.most)) is None and under_way:
                    yield self._noted(under_way.popleft().result())
                if self.asker.ended.is_set():
                    break
                if hold is None:
                    raise over_budget(self.name, self.settings, self.meter.spent, question.most)
                under_way.append(submit(question, hold))
                while len(under_way) >= most_at_once:
                    yield self._noted(under_way.popleft().result())
                most_at_once = self.settings.parallel
            while under_way:
                yield self._noted(under_way.popleft().result())

    @contextmanager
    def _workers(self) -> Iterator[Callable[[Question, Hold], Future[Outcome]]]:
        """Give what asks a question: at once for one at a time, in threads for several."""
        if self.settings.parallel == 1:
            yield self._ask_here
            return
        pool = ThreadPoolExecutor(self.settings.parallel, thread_name_prefix=f"endpoint-{self.name}")
        try:
            yield lambda question, hold: pool.submit(self.asker.ask, question, hold)
        except BaseException:
            self.asker.ended.set()  # a pause of minutes must not hold up an interrupted program
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask_here(self, question: Question, hold: Hold) -> Future[Outcome]:
        done: Future[Outcome] = Future()
        done.set_result(self.asker.ask(question, hold))
        return done

    def _question(self, item: Item) -> Question:
        return self.asker.question(item, self.neighbours(item))

    def _noted(self, outcome: Outcome) -> Outcome:
        """Note which model answered, as the API names it; a name that changes on the way shows as two."""
        self._repeated += outcome.attempts - 1
        if outcome.model is not None:
            self._models.add(outcome.model)
            self.about["model_reported"] = ", ".join(sorted(self._models))
        return outcome

    def _count(self, prediction: Prediction) -> None:
        """Count what an answer of an earlier run cost; one without counts of tokens as what it could have cost."""
        if prediction.void in PAID_VOIDS:
            read, written = prediction.prompt_tokens, prediction.tokens
            read = self.settings.max_prompt_chars if read is None else read
            most = max(self.settings.max_new_tokens, self.settings.max_new_tokens_block)
            written = most if written is None else written
            self.meter.settle(0.0, self.meter.cost(read, written))
