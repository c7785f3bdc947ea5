"""Keep what answers cost below a budget in dollars.

In: a price per million tokens and a budget; before each request what it could cost at most; after it what it did cost.
Out: whether it may be sent. Requests under way count with the most they could cost, so that several at once cannot go
beyond the budget together. A request that may have been worked on, but of which no bill came back, counts in full.

No API says beforehand how many tokens a text has: a token holds a byte or more, so a text has no more tokens than
bytes. Without a price, as on the loopback address, nothing is counted.
"""

from __future__ import annotations

import threading

from tuner.recipe import Price

MILLION = 1_000_000


class Meter:
    """Dollars spent and held back, for any number of threads."""

    def __init__(self, price: Price | None, budget: float) -> None:
        self.price = price
        self.budget = budget
        self.spent = 0.0
        self._held = 0.0
        self._lock = threading.Lock()

    def cost(self, prompt_tokens: int, tokens: int) -> float:
        """Price the tokens of one request."""
        return 0.0 if self.price is None else (prompt_tokens * self.price.input + tokens * self.price.output) / MILLION

    def hold(self, most: float) -> Hold | None:
        """Hold back what a request could cost; None where that does not fit the budget."""
        with self._lock:
            if self.spent + self._held + most > self.budget and most > 0:
                return None
            self._held += most
        return Hold(self, most)

    def settle(self, held: float, cost: float) -> None:
        """Give back what was held and count what was spent."""
        with self._lock:
            self._held -= held
            self.spent += cost


class Hold:
    """Dollars held back for one question; it must be settled or released once."""

    def __init__(self, meter: Meter, most: float) -> None:
        self.meter = meter
        self.most = most
        self._held = most

    def settle(self, cost: float) -> None:
        """Count what the answer cost."""
        self.meter.settle(self._held, cost)
        self._held = 0.0

    def release(self) -> None:
        """Give back what is still held: the request cost nothing."""
        self.settle(0.0)

    def lose(self) -> bool:
        """Count an attempt without a bill in full, and tell whether another one still fits."""
        self.settle(self.most)
        again = self.meter.hold(self.most)
        self._held = self.most if again else 0.0
        return again is not None
