"""Open the system that a name stands for.

    base, tuned              the local model, without and with its adapter
    base+bm25, tuned+bm25    the same, with what retrieval finds in the repository as it stood at the cut
    copier                   plain copying from the repository as it stood at the cut
    control                  the local model with the adapter of another repository's run
    copilot                  GitHub's language server, or a recording of what it answered
    an endpoint's name       a model behind an HTTP API
    an imported file's name  answers that people collected by hand

Nothing is loaded or started before the context is entered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tuner.errors import DataError, EvaluateError
from tuner.evaluate.copier import Copier
from tuner.evaluate.copilot.program import find_server
from tuner.evaluate.copilot.recording import Recorded
from tuner.evaluate.copilot.system import NOTICE, CopilotSystem, require_consent
from tuner.evaluate.endpoints.checks import checked_key
from tuner.evaluate.familiarity import Scorer
from tuner.evaluate.imported import Imported
from tuner.evaluate.system import System
from tuner.recipe import CompareSettings, EvaluateSettings
from tuner.records import Base
from tuner.render import Renderer
from tuner.retrieval import Retrieval

WITH_RETRIEVAL = "+bm25"


@contextmanager
def local_system(
    name: str, base: Base, adapter_folder: Path, pairs: Path, renderer: Renderer, settings: EvaluateSettings
) -> Iterator[System]:
    """Load the base, with the adapter if the name says `tuned`, and the index if it says `+bm25`."""
    from tuner.evaluate.local import LocalSystem

    retrieval = Retrieval(pairs, settings.retrieved) if name.endswith(WITH_RETRIEVAL) else None
    model = _loaded(base, adapter_folder if name.startswith("tuned") else None, settings)
    with _memory_named(settings):
        yield LocalSystem(name, model, renderer, settings, retrieval.neighbours if retrieval else None)


@contextmanager
def scorer(base: Base, renderer: Renderer, settings: EvaluateSettings) -> Iterator[Scorer]:
    """Load the base to score text with it."""
    from tuner.evaluate.local import LocalSystem

    with _memory_named(settings):
        yield LocalSystem("base", _loaded(base, None, settings), renderer, settings)


@contextmanager
def control_system(
    base: Base, adapter_folder: Path, about: dict[str, str], renderer: Renderer, settings: EvaluateSettings
) -> Iterator[System]:
    """Load the base with another run's adapter; `about` says whose it is."""
    from tuner.evaluate.local import LocalSystem

    system = LocalSystem("control", _loaded(base, adapter_folder, settings), renderer, settings)
    system.about |= about
    with _memory_named(settings):
        yield system


@contextmanager
def other_system(
    name: str, settings: CompareSettings, pairs: Path, evaluate: EvaluateSettings, scratch: Path
) -> Iterator[System]:
    """Open the copier, Copilot, a file of answers, or an endpoint, as the recipe describes it under this name.

    What an endpoint answered before it was stopped is counted against its budget.
    """
    if name == "copier":
        yield Copier(name, pairs)
        return
    if name in settings.imported:
        yield Imported(name, Path(settings.imported[name]))
        return
    if name == "copilot" and settings.copilot.recording is not None:
        yield Recorded(name, Path(settings.copilot.recording))
        return
    neighbours = Retrieval(pairs, evaluate.retrieved).neighbours
    if name == "copilot":
        with CopilotSystem(settings.copilot, neighbours, scratch) as copilot:
            yield copilot
        return
    from tuner.evaluate.endpoints.system import EndpointSystem  # it loads the client libraries
    from tuner.evaluate.stage import answered_before

    endpoint = settings.endpoints[name]
    price = settings.prices.get(endpoint.price or endpoint.model)
    before = answered_before(scratch / f"{name}.answered.jsonl")
    with closing(EndpointSystem(name, endpoint, price, neighbours, answered=before)) as system:
        yield system


def check(name: str, settings: CompareSettings) -> None:
    """Refuse at once what could only be refused later: a leave, a key, a price, a program or a file that is missing."""
    recording = settings.copilot.recording if name == "copilot" else settings.imported.get(name)
    if recording is not None:
        if not Path(recording).is_file():
            setting = "compare.copilot.recording" if name == "copilot" else f"compare.imported.{name}"
            raise DataError(f"{recording}: no such file", f"`{setting}` names a file of answers")
    elif name == "copilot":
        require_consent(settings.copilot)
        find_server(settings.copilot)
    elif name in settings.endpoints:
        endpoint = settings.endpoints[name]
        checked_key(name, endpoint, settings.prices.get(endpoint.price or endpoint.model))


def notices(settings: CompareSettings, names: Sequence[str]) -> list[str]:
    """Say, before any of these systems is asked, where the items' code will be sent."""
    said = []
    if "copilot" in names and settings.copilot.recording is None:
        said.append(NOTICE)
    for name in names:
        endpoint = settings.endpoints.get(name)
        if endpoint is not None and endpoint.send_code:
            said.append(
                f"`{name}` sends the items' code and that of their neighbours to {urlsplit(endpoint.url).hostname}"
            )
    return said


def _loaded(base: Base, adapter: Path | None, settings: EvaluateSettings) -> Any:
    from tuner.evaluate.weight_layout import lay_out_by_columns
    from tuner.models import load_judge

    model = load_judge(base, adapter, settings.quantization)
    lay_out_by_columns(model)
    return model


@contextmanager
def _memory_named(settings: EvaluateSettings) -> Iterator[None]:
    """Say what to lower where answering takes more memory than there is, as far as it is not lowered already."""
    from tuner.models import is_out_of_memory

    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        ways = {
            f"evaluate.batch={settings.batch // 4 or 1}": settings.batch > 1,
            "evaluate.quantization=nf4": settings.quantization == "none",
            f"evaluate.max_prompt_tokens={settings.max_prompt_tokens // 2}": settings.max_prompt_tokens >= 64,
        }
        hints = [f'SET="{words}"' for words, useful in ways.items() if useful]
        raise EvaluateError(
            f"out of memory while answering {settings.batch} items at once",
            f"{', or '.join(hints)}; the adapter is kept",
        ) from None
