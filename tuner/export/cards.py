"""Write down how each exported file is used: `export/README.md` and Ollama's Modelfiles.

In: the base, the adapter's settings and the finished artefacts with their parity. Out: text. Commands for engines that
this program does not run itself (vLLM, Ollama, LM Studio) follow their documentation and are marked as not run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tuner.fim_forms import FORMS
from tuner.records import Artefact, Base

# vLLM accepts these values of --max-lora-rank only.
_VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
_OLLAMA_CHAT = (
    "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)


@dataclass(frozen=True, slots=True)
class Cards:
    """What the texts are made from. `effect` is how far tuning moved the log-probabilities; None where not measured."""

    base: Base
    adapter_config: dict[str, Any]
    artefacts: list[Artefact]
    skipped: dict[str, str]
    effect: float | None

    def readme(self) -> str:
        """Give `export/README.md`."""
        names = {each.name: each.path.removeprefix("export/") for each in self.artefacts}
        parts = [_HEAD.format(base=self.base.name), self._table(), self._peft()]
        if "base-gguf" in names and "adapter-gguf" in names:
            parts.append(_LLAMA_SERVER.format(base=names["base-gguf"], adapter=names["adapter-gguf"]))
            parts.append(_OLLAMA.format(merged="" if "merged-gguf" in names else _NO_MERGED))
        if "merged-gguf" in names:
            parts.append(_LM_STUDIO.format(merged=names["merged-gguf"]))
        if "merged" in names:
            parts.append(_TRANSFORMERS.format(merged=names["merged"]))
        return "\n".join(parts)

    def modelfile(self, model: str, adapter: str | None) -> str:
        """Give an Ollama Modelfile for a GGUF base with its adapter, or for a merged GGUF; paths are relative to it."""
        form = next(each for each in FORMS if each.name == self.base.fim_form)
        lines = [f"FROM {model}"]
        if adapter is not None:
            lines.append(f"ADAPTER {adapter}")
        plain = "{{ .Prompt }}"
        if "<|im_end|>" in form.stops:
            plain = "{{ if .Messages }}" + _OLLAMA_CHAT + "{{ else }}{{ .Prompt }}{{ end }}"
        if form.prefix:
            infill = f"{{{{ if .Suffix }}}}{form.prefix}{{{{ .Prompt }}}}{form.suffix}{{{{ .Suffix }}}}{form.middle}"
            plain = infill + "{{ else }}" + plain + "{{ end }}"
        lines.append(f'TEMPLATE """{plain}"""')
        lines += [f'PARAMETER stop "{stop}"' for stop in form.stops]
        return "\n".join(lines) + "\n"

    def _table(self) -> str:
        lines = ["| file | largest difference | mean KL, nats | verdict |", "|---|---|---|---|"]
        for each in self.artefacts:
            verdict = {True: "passed", False: "FAILED: do not use", None: "not judged"}[each.passed]
            if each.name == "peft":
                verdict = "is what was evaluated"
            largest, divergence = _figure(each.max_abs_difference), _figure(each.mean_kl)
            lines.append(f"| `{each.path.removeprefix('export/')}` | {largest} | {divergence} | {verdict} |")
        effect = "" if self.effect is None else f" Tuning itself moved them by up to {self.effect:.3g}."
        meaning = "The difference is in log-probabilities, against the evaluated model in PyTorch; see `parity.json`."
        lines += ["", meaning + effect]
        lines += [f"\nNot exported: {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines) + "\n"

    def _peft(self) -> str:
        ranks = [int(self.adapter_config["r"]), *map(int, (self.adapter_config.get("rank_pattern") or {}).values())]
        rank = next((each for each in _VLLM_RANKS if each >= max(ranks)), max(ranks))
        return _PEFT.format(base=self.base.name, rank=rank)


def _figure(value: float | None) -> str:
    return "not run" if value is None else f"{value:.2g}"


_HEAD = """# How to use this model

It is `{base}` with a LoRA adapter. It learned from your repository: treat these files as confidential as the code.
Commands are given from this folder. `tuner serve` is the shortest way; it checks the files before it starts.
"""
_PEFT = """## PEFT, vLLM

    from peft import AutoPeftModelForCausalLM
    model = AutoPeftModelForCausalLM.from_pretrained("peft")

`BASE` is the base as your machine finds it: {base}. vLLM (not run by this program):

    vllm serve BASE --enable-lora --max-lora-rank {rank} --lora-modules tuned=peft

The adapter answers to the model name `tuned`.
"""
_LLAMA_SERVER = """## llama-server

    llama-server -m {base} --lora {adapter} --host 127.0.0.1 --port 8012

The files were loaded and compared in this engine, as a library. A request can switch the adapter off with
`"lora": [{{"id": 0, "scale": 0}}]`; an empty list does not.
"""
_OLLAMA = """## Ollama (not run by this program)

    ollama create tuned -f ollama/Modelfile
    ollama create tuned-merged -f ollama/Modelfile.merged

The second is for versions whose engine says "loras are not yet implemented".{merged}
"""
_NO_MERGED = " It needs a merged GGUF, which was not exported; see above."
_LM_STUDIO = """## LM Studio, Jan (not run by this program)

They take the merged file only: copy `{merged}` to `models/<publisher>/<name>/`.
"""
_TRANSFORMERS = """## transformers

    transformers serve          # then ask for the model by the path of this folder's `{merged}`
"""
