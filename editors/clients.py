"""The real clients, and how each is made to ask for a completion without a screen.

In: a `Place`. Out: the text that the client shows. Where `tuner export --editor` writes settings for a client, it is
driven with just these. `Skipped` says what is missing, `Failed` how a client ended.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from editors import tabby_agent
from editors.install import neovim, node, npm_version, python, python_version
from editors.place import (
    MODEL,
    MOST_TOKENS,
    NAME,
    PREFIX,
    SECONDS,
    SUFFIX,
    TYPED,
    Failed,
    Place,
    Skipped,
    first_line,
    program,
)

_WHERE = {
    "llama.vim": "https://github.com/ggml-org/llama.vim",
    "minuet-ai.nvim": "https://github.com/milanglacier/minuet-ai.nvim",
    "plenary.nvim": "https://github.com/nvim-lua/plenary.nvim",
}


@dataclass(frozen=True, slots=True)
class Client:
    """One client. `editor` names its settings of `tuner export --editor`; `is_recorded`: its requests may be kept."""

    name: str
    version: Callable[[Path, Path | None], str]
    drive: Callable[[Place, Path | None], str]
    editor: str = ""
    is_recorded: bool = True


def _asked(place: Place, **more: object) -> str:
    asked = {"url": place.url, "model": MODEL, "prefix": PREFIX, "suffix": SUFFIX, "max_tokens": MOST_TOKENS}
    return json.dumps(asked | more)


def _package(name: str) -> Callable[[Path, Path | None], str]:
    return lambda tools, plugins: python_version(tools, name) or npm_version(tools, name) or ""


def _sdk(which: str, package: str) -> Callable[[Place, Path | None], str]:
    def drive(place: Place, plugins: Path | None) -> str:
        if python_version(place.tools, package) is None:
            raise Skipped(f"{package} could not be installed")
        return place.run(python(place.tools), program("sdk.py"), which, given=_asked(place))

    return drive


def _llm(place: Place, plugins: Path | None) -> str:
    if python_version(place.tools, "llm") is None:
        raise Skipped("llm could not be installed")
    models = [
        {"model_id": "chat", "model_name": MODEL, "api_base": f"{place.url}/v1"},
        {"model_id": "text", "model_name": MODEL, "api_base": f"{place.url}/v1", "completion": True},
    ]
    (place.home / "extra-openai-models.yaml").write_text(json.dumps(models), encoding="utf-8")  # JSON is YAML
    llm = [python(place.tools).with_name("llm"), "--key", "none", "-n", "-o", "max_tokens", str(MOST_TOKENS)]
    user = {"LLM_USER_PATH": str(place.home)}
    shown = place.run(*llm, "-m", "text", PREFIX, **user)
    place.run(*llm, "-m", "chat", "Say hello.", **user)
    return shown


def _continue_adapter(place: Place, plugins: Path | None) -> str:
    package = "@continuedev/openai-adapters"
    main = place.tools / "npm" / "node_modules" / package / "dist" / "index.js"
    return place.run(node(place.tools, package), program("continue_adapter.mjs"), main, given=_asked(place))


def _continue_cli(place: Place, plugins: Path | None) -> str:
    runner = node(place.tools, "@continuedev/cli")
    cn = place.tools / "npm" / "node_modules" / "@continuedev" / "cli" / "dist" / "cn.js"
    return place.run(runner, cn, "--config", place.settings / "config.yaml", "-p", "Say hello.")


def _tabby(place: Place, plugins: Path | None) -> str:
    command = [node(place.tools, "tabby-agent"), str(place.tools / "npm/node_modules/tabby-agent/dist/cli.js")]
    own = place.home / ".tabby-client" / "agent"
    own.mkdir(parents=True, exist_ok=True)
    (own / "config.toml").write_bytes((place.settings / "config.toml").read_bytes())
    given = (place.project, NAME, PREFIX + SUFFIX, len(PREFIX), place.environment(), SECONDS)
    return first_line(tabby_agent.completions([*command, "--lsp", "--stdio"], *given))


def _in_neovim(ask: str, *names: str, settings: Callable[[Place], list[str]]) -> Callable[[Place, Path | None], str]:
    def drive(place: Place, plugins: Path | None) -> str:
        nvim, _ = neovim(place.tools)
        for name in names:
            if plugins is None or not (plugins / name).is_dir():
                raise Skipped(f"no {name} in PLUGINS=; `git clone {_WHERE[name]}` into a folder, and name that folder")
        assert plugins is not None
        shown = place.home / "shown.txt"
        shown.unlink(missing_ok=True)
        more = {
            "FILE": NAME,
            "LINE": str(PREFIX.count("\n") + 1),
            "TYPED": TYPED,
            "SHOWN": str(shown),
            "SECONDS": str(SECONDS // 4),
            **({"ASK": ask} if ask else {}),
        }
        paths = ",".join(str((plugins / name).resolve()) for name in names)
        given = ["--headless", "-u", "NONE", "-n", "--cmd", f"set runtimepath+={paths}", *settings(place)]
        place.run(nvim, *given, "-c", f"luafile {program('neovim.lua')}", **more)
        if not shown.is_file():
            raise Failed("it showed nothing")
        return first_line([shown.read_text(encoding="utf-8")])

    return drive


def _plugin(name: str) -> Callable[[Path, Path | None], str]:
    def version(tools: Path, plugins: Path | None) -> str:
        asked = ["git", "-C", str((plugins or Path()) / name), "log", "-1", "--format=%h of %cs"]
        commit = subprocess.run(asked, capture_output=True, text=True).stdout.strip() if plugins else ""
        return f"{commit or 'no commit known'}, Neovim {neovim(tools)[1]}"

    return version


CLIENTS = (
    Client("openai", _package("openai"), _sdk("openai", "openai")),
    Client("llm", _package("llm"), _llm),
    Client("Continue, its adapter", _package("@continuedev/openai-adapters"), _continue_adapter, "continue"),
    # What it sends holds its maker's long prompt, which is not ours to keep.
    Client("Continue, command line", _package("@continuedev/cli"), _continue_cli, "continue", is_recorded=False),
    Client("tabby-agent", _package("tabby-agent"), _tabby, "tabby"),
    Client("ollama", _package("ollama"), _sdk("ollama", "ollama")),
    Client("mistralai", _package("mistralai"), _sdk("mistral", "mistralai")),
    Client(
        "llama.vim",
        _plugin("llama.vim"),
        _in_neovim(
            "",
            "llama.vim",
            settings=lambda place: ["--cmd", f"source {place.settings}/llama.vim", "-c", "runtime plugin/llama.vim"],
        ),
        "llama.vim",
    ),
    Client(
        "minuet-ai.nvim",
        _plugin("minuet-ai.nvim"),
        _in_neovim(
            "require('minuet.virtualtext').action.next()",
            "minuet-ai.nvim",
            "plenary.nvim",
            settings=lambda place: ["-c", f"luafile {place.settings}/minuet.lua"],
        ),
        "neovim",
    ),
)
