"""The families of models that can be tuned, as data: how each is recognised, infilled, adapted and exported.

In: a base's parsed `config.json` and the name of its infilling form, which its vocabulary gives. Out: its family. The
name of a base decides nothing. A base of no known family is adapted on its linear layers like the others; only experts
that are fused into one tensor must be known, because nothing else would adapt them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tuner.fim_forms import FORMS, FimForm

LINEAR = "all linear layers but the head"
FUSED_EXPERTS = ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")  # as transformers 5 names them
ALL = "PEFT, merged, GGUF, GGUF adapter"
NO_GGUF = "the PEFT folder alone"


@dataclass(frozen=True, slots=True)
class Family:
    """What is common to the bases of a family.

    `model_types` and `forms` recognise it. `experts` names the fused expert tensors, to be adapted beside the linear
    layers. `exports` is what the export stage writes for it.
    """

    name: str
    model_types: tuple[str, ...]
    forms: tuple[str, ...]
    exports: str
    experts: tuple[str, ...] = ()

    @property
    def targets(self) -> str:
        """Say in words what is adapted."""
        return f"{LINEAR}, and {' and '.join(f'`{name}`' for name in self.experts)}" if self.experts else LINEAR


_MERGED_MOE = "PEFT, merged, merged GGUF: no GGUF adapter holds fused experts"
_MERGED_MLA = "PEFT, merged, merged GGUF: llama.cpp drops adapters on latent attention"
FAMILIES = (
    Family("Qwen2.5-Coder", ("qwen2",), ("qwen",), ALL),
    Family("R1-Distill-Qwen", ("qwen2",), ("r1_qwen",), ALL),
    Family("Qwen3", ("qwen3",), ("qwen",), ALL),
    Family("Qwen3-Coder, Qwen3 MoE", ("qwen3_moe",), ("qwen",), _MERGED_MOE, FUSED_EXPERTS),
    Family("DeepSeek-Coder", ("llama",), ("deepseek", "plain_deepseek"), ALL),
    Family("DeepSeek-Coder-V2", ("deepseek_v2",), ("deepseek", "plain_deepseek"), _MERGED_MLA, FUSED_EXPERTS),
    Family("DeepSeek-V3", ("deepseek_v3",), ("deepseek", "plain_deepseek"), NO_GGUF, FUSED_EXPERTS),
    Family("GLM-4, CodeGeeX4", ("glm", "glm4"), ("glm", "plain_glm"), NO_GGUF),
    Family("GLM-4.5", ("glm4_moe",), ("glm", "plain_glm"), NO_GGUF, FUSED_EXPERTS),
    Family("SmolLM2", ("llama",), ("prefix_only",), ALL),
    Family("Llama 3", ("llama",), ("plain_llama", "plain"), ALL),
)


def find_family(config: dict[str, Any], form: str) -> Family:
    """Recognise a family by the model type and the infilling form; one of its own where none is known."""
    kind = str(config.get("model_type"))
    for family in FAMILIES:
        if kind in family.model_types and form in family.forms:
            return family
    return Family(f"other ({kind})", (kind,), (form,), "what its architecture allows")


def families_table() -> str:
    """List the families as a Markdown table, for docs/families.md."""
    head = (
        "| family | `model_type` | infilling | other files | stops | begins with | LoRA on | exports |",
        "|---|---|---|---|---|---|---|---|",
    )
    forms = {form.name: form for form in FORMS}
    return "\n".join([*head, *(_line(family, forms[family.forms[0]]) for family in FAMILIES)]) + "\n"


def _line(family: Family, form: FimForm) -> str:
    around = {"psm": "{p}PREFIX{s}SUFFIX{m}", "spm": "{s}SUFFIX{p}PREFIX{m}"}[form.order]
    hole = around.format(p=form.prefix, s=form.suffix, m=form.middle) + form.answering if form.prefix else ""
    cells = (
        family.name,
        _code(", ".join(family.model_types)),
        f"{form.order.upper()} {_code(hole)}" if hole else "none: prefix only",
        _code(form.repo + form.file),
        " ".join(map(_code, form.stops)),
        _code(form.begin) if form.begin else "nothing",
        family.targets,
        family.exports,
    )
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    shown = text.replace("|", "\\|").replace("\n", "↵")
    return f"`{shown}`"
