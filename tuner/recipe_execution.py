"""The settings of `evaluate` that say what is run, and how: they change no answer to the frozen items.

In: nothing. Out: a section that `EvaluateSettings` takes over, with the defaults of `tuner/recipe.py`'s kind.
"""

from __future__ import annotations

import shlex
from typing import Literal

from pydantic import Field, field_validator

from tuner.recipe_section import Section


class ExecutionSettings(Section):
    tasks: bool = Field(
        default=False, description="yes lets base and tuned solve the general tasks of the program, run in a sandbox"
    )
    execution: Literal["none", "sandbox"] = Field(
        default="none",
        description="sandbox RUNS CODE OF THE REPOSITORY: tested functions are written anew and their tests run",
    )
    test_command: str = Field(
        default="python -m pytest -q -x -p no:cacheprovider {tests}",
        description="how a function's tests are run; {tests} becomes their node ids",
    )
    python: str | None = Field(
        default=None,
        description="interpreter with the packages that the tests need; null takes the one that runs tuner",
    )
    python_path: list[str] = Field(
        default=["src", "."], description="folders of the checkout that imports are looked up in first"
    )
    execution_items: int = Field(default=60, ge=2, description="functions whose answers are run at most")
    test_seconds: float = Field(default=120.0, gt=0, description="a run of a function's tests ends after this")
    test_memory_mib: int = Field(default=2048, ge=64, description="memory of such a run, all its processes together")

    @field_validator("test_command", mode="after")
    @classmethod
    def _is_a_command(cls, command: str) -> str:
        if not shlex.split(command):
            raise ValueError("wanted a command such as python -m pytest -q {tests}")
        return command


EXECUTION_FIELDS = frozenset(ExecutionSettings.model_fields)
