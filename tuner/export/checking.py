"""Load every written file in the engine that will serve it, and compare what it says with the evaluated model.

In: what was written, the prompts and the slice of evaluation items. Out: one finding a file, by name. A file that the
engine cannot load is a finding about that file, and the others are still checked.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from tuner.errors import ExportError
from tuner.export import parity
from tuner.export.answers import NO_SLICE, drift_of
from tuner.export.writing import Written
from tuner.recipe import ExportSettings
from tuner.records import Base
from tuner.rundir import Workspace


def check_all(
    base: Base,
    source: Path,
    questions: parity.Questions,
    settings: ExportSettings,
    written: list[Written],
    work: Workspace,
) -> tuple[float, dict[str, parity.Finding]]:
    """Compare everything that can be run; return how far tuning itself moved the answers, and the findings."""
    runnable = [each for each in written if each.model is not None or each.name == "merged"]
    findings: dict[str, parity.Finding] = {}
    with work.progress.track("comparing answers", total=len(runnable) + 2, unit="model") as track:
        expected = parity.reference(base, source, questions.prompts)
        effect, effect_kl = expected.effect
        track.advance(2)
        for each in runnable:
            track.note(each.name)
            wanted = expected.tuned if each.tuned else expected.base
            if each.model is None:
                findings[each.name] = _ask_torch(base, each, wanted, questions, settings)
            else:
                log = work.scratch / f"{each.name}.log"
                findings[each.name] = _ask_engine(each, wanted, effect_kl, questions, log, settings)
            track.advance()
    return effect, findings


def _ask_torch(
    base: Base, folder: Written, wanted: np.ndarray, questions: parity.Questions, settings: ExportSettings
) -> parity.Finding:
    found = parity.torch_answers(replace(base, path=str(folder.path)), None, questions.prompts)
    exact = not folder.format.endswith("bf16")
    judge = partial(parity.judge, number_format="float", tokens_equal=True) if exact else parity.judge_bfloat16
    return judge(wanted, found, settings=settings)


def _ask_engine(
    file: Written,
    wanted: np.ndarray,
    effect_kl: float,
    questions: parity.Questions,
    log: Path,
    settings: ExportSettings,
) -> parity.Finding:
    import torch

    assert file.model is not None
    threads = max(1, torch.get_num_threads() // 2)  # the engine's threads spin: one too many stalls a busy machine
    if not file.tuned:
        questions = replace(questions, items=NO_SLICE)  # what was evaluated on the slice is the tuned model
    try:
        answers = parity.engine_answers(file.model, file.adapter, questions, threads, log)
    except ExportError as error:
        return parity.Finding(None, None, None, False, error.message)
    number_format = file.model.stem.rpartition("-")[2]
    finding = parity.judge(wanted, answers.rows, number_format, settings, answers.tokens == questions.tokens)
    # two tokens whose log-probabilities each moved by the limit can change places across twice of it
    drift = drift_of(questions.items, answers.items, 2 * settings.max_logit_difference)
    return parity.judge_answers(finding, drift, effect_kl, settings)
