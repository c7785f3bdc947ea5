"""Export tiny models the way the stage does, for tests that need a finished bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.export.checkpoints import tiny_adapter, tiny_checkpoint
from tuner.export import stage
from tuner.progress import Progress
from tuner.recipe import ExportSettings
from tuner.records import Adapter, Base, Bundle
from tuner.rundir import Workspace

CODE = '''def read_rows(path: str, limit: int = 1024) -> list[str]:
    """Read at most `limit` rows; naïve, but 3x faster than before."""
    rows = []
    with open(path) as stream:
        for number, line in enumerate(stream):
            if number >= limit or line.startswith("#"):
                break
            rows.append(line.rstrip("\\n"))
    return rows  # 日本語, €, 12345
'''


# One exact file of each kind: every further one is a start of the engine more.
FEW = ExportSettings(parity_prompts=1, quantized=[])


def tokens_of(folder: Path, text: str = CODE) -> list[int]:
    """Encode `text` with the tokenizer of a model folder."""
    from tokenizers import Tokenizer

    ids: list[int] = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids
    return ids


def tiny_bundle(
    run: Path, architecture: str = "qwen2", settings: ExportSettings | None = None, **lora: Any
) -> tuple[Base, Bundle]:
    """Export a tiny model with its adapter into the run folder `run`, and return the base and the bundle."""
    forms = {"llama": "prefix_only", "deepseek-coder": "deepseek", "deepseek2": "deepseek"}
    form = forms.get(architecture, "qwen")
    base = Base(f"tiny-{architecture}", str(tiny_checkpoint(run / "base", architecture, short=True)), "r1", form)
    tiny_adapter(run / "adapter", Path(base.path), **lora)
    adapter = Adapter("adapter", base.name, base.revision, "0" * 64, {})
    ids = tokens_of(Path(base.path))
    prompts = [ids[:length] for length in (20, 40, 60)]
    work = Workspace(run, run, run / "scratch", Progress())
    work.scratch.mkdir()
    return base, stage.run(base, adapter, prompts, settings or FEW, work)
