"""Causal attention within short rows by products of matrices, forward and backward.

In: queries, already scaled, keys and values as (positions, heads, size), fewer heads of keys and values where queries
share them; where rows begin. Out: what each position attends to, and its weights, which the backward pass needs and
does not make again. For each block of queries the scores against the keys up to it are made, so that little more than
half of all pairs is computed; torch's attention computes nearly all of them on rows of this length.

Results of products are whole tensors, and are copied or added to their place: written there, torch would make one
product after the other, which leaves a second core idle. Dropped: rows of more than `LONGEST` positions, whose weights
would take more memory than the rest of a layer.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence

import torch

BLOCK, LONGEST = 64, 512


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bounds: Sequence[int]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Give what each position attends to, as (positions, heads, size), and the weights of each block."""
    keys, values = _for_each_head(key, query), _for_each_head(value, query)
    out, weights = torch.empty_like(query), []
    for asking, seen in _blocks(bounds):
        scores = torch.bmm(query[asking].transpose(0, 1), keys[:, seen].transpose(1, 2))
        new = asking.stop - asking.start
        scores[:, :, -new:] += _future()[:new, :new]
        torch.softmax(scores, -1, out=scores)
        out[asking] = torch.bmm(scores, values[:, seen]).transpose(0, 1)
        weights.append(scores)
    return out, weights


def attend_backward(
    grad: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    out: torch.Tensor,
    weights: Sequence[torch.Tensor],
    bounds: Sequence[int],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Give the gradients of query, key and value from that of what `attend` gave, and from that itself."""
    keys, values = _for_each_head(key, query), _for_each_head(value, query)
    along = (grad * out).sum(-1).t().unsqueeze(2)
    of_query = torch.empty_like(query)
    of_key, of_value = torch.zeros_like(keys), torch.zeros_like(keys)
    for (asking, seen), weight in zip(_blocks(bounds), weights, strict=True):
        asked, back = query[asking].transpose(0, 1), grad[asking].transpose(0, 1)
        of_value[:, seen] += torch.bmm(weight.transpose(1, 2), back)
        of_scores = torch.bmm(back, values[:, seen].transpose(1, 2))
        of_scores.sub_(along[:, asking]).mul_(weight)
        of_query[asking] = torch.bmm(of_scores, keys[:, seen]).transpose(0, 1)
        of_key[:, seen] += torch.bmm(of_scores.transpose(1, 2), asked)
    shared = key.shape[1]
    return of_query, *(each.unflatten(0, (shared, -1)).sum(1).transpose(0, 1) for each in (of_key, of_value))


def _for_each_head(shared: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
    """Lay keys or values out as (heads, positions, size), once for each head that asks."""
    group = query.shape[1] // shared.shape[1]
    return shared.transpose(0, 1).unsqueeze(1).expand(-1, group, -1, -1).flatten(0, 1).contiguous()


def _blocks(bounds: Sequence[int]) -> Iterator[tuple[slice, slice]]:
    """Give, for each block of a row, its queries and the keys that they may see."""
    for first, last in itertools.pairwise(bounds):
        for start in range(first, last, BLOCK):
            end = min(last, start + BLOCK)
            yield slice(start, end), slice(first, end)


@functools.cache
def _future() -> torch.Tensor:
    """Give what takes the later positions of a block away from each of its queries."""
    return torch.full((BLOCK, BLOCK), float("-inf")).triu_(1)
