"""Keep keys and values where the next token's are written behind them, in place of a copy of all of them at each step.

In: a model. Out: a cache for it as transformers' `DynamicCache`, whose layers grow in place. Layers that do more than
append (a sliding window, a recurrent state) stay as transformers makes them.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

ROOM_TOKENS = 64  # a copy of everything in so many steps


class GrowingLayer(DynamicLayer):
    """One layer's keys and values: views of the tokens in use, of tensors that have room for more."""

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        super().lazy_initialization(key_states, value_states)
        self.keys, self.values = key_states[..., :0, :], value_states[..., :0, :]
        self.room: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the states of new tokens behind what is there, and give all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        before, after = self.keys.shape[-2], self.keys.shape[-2] + key_states.shape[-2]
        if self.room is None or self.room[0].shape[-2] < after:
            self.room = _with_room(self.keys, after), _with_room(self.values, after)
        for room, states in zip(self.room, (key_states, value_states), strict=True):
            room[..., before:after, :] = states
        self.keys, self.values = (room[..., :after, :] for room in self.room)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep these rows of the batch; they are copied, so that the room of the others is free."""
        super().batch_select_indices(indices)
        self.room = None


def growing_cache(model: Any) -> DynamicCache:
    """Make an empty cache for the model."""
    cache = DynamicCache(config=model.config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def _with_room(states: torch.Tensor, tokens: int) -> torch.Tensor:
    """Copy the states into the beginning of a tensor that holds so many tokens and more."""
    room = states.new_empty(*states.shape[:-2], tokens + ROOM_TOKENS, states.shape[-1])
    room[..., : states.shape[-2], :] = states
    return room
