"""Write down how each exported file is used: `export/README.md`, and for each engine a folder with the exact command.

In: the base, the adapter's settings and the finished artefacts with their parity. Out: files. Commands for engines that
this program does not run itself (vLLM, Ollama, LM Studio, Tabby) follow their documentation and are marked as not run.
A folder is left out where no file exists that its engine could load.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner import vllm_rules
from tuner.export.editors import MODEL_NAME
from tuner.export.infill_templates import form_named, infill_template, ollama_template
from tuner.export.pages import fill
from tuner.export.parity import Finding
from tuner.recipe import ServeSettings
from tuner.records import Artefact, Base


@dataclass(frozen=True, slots=True)
class Cards:
    """What the texts are made from. `effect` is how far tuning moved the log-probabilities; None where not measured."""

    base: Base
    run_name: str
    adapter_config: dict[str, Any]
    artefacts: list[Artefact]
    findings: dict[str, Finding]
    skipped: dict[str, str]
    effect: float | None

    def write(self, folder: Path) -> None:
        """Write all pages and engine folders into an export folder."""
        pages = {"vllm": self._vllm()}
        if self._merged():
            pages |= {
                "llama-server": self._llama_server(),
                "ollama": self._ollama(),
                "lm-studio": self._lm_studio(),
                "tabby": self._tabby(),
            }
        elif self._path("adapter-gguf"):
            pages |= {"llama-server": self._llama_server(), "ollama": self._ollama()}
        for engine, files in pages.items():
            (folder / engine).mkdir()
            for name, text in files.items():
                (folder / engine / name).write_text(text, encoding="utf-8")
        (folder / "README.md").write_text(self._readme(sorted(pages)), encoding="utf-8")

    def _readme(self, engines: list[str]) -> str:
        warnings = [f"{name}: {each.warning}" for name, each in self.findings.items() if each.warning]
        warnings += [f"{name}: {each.note}" for name, each in self.findings.items() if each.passed is False]
        return fill(
            "engines/README.md",
            base=self.base.name,
            rows=[self._row(each) for each in self.artefacts],
            effect=None if self.effect is None else f"{self.effect:.3g}",
            warnings=warnings,
            skipped=sorted(self.skipped.items()),
            engines=[(name, f"{name}/README.md") for name in engines],
        )

    def _row(self, artefact: Artefact) -> dict[str, str]:
        finding = self.findings.get(artefact.name)
        verdict = {True: "passed", False: "FAILED: do not use", None: "reported, not judged"}[artefact.passed]
        if artefact.name == "peft":
            verdict = "is what was evaluated"
        drift = finding.drift if finding else None
        return {
            "path": artefact.path.removeprefix("export/"),
            "format": artefact.format.rpartition(" ")[2],
            "largest": _figure(artefact.max_abs_difference),
            "divergence": _figure(artefact.mean_kl),
            "answers": "-" if drift is None else f"{drift.differing} of {drift.items}",
            "verdict": verdict,
        }

    def _ollama(self) -> dict[str, str]:
        form = form_named(self.base.fim_form)
        adapter, base = self._path("adapter-gguf"), self._path("base-gguf")
        files: dict[str, str] = {}
        listed: list[dict[str, str]] = []
        models: list[tuple[str, str, str, str | None]] = []
        if adapter and base:
            models.append(("Modelfile", MODEL_NAME, base, adapter))
        for number, path in enumerate(self._merged()):
            kind = "" if number == 0 else f"-{_format_of(path)}"
            models.append((f"Modelfile.merged{kind}", f"{MODEL_NAME}-merged{kind}", path, None))
        for name, model, file, added in models:
            listed.append({"name": name, "model": model})
            files[name] = fill(
                "engines/ollama/Modelfile",
                model=f"../{file}",
                adapter=f"../{added}" if added else None,
                template=ollama_template(form),
                stops=form.stops,
            )
        files["README.md"] = fill(
            "engines/ollama/README.md",
            modelfiles=listed,
            infills=form.prefix is not None,
            has_adapter=adapter is not None,
            no_adapter=self.skipped.get("adapter-gguf", ""),
        )
        return files

    def _vllm(self) -> dict[str, str]:
        refusals = vllm_rules.refusals(self.adapter_config)
        on_hub = re.fullmatch(r"[\w.-]+/[\w.-]+", self.base.name) is not None
        values = {
            "name": MODEL_NAME,
            "refusals": refusals,
            "rank": vllm_rules.largest_rank(self.adapter_config),
            "limit": vllm_rules.rank_limit(self.adapter_config),
            "default": vllm_rules.DEFAULT_RANK,
            "base_default": f"-{self.base.name}" if on_hub else "?a hub id or the folder of the base",
            "base_hint": "" if on_hub else f"`tuner base {self.base.name}` shows where it lies on this machine",
        }
        return {name: fill(f"engines/vllm/{name}", **values) for name in ("README.md", "serve.sh")}

    def _llama_server(self) -> dict[str, str]:
        values = {
            "name": MODEL_NAME,
            "port": ServeSettings().port,
            "base": self._path("base-gguf"),
            "adapter": self._path("adapter-gguf"),
            "merged": self._merged(),
            "infills": form_named(self.base.fim_form).prefix is not None,
            "no_adapter": self.skipped.get("adapter-gguf", ""),
        }
        return {name: fill(f"engines/llama-server/{name}", **values) for name in ("README.md", "serve.sh")}

    def _lm_studio(self) -> dict[str, str]:
        values = {"name": self.run_name, "file": self._merged()[0]}
        return {name: fill(f"engines/lm-studio/{name}", **values) for name in ("README.md", "install.sh")}

    def _tabby(self) -> dict[str, str]:
        template = infill_template(form_named(self.base.fim_form), "{prefix}", "{suffix}")
        port, file = ServeSettings().port, self._merged()[0]
        values = {"name": self.run_name, "port": port, "file": file, "template": template}
        names = ("README.md", "config.toml", "tabby.json", "install.sh")
        return {name: fill(f"engines/tabby/{name}", **values) for name in names}

    def _path(self, name: str) -> str | None:
        """Give an artefact's path below the export folder; None where it was not written or failed its check."""
        found = next((each for each in self.artefacts if each.name == name and each.passed is not False), None)
        return found.path.removeprefix("export/") if found else None

    def _merged(self) -> list[str]:
        """List the merged GGUF files that may be used, the most exact first."""
        names = [each.name for each in self.artefacts if each.name.startswith("merged-")]
        return [path for name in names if (path := self._path(name)) is not None]


def _format_of(path: str) -> str:
    return Path(path).stem.rpartition("-")[2]


def _figure(value: float | None) -> str:
    return "not run" if value is None else f"{value:.2g}"
