"""Seeded order: the one source of chance in this room, so that no result depends on the order of the input."""

from __future__ import annotations

import math

from tuner.records import content_id


def rank(seed: int, *parts: str) -> int:
    """Give `parts` a place in a seeded shuffle: 64 bits that look random and are always the same."""
    return int(content_id(str(seed), *parts), 16)


def unit(seed: int, *parts: str) -> float:
    """Give `parts` a seeded number from 0 up to, but not including, 1."""
    return (rank(seed, *parts) >> 11) / (1 << 53)


def turn(seed: int, weight: float, *parts: str) -> float:
    """Give `parts` a place in a seeded draw without replacement; the smallest comes first.

    Whoever is left is drawn next with a chance in proportion to its weight (Efraimidis and Spirakis 2006, "Weighted
    random sampling with a reservoir": the key log(u) / w, largest first; here with its sign turned).
    """
    return -math.log(1.0 - unit(seed, *parts)) / weight
