"""The settings of `tuner sweep` and their defaults; they decide nothing about a run."""

from __future__ import annotations

from pydantic import Field

from tuner.recipe_section import Section


class SweepSettings(Section):
    max_train_tokens: int = Field(default=30_000, ge=1_000, description="training tokens of each variant of a sweep")
    repeats: int = Field(default=1, ge=1, le=20, description="trainings of each variant, each with a seed of its own")
    baseline_repeats: int = Field(
        default=2, ge=1, le=20, description="the same for the baseline; from 2 on they show the noise of the seeds"
    )
    resamples: int = Field(default=10_000, ge=100, description="resamples behind the interval of a difference")
